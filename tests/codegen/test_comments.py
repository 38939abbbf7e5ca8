"""Comments say what is computed: the equations as symgrad's printer writes them, no more and no fewer."""

from __future__ import annotations

import ast
import re

import pytest

from symgrad import pipeline
from symgrad.codegen.emitted_file import Parts
from symgrad.language.notation import equation_text
from symgrad.language.optimizers import SGD, Adam
from symgrad.language.program import Equation, Role

from ..calculus.programs import PROGRAMS
from .models import MODELS

TABLE = {**MODELS, **{name: PROGRAMS[name] for name in ("layer_norm", "gates", "shifted", "softmax_of_softmax")}}
STARTS = (
    "real(0)",
    "real(0.0)",
    "= 0.0",
    "= 0",
    "real(-np.inf)",
    "= LEAST",
)  # an accumulator or zeros, of the same equation


@pytest.fixture(
    scope="module",
    params=[(name, rule) for name in TABLE for rule in (SGD(), Adam())],
    ids=lambda p: f"{p[0]}, {p[1].name}",
)
def emitted(request: pytest.FixtureRequest) -> tuple[Parts, str]:
    """What a file is made of, and the file."""
    made: list[Parts] = []
    emit = pipeline.emit
    name, rule = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "emit", lambda parts: made.append(parts) or emit(parts))
        source = pipeline.generate(TABLE[name](), rule).source
    return made[0], source


def labelled(equation: Equation) -> str:
    return f"({equation.label}) {equation_text(equation)}" if equation.label else equation_text(equation)


def test_each_line_is_an_equation(emitted: tuple[Parts, str]) -> None:
    parts, source = emitted
    was = {f"{e.label} was: {equation_text(e)}" for e in parts.model.equations()}
    for name, nest in (("loss", parts.loss), ("gradients", parts.gradients), ("step", parts.step)):
        equations = {labelled(equation) for equation in nest.program.equations()}
        found = comments(source, name)
        assert set(found) <= equations | was, name
        assert equations <= set(found), name
        assert len([line for line in found if line in equations]) == len(equations), f"{name}: an equation stands twice"


def comments(source: str, function: str) -> list[str]:
    """The lines of a function, and of its sweeps, that are comments."""
    lines = [
        line for node in functions(source, function) for line in source.split("\n")[node.lineno - 1 : node.end_lineno]
    ]
    return [line.strip().removeprefix("# ") for line in lines if line.strip().startswith("#")]


def functions(source: str, function: str) -> list[ast.FunctionDef]:
    named = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return [node for node in named if node.name == function or node.name.startswith(f"{function}_sweep_")]


def test_the_equation_of_each_block_stands_above_it(emitted: tuple[Parts, str]) -> None:
    """What is written first below an equation's comment is the equation's own tensor."""
    parts, source = emitted
    for name, nest in (("gradients", parts.gradients), ("step", parts.step)):
        lines = [line.strip() for line in source.split("\n")]
        start = functions(source, name)[0].lineno
        tokens = "|".join(tensor.name for tensor in nest.program.with_role(Role.TOKENS)) or "-"
        above = re.compile(rf"#.*|for .*|\w+ = ({tokens})\[.*\]")  # a token is read before the loop over its row
        for equation in nest.program.equations():
            at = lines.index(f"# {labelled(equation)}", start)
            first = next(k for k in range(at + 1, len(lines)) if not above.fullmatch(lines[k]))
            last = lines.index(")", first) if lines[first].endswith("(") else first
            below = " ".join(lines[first : last + 1])
            in_place = f"{nest.storage.home[equation.tensor]}[()] = "  # scalars have no second name for their array
            assert equation.tensor in below or below.startswith(in_place) or below.endswith(STARTS)


def test_the_header_has_the_whole_derivation(emitted: tuple[Parts, str]) -> None:
    parts, source = emitted
    header = squeezed(ast.get_docstring(ast.parse(source)))
    for equation in (*parts.model.equations(), *parts.updates):
        assert squeezed(equation_text(equation)) in header, equation.tensor
    for tensor in parts.step.program.tensors.values():
        if tensor.role.value != "definition":
            assert tensor.name in header
    assert parts.digest in header


def squeezed(text: str) -> str:
    """Without blanks: long lines are wrapped."""
    return "".join(text.split())
