"""What things are called changes nothing: names that a file uses itself, anonymous names, a loss spelled out."""

from __future__ import annotations

import ast

import pytest
from sympy import exp

from symgrad.codegen.names import RESERVED
from symgrad.language.errors import DeclarationError
from symgrad.language.model import Model
from symgrad.language.optimizers import SGD, Adam, Optimizer
from symgrad.language.surface import axes, mean
from symgrad.pipeline import derive_gradients, generate

from .models import AXES, NAMES, concat_lm
from .running import gradient_errors, plain, step_errors, wrong

# The tensors C, W1, W2, x, y, a, h, o, p, L and the axes b, t, d, i, v, in that order.
AWKWARD = {
    "functions of the file": ("exp real np order losses row product tanh plus loss", AXES),
    "its local numbers": ("C L_total W2 x_batch y L L_sum o_max o p_exp", AXES),
    "its settings and builtins": ("lr_ beta C_x dC x_ range float t_ dh turn", AXES),
    "indices like functions": ("C W1 W2 x y a h o p L", "exp:B tanh:N real:D order:H np:V"),
    "indices like tensors": ("C W1 W2 x y a h o p loss", "dC:B L_sum:N o_max:D W1_new:H x_batch:V"),
    "sizes like functions": ("C W1 W2 x y a h o p L", "b:exp t:real d:order i:np v:range"),
    "one behind the other": ("exp exp_ exp__ real_ real step step_ log log_ loss_", "b:B exp___:N d:D i:H v:V"),
    "Greek and soft keywords": ("λ μ match case type σ η ψ π Λ", "b:B t:N δ:D ι:H ν:V"),
}
PLAIN = {"B": 3, "N": 2, "D": 4, "H": 5, "V": 7}


def named(names: str) -> dict[str, str]:
    return dict(zip(NAMES, names.split(), strict=True))


def sizes_of(letters: str) -> dict[str, int]:
    return {part.split(":")[1]: size for part, size in zip(letters.split(), PLAIN.values(), strict=True)}


@pytest.mark.parametrize(("names", "letters"), AWKWARD.values(), ids=AWKWARD)
def test_awkward_names_change_no_result(names: str, letters: str) -> None:
    program = concat_lm(named(names), letters)
    gradients = derive_gradients(program)
    for rule in (SGD(), Adam()):
        emitted = plain(generate(program, rule, "float64"))
        assert not wrong(gradient_errors(gradients, emitted, sizes_of(letters)), 1e-10)
        assert not wrong(step_errors(emitted, sizes_of(letters), 2), 1e-10)


@pytest.mark.parametrize("word", ("lambda", "None", "while", "is"))
def test_words_of_python_are_refused(word: str) -> None:
    with pytest.raises(DeclarationError, match=word):
        Model("m").parameters(**{word: axes("i:H")})


def test_every_name_that_a_file_uses_is_reserved() -> None:
    for rule in (SGD(), Adam()):
        tree = ast.parse(generate(concat_lm(), rule).source)
        for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
            names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
            stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
            given = {argument.arg for argument in function.args.args}
            if function.name.startswith(("loss", "gradients", "step", "train_", "mean_loss")):
                sweeps = {node.name for node in tree.body if "_sweep_" in getattr(node, "name", "")}
                assert names - stored - given - sweeps <= RESERVED, function.name


ANONYMOUS = ("u1 u2 u3 u4 u5 u6 u7 u8 u9 u10", "k1:S1 k2:S2 k3:S3 k4:S4 k5:S5")
BACKWARDS = ("z y x w v u m s r q", "e:E d:D c:C_ b:B a:A")


@pytest.mark.parametrize("rule", (SGD(), Adam()), ids=lambda rule: rule.name)
@pytest.mark.parametrize(("names", "letters"), (ANONYMOUS, BACKWARDS), ids=("anonymous", "in another alphabet"))
def test_other_names_give_the_same_code(names: str, letters: str, rule: Optimizer) -> None:
    assert canonical(generate(concat_lm(named(names), letters), rule).source) == canonical(
        generate(concat_lm(), rule).source
    )


@pytest.mark.parametrize("rule", (SGD(), Adam()), ids=lambda rule: rule.name)
def test_a_loss_spelled_out_gives_the_same_step(rule: Optimizer) -> None:
    names, letters = ANONYMOUS
    spelled = generate(concat_lm(named(names), letters, spelled_out=True), rule).source
    usual = generate(concat_lm(), rule).source
    assert canonical(spelled, "step") == canonical(usual, "step")


def canonical(source: str, function: str | None = None) -> str:
    """The functions of a file (or one of them) without comments and docstrings, names numbered as they come."""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return "\n".join(ast.unparse(Renumbered().visit(f)) for f in functions if function in (None, f.name))


class Renumbered(ast.NodeTransformer):
    """Names that are not the file's own become name0, name1, ...; a loop's index gets a new one in each loop."""

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}
        self.count = 0

    def renamed(self, name: str) -> str:
        if name in RESERVED:
            return name
        if name not in self.numbers:
            self.count += 1
            self.numbers[name] = f"name{self.count}"
        return self.numbers[name]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(self.renamed(node.arg))

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.renamed(node.id), node.ctx)

    def visit_For(self, node: ast.For) -> ast.For:
        extent = self.visit(node.iter)
        before = self.numbers.pop(node.target.id, None)
        target = self.visit(node.target)
        body = [self.visit(line) for line in node.body]
        self.numbers.pop(node.target.id, None)
        if before is not None:
            self.numbers[node.target.id] = before
        return ast.For(target, extent, body, [], lineno=0)


def test_a_tensor_may_be_called_like_its_index() -> None:
    model = Model("same")
    i = axes("i:H")
    w = model.parameters(w=(i,))
    model.minimize("L", mean(exp(w[i]), i))
    emitted = plain(generate(model, dtype="float64"))
    assert not wrong(gradient_errors(derive_gradients(model.program), emitted, {"H": 3}), 1e-10)
