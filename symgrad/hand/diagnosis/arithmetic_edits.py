"""Single changes of arithmetic: functions, powers, names, signs, terms and factors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...checking.points import size_names
from ...language.program import Role
from ..operations import ELEMENTWISE
from ..statements import (
    Apply,
    Binary,
    Comparison,
    Expression,
    Name,
    Number,
    Slice,
    Unary,
)
from .likeness import OTHER
from .scene import Edit, Scene, array_nodes, single

Edits = Iterator[Edit]
REDUCING = ("sum", "mean", "max", "min", "var", "std")
WRAPPING = ("tanh", "sigmoid", "exp", "log", "relu", "softmax", "sign")
MEANT_WITH = {  # what of the model, or of its derivatives, makes people write it
    "tanh": ("tanh",),
    "sigmoid": ("exp", "tanh"),
    "softmax": ("exp",),
    "exp": ("exp", "log"),
    "log": ("exp", "log"),
    "sign": ("abs", "sign"),
}
MEANS = ("exp", "sigmoid", "softmax")  # of the linear predictor, in a likelihood


# -- functions and powers -------------------------------------------------------------------------------------------


def extra_functions(scene: Scene) -> Edits:
    """f(x) for x, which may be a value of f already."""
    for node, above in scene.nodes:
        if isinstance(node, Apply) and node.arguments and node.function in (*ELEMENTWISE, "softmax"):
            inner = node.arguments[0]
            output = isinstance(above, Binary) and above.operator in ("**", "-")
            remark = f"{node.function} is applied twice"
            if output:
                meant = f", where 1 - {scene.text(inner)}**2 is meant" if node.function == "tanh" else ""
                remark += f": the derivative is taken at the output{meant}"
            elif not applied(scene, inner, node.function):
                remark = f"the function {node.function} does not belong there"
            yield single("activation", node, inner, remark)


def missing_functions(scene: Scene) -> Edits:
    """x for f(x)."""
    for node, above, value in array_nodes(scene):
        if value.dtype.kind == "f" and not isinstance(above, Comparison):
            for word in WRAPPING:
                if (isinstance(node, Apply) and node.function == word) or not changes_it(scene, word, value):
                    continue
                said = f"the function {word} is missing: its argument stands there"
                if word in MEANS and isinstance(above, Binary) and above.operator == "-":
                    said += ", the linear value for the mean function"
                yield single("activation", node, Apply(word, (node,)), said)


def changes_it(scene: Scene, word: str, value: np.ndarray) -> bool:
    """Whether a missing function can have been meant: it is in the model, and a softmax of one entry is 1."""
    if word == "softmax" and not (value.ndim and value.shape[-1] > 1):
        return False
    return word not in MEANT_WITH or scene.applies(*MEANT_WITH[word])


def complements(scene: Scene) -> Edits:
    """h**2 for 1 - h**2."""
    for node, _, value in array_nodes(scene):
        if value.dtype.kind == "f":
            new = Binary("-", Number(1), node)
            yield single("power", node, new, "the 1 - of a derivative such as 1 - h**2 is missing")


def masks(scene: Scene) -> Edits:
    """z for [z > 0], the derivative of relu."""
    for node, _, value in array_nodes(scene, 1):
        if isinstance(node, Name) and value.dtype.kind == "f":
            for sign in (">", "<"):
                new = Comparison(sign, node, Number(0))
                yield single("mask", node, new, "the mask is forgotten, its argument stands there")


def comparisons(scene: Scene) -> Edits:
    for node, _ in scene.nodes:
        if isinstance(node, Comparison) and node.operator in ("<", ">", "<=", ">="):
            new = Comparison(node.operator.translate(str.maketrans("<>", "><")), node.left, node.right)
            yield single("mask", node, new, "the mask is reversed")
        if isinstance(node, Comparison) and node.operator in ("==", "!="):
            new = Comparison("!=" if node.operator == "==" else "==", node.left, node.right)
            yield single("mask", node, new, "the mask is reversed")


def applied(scene: Scene, node: Expression, function: str) -> bool:
    """Whether the value of the node is already one of the function: its definition says so."""
    if isinstance(node, Apply) and node.function == "expand_dims":
        node = node.arguments[0]
    if not isinstance(node, Name):
        return False
    line = scene.definition(node.name)
    if line is not None:
        return any(isinstance(n, Apply) and n.function == function for n in line.value.walk())
    tensor = scene.tensor(node.name)
    if tensor is None or scene.program.tensors[tensor].role is not Role.DEFINITION:
        return False
    return any(getattr(n, "function", None) == function for n in scene.program.equation(tensor).body.walk())


def powers(scene: Scene) -> Edits:
    """A square lost or too many, in a derivative first; a wrong exponent."""
    for node, _ in scene.nodes:
        match node:
            case Binary("-", Number(1) as one, Binary("**", other, Number(2))):
                yield single("power", node, Binary("-", one, other), "1 - h**2 for 1 - h")
            case Binary("-", Number(1) as one, other):
                new = Binary("-", one, Binary("**", other, Number(2)))
                yield single("power", node, new, "1 - h for 1 - h**2, the derivative of tanh")
    for node, _ in scene.nodes:
        match node:
            case Binary("**", base, Number(value)):
                for other in (value - 1, value + 1, -value, value - 2):
                    if other not in (0, 1):
                        yield single("power", node, Binary("**", base, Number(other)), "a wrong exponent")
                yield single("power", node, base, "a wrong exponent")
            case Binary("**", base, Unary("-", Number(value))):
                for other in (value + 1, value - 1):
                    new = Binary("**", base, Unary("-", Number(other)))
                    yield single("power", node, new, "a wrong exponent")
    for node, above, value in array_nodes(scene):
        if value.dtype.kind == "f" and not (isinstance(above, Binary) and above.operator == "**"):
            yield single("power", node, Binary("**", node, Number(2)), "a square is missing")
            yield single("power", node, Apply("sqrt", (node,)), "a square root is missing")


# -- names ----------------------------------------------------------------------------------------------------------


def names(scene: Scene) -> Edits:
    """Another name of the same shape, in one place, then in all."""
    places: dict[str, list[Expression]] = {}
    for node, _ in scene.nodes:
        if isinstance(node, Name) and scene.value(node) is not None:
            places.setdefault(node.name, []).append(node)
    for every in (False, True):
        for name, nodes in places.items():
            value = scene.value(nodes[0])
            assert value is not None
            alike = [other for other, _ in scene.alike(value)]
            others = list(alike) if value.ndim else other_scalars(scene, name)
            if scene.misfits and value.ndim:  # the other may have the shape that fits
                others += [o for o, array in scene.arrays if array.ndim == value.ndim and array.shape != value.shape]
            if every and len(nodes) < 2:
                continue
            for other in ordered(name, others):
                remark = scene.between(name, other)
                if other not in alike and value.ndim and remark == OTHER:
                    remark = "a wrong variable"
                for chosen in [nodes] if every else [[node] for node in nodes]:
                    yield Edit("name", tuple((node, Name(other)) for node in chosen), remark)


def other_scalars(scene: Scene, name: str) -> list[str]:
    found = [other for other, array in scene.arrays if array.ndim == 0 and other != name]
    return found + [size for size in size_names(scene.program) if size != name]


def ordered(name: str, others: list[str]) -> list[str]:
    """Names that begin alike first."""
    return sorted(others, key=lambda other: (other[:1] != name[:1], abs(len(other) - len(name))))


# -- signs, terms, factors ------------------------------------------------------------------------------------------


def signs(scene: Scene) -> Edits:
    for node, above in scene.nodes:
        if isinstance(node, Unary) and node.operator == "-" and not isinstance(above, Slice):
            yield single("inner sign", node, node.operand, "a sign is wrong")
    for node, above in scene.nodes:
        match node:
            case Binary("-", left, right):
                yield single("inner sign", node, Binary("+", left, right), "a sign is wrong")
                yield single(
                    "inner sign", node, Binary("-", right, left), "a sign is wrong: the difference is reversed"
                )
            case Binary("+", left, right):
                yield single("inner sign", node, Binary("-", left, right), "a sign is wrong")
                yield single("inner sign", node, Binary("-", right, left), "a sign is wrong")
        if isinstance(above, Apply) and above.function in ELEMENTWISE and not isinstance(node, Unary):
            yield single("inner sign", node, Unary("-", node), f"a sign inside {above.function} is wrong")


def terms(scene: Scene) -> Edits:
    for node, _ in scene.nodes:
        match node:
            case Binary("+" | "-" as sign, left, right):
                yield single("term", node, left, extra_term(scene, left, right))
                kept = right if sign == "+" else Unary("-", right)
                yield single("term", node, kept, extra_term(scene, right, left))


def extra_term(scene: Scene, kept: Expression, dropped: Expression) -> str:
    if isinstance(kept, Apply) and kept.function == "sigmoid" and isinstance(dropped, Number):
        return (
            "a sign inside the sigmoid: sigmoid(z) - 1 is -sigmoid(-z), the derivative for a positive; "
            "here a negative is treated like it"
        )
    return f"an extra term `{scene.text(dropped)}`"


def factors(scene: Scene) -> Edits:
    for node, _ in scene.nodes:
        match node:
            case Binary("*", left, right):
                yield single("factor", node, left, f"an extra factor `{scene.text(right)}`")
                yield single("factor", node, right, f"an extra factor `{scene.text(left)}`")
            case Binary("/", left, right):
                doubled = "1/N twice, or " if scene.shape(right) == () else ""
                yield single("factor", node, left, f"{doubled}a division by `{scene.text(right)}` too many")
                yield single("factor", node, Binary("*", left, right), "a quotient for a product")


def products(scene: Scene) -> Edits:
    for node, _ in scene.nodes:
        match node:
            case Binary("*", left, right):
                yield single("product", node, Binary("+", left, right), "a product for the sum of two paths")
                yield single("product", node, Binary("/", left, right), "a product for a quotient")
                yield single("product", node, Binary("@", left, right), "an elementwise product for a matrix product")
            case Binary("+", left, right):
                yield single("product", node, Binary("*", left, right), "a sum for a product")
            case Binary("@", left, right):
                yield single("product", node, Binary("*", left, right), "a matrix product for an elementwise one")
