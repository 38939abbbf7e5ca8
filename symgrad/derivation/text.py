"""A derivation as plain text, read from top to bottom like a board: forward, local derivatives, chain rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..language.algebra import is_negative, negated
from ..language.notation import POWER, declaration, equation_text, text, within
from ..language.program import Role, Tensor
from ..language.terms import Call, Compare, Mul, Pow, Term, reads
from .adjoints import Adjoint, Share
from .chains import Chain, Link
from .document import Derivation
from .layout import WIDTH, Row, block, paragraph, wrap
from .local_derivatives import reasons
from .outside import EVALUATION_TITLE, MASKS, STATE_TITLE, starting
from .reasons import spelled


def derivation_text(derivation: Derivation) -> str:
    """The whole document, its sections separated by empty lines."""
    sections = [header(derivation), forward(derivation), state(derivation), evaluation(derivation)]
    sections.append(local_derivatives(derivation))
    if derivation.chains:
        sections += [chain_rule(derivation), counts(derivation)]
    else:
        own = [adjoint for adjoint in derivation.adjoints if adjoint.of.tensor in derivation.wrt]
        inner = [adjoint for adjoint in derivation.adjoints if adjoint.of.tensor not in derivation.wrt]
        sections.insert(1, legend(derivation))
        sections += [
            ["Backward", *blocks(inner, derivation.loss)] if inner else [],
            [parameters_title(derivation), *blocks(own, derivation.loss)],
            summary(derivation),
        ]
    stable = [Row(text(form.left), text(form.value), form.reason) for form in derivation.stable]
    sections.insert(-1, ["Stable forms", *block(stable)] if stable else [])
    if derivation.kinks:
        sections.append(["Kinks", *(f"  {line}" for kink in derivation.kinks for line in wrap(kink, WIDTH - 2))])
    if derivation.conditions:
        sections.append(["Conditions", *(f"  {condition}" for condition in derivation.conditions)])
    return "\n\n".join("\n".join(section) for section in sections if section)


# -- sections ----------------------------------------------------------------------------------------------------------


def header(derivation: Derivation) -> list[str]:
    """`Model scalar_tanh            one input x, one target y, parameters w1, w2`."""
    title = f"Model {derivation.name}"
    line = f"{title}{' ' * 12}{', '.join(what_is_given(derivation))}"
    if len(line) <= WIDTH:
        return [line]
    return [title, *("  " + line for line in wrap(", ".join(what_is_given(derivation)), WIDTH - 2))]


def what_is_given(derivation: Derivation) -> list[str]:
    program = derivation.program
    goals = targets(derivation)
    named = [
        (("input", "inputs"), [t for t in program.with_role(Role.INPUT) if t.name not in goals]),
        (("tokens", "tokens"), [t for t in program.with_role(Role.TOKENS) if t.name not in goals]),
        (("target", "targets"), [t for t in program.with_role(Role.INPUT, Role.TOKENS) if t.name in goals]),
        (("mask", "masks"), program.with_role(Role.MASK)),
        (("state", "states"), program.with_role(Role.STATE)),
        (("setting", "settings"), program.with_role(Role.SETTING)),
        (("parameter", "parameters"), program.parameters),
    ]
    return [counted(names, tensors) for names, tensors in named if tensors]


def counted(names: tuple[str, str], tensors: Sequence[Tensor]) -> str:
    """`one input x`, `parameters w1, w2`."""
    name = names[len(tensors) > 1]
    one = "one " if len(tensors) == 1 and not tensors[0].indices else ""
    return f"{one}{name} {', '.join(map(declaration, tensors))}"


def targets(derivation: Derivation) -> set[str]:
    """The inputs that only the loss reads: what the model is to give."""
    readers: dict[str, set[str]] = {}
    for equation in derivation.forward:
        for read in reads(equation.body):
            readers.setdefault(read.tensor, set()).add(equation.tensor)
    given = derivation.program.with_role(Role.INPUT, Role.TOKENS)
    return {tensor.name for tensor in given if readers.get(tensor.name) == {derivation.loss}}


def legend(derivation: Derivation) -> list[str]:
    """What the signs mean."""
    rows = [
        Row(derivation.sign, f"d{derivation.loss}/dX, the adjoint of X; it has X's shape", sign=" "),
        Row("dX/dY", "a local derivative; it is 0 where an index that both carry differs", sign=" "),
    ]
    brackets = [node for adjoint in derivation.adjoints for node in adjoint.formula.walk() if isinstance(node, Compare)]
    if brackets:
        rows.append(Row(text(brackets[0]), "1 where it holds, else 0", sign=" "))
    if derivation.stopped:
        rows.append(Row("stop_gradient(u)", "u itself, and a constant to the chain rule", sign=" "))
    if derivation.program.with_role(Role.MASK):
        rows.append(Row("masks", MASKS, sign=" "))
    if derivation.indices:
        ranges = ", ".join(f"{index.name} < {text(index.extent)}" for index in derivation.indices)
        rows.append(Row("axes", ranges, sign=" "))
    unit = unit_of_loss(derivation)
    if unit:
        rows.append(Row(derivation.loss, f"in {unit}", sign=" "))
    return ["Notation", *block(rows)]


def unit_of_loss(derivation: Derivation) -> str:
    """Nats, where the loss is a mean of logarithms over token targets with nothing added; else nothing is known."""
    program = derivation.program
    loss = program.equation(derivation.loss).body
    tokens = {tensor.name for tensor in program.with_role(Role.TOKENS)}
    logs = any(isinstance(node, Call) and node.function == "log" for e in derivation.forward for node in e.body.walk())
    means = isinstance(loss, Mul) and any(isinstance(factor, Pow) for factor in loss.factors)
    goals = targets(derivation)
    if not (logs and means and tokens & goals):
        return ""
    return "nats per token" if tokens - goals else "nats per example"


def forward(derivation: Derivation) -> list[str]:
    return ["Forward", *(f"  ({e.label}) {equation_text(e)}" for e in derivation.forward)]


def state(derivation: Derivation) -> list[str]:
    rows = [
        Row(f"({e.label}) {text(e.left)}", text(e.body), starting(derivation.program, e)) for e in derivation.updates
    ]
    return [STATE_TITLE, *block(rows)] if rows else []


def evaluation(derivation: Derivation) -> list[str]:
    lines = [f"  {equation_text(equation)}" for equation in derivation.evaluation]
    return [EVALUATION_TITLE, *lines] if lines else []


def local_derivatives(derivation: Derivation) -> list[str]:
    locals_ = derivation.locals_
    rows = [Row(x.name, text(x.value), spelled(reason)) for x, reason in zip(locals_, reasons(locals_), strict=True)]
    rows += [Row(part.name, "0", part.reason) for part in derivation.stopped]
    return ["Local derivatives", *block(rows)]


def chain_rule(derivation: Derivation) -> list[str]:
    return ["Chain rule", *block([row for chain in derivation.chains for row in chain_rows(chain)])]


def counts(derivation: Derivation) -> list[str]:
    products = derivation.products
    return [f"Backpropagation: {products.cached} products with caching, {products.uncached} without."]


def parameters_title(derivation: Derivation) -> str:
    learned = {tensor.name for tensor in derivation.program.parameters}
    return "Parameters" if set(derivation.wrt) <= learned else "Parameters and inputs"


def blocks(adjoints: Sequence[Adjoint], loss: str) -> list[str]:
    lines: list[str] = []
    for adjoint in adjoints:
        lines += [*([""] if lines else []), *block(adjoint_rows(adjoint, loss))]
    return lines


def summary(derivation: Derivation) -> list[str]:
    """The final formulas, and what is computed once and used again."""
    rows = [Row(text(a.left), text(a.formula)) for a in derivation.adjoints if a.kept]
    used = [(a, users(a, derivation.adjoints)) for a in derivation.adjoints if a.kept]
    shared = [f"{a.left.tensor} serves {listed(names)}" for a, names in used if len(names) > 1]
    lines = ["Gradients", *block(rows)]
    if shared:
        lines += ["", *paragraph("Backpropagation: each adjoint is computed once: " + "; ".join(shared) + ".", "")]
    return lines


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def users(adjoint: Adjoint, adjoints: Sequence[Adjoint]) -> list[str]:
    """The kept adjoints whose final formula reads this one."""
    return [
        other.left.tensor
        for other in adjoints
        if other.kept and any(read.tensor == adjoint.left.tensor for read in reads(other.formula))
    ]


# -- chains ------------------------------------------------------------------------------------------------------------


def chain_rows(chain: Chain) -> list[Row]:
    """The product of local derivatives, the same over what is known, the product of factors."""
    left = f"d{chain.loss}/d{chain.parameter}"
    rows = sum_rows(left, [path_text(Link(None, path), chain.loss) for path in chain.paths])
    if chain.known_from:
        name = f"d{chain.loss}/d"
        known = listed([f"{name}{start} is reused from {name}{other}" for start, other in chain.known_from])
        rows += sum_rows("", [path_text(link, chain.loss) for link in chain.reuse], known)
    return rows + sum_rows("", [factors_text([local.value for local in path]) for path in chain.paths])


def sum_rows(left: str, terms: Sequence[str], reason: str = "") -> list[Row]:
    first, *others = terms
    rows = [Row(left, first, reason)]
    for term in others:
        rows.append(Row("", term.removeprefix("-"), sign="-" if term.startswith("-") else "+"))
    return rows


def path_text(link: Link, loss: str) -> str:
    """`dL/da * da/dh * dh/db`."""
    start = [f"d{loss}/d{link.start}"] if link.start is not None else []
    return " * ".join([*start, *(local.name for local in link.path)])


def factors_text(factors: Sequence[Term]) -> str:
    """`-(y - o)*(1 - o**2)*h`: factors in their order, only the sign of the first one without parentheses."""
    first, *others = factors
    if not others:
        return text(first)
    head = "-" + within(negated(first), POWER) if is_negative(first) else within(first, POWER)
    return "*".join([head, *(within(factor, POWER) for factor in others)])


# -- adjoints ----------------------------------------------------------------------------------------------------------


def adjoint_rows(adjoint: Adjoint, loss: str) -> list[Row]:
    """The chain rule over the readers, then each form with its reason."""
    by = "by " + ", ".join(dict.fromkeys(share.local.equation.label for share in adjoint.shares))
    if not adjoint.kept:
        by += "; it goes into its readers"
    left, forms = text(adjoint.left), [Row("", text(form.value), form.reason) for form in adjoint.forms]
    if all(share.direct(loss) for share in adjoint.shares):
        return [replace(forms[0], left=left, reason=by), *forms[1:]]
    return [*sum_rows(left, [share_text(share, loss) for share in adjoint.shares], by), *forms]


def share_text(share: Share, loss: str) -> str:
    """`sum_v dL/do[b,v] * do[b,v]/dh[b,i]`."""
    if share.direct(loss):
        return share.local.name
    names = ",".join(index.name for index in share.indices)
    return (f"sum_{names} " if names else "") + f"d{loss}/d{text(share.local.of)} * {share.local.name}"
