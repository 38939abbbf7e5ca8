"""Single changes that bring in something known: a constant, a lost factor or term, a transpose of its own, a mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np

from ...language.program import Role
from ..derived import derived_text
from ..numpy_reader import read_numpy
from ..statements import NOWHERE, Apply, Assign, Binary, Expression, Name, Number, Sequence, Slice, Unary, parts_of
from .array_edits import Edits
from .constants import constants
from .factors import FACTORS, Factor, spread_over
from .scene import Edit, Scene, array_nodes, single


@cache
def parsed(text: str) -> Expression:
    """The expression that a text of our own is, without places in anyone's source."""
    (statement,) = read_numpy(f"value = {text}")
    assert isinstance(statement, Assign)
    return placeless(statement.value)


def placeless(node: Expression) -> Expression:
    def bare(value: object) -> object:
        if isinstance(value, tuple):
            return tuple(bare(item) for item in value)
        return placeless(value) if isinstance(value, Expression) else value

    parts = {name: bare(getattr(node, name)) for name in parts_of(type(node))}
    return replace(node, span=NOWHERE, **parts)


def term_nodes(scene: Scene) -> Iterator[Expression]:
    """The whole value, and the terms of its sums: where a constant can get lost."""
    for node, above in scene.nodes:
        whole = isinstance(above, Assign)
        term = (isinstance(above, Binary) and above.operator in ("+", "-")) or isinstance(above, Unary)
        if (whole or term) and not isinstance(node, Number) and scene.value(node) is not None:
            yield node


def constant_factors(scene: Scene) -> Edits:
    """A term times a constant."""
    texts = list(dict.fromkeys(t for c in constants(scene.program) for t in (c.text, c.inverse) if readable(t)))
    for node in term_nodes(scene):
        for text in texts:
            factor = parsed(text)
            yield single("constant", node, Binary("*", factor, node), f"a wrong constant: the factor {text} is missing")


def readable(text: str) -> bool:
    return "**" not in text


def numbers(scene: Scene) -> Edits:
    """Another number or size."""
    for node, _ in scene.nodes:
        if isinstance(node, Number):
            value = node.value
            for other in (value + 1, value - 1, 2 * value, value / 2, -value, 1 / value if value else 1):
                if other:
                    yield single("constant", node, Number(other), "a wrong constant")
        elif isinstance(node, Name) and scene.shape(node) == ():
            for sign in ("-", "+"):
                new = Binary(sign, node, Number(1))
                yield single("constant", node, new, f"a wrong constant: {node.name} for {node.name} {sign} 1")
            yield single("constant", node, Apply("sqrt", (node,)), "a wrong constant: a square root is missing")
            yield single("constant", node, Binary("**", node, Number(2)), "a wrong constant: a square is missing")


def known_factors(scene: Scene) -> Edits:
    """A node times a tensor, or its local derivative: at one place, then everywhere that a name stands."""
    for factor in FACTORS:
        for node, above, value in array_nodes(scene):
            if above is None or (isinstance(above, Binary) and above.operator in ("*", "/")):
                continue  # the product above is tried
            for name, text in factor_texts(scene, factor, value):
                new = Binary("*", node, parsed(text))
                yield single(factor.kind, node, new, missing(scene, factor, name, text))
    places: dict[str, list[Name]] = {}
    for node, _ in scene.nodes:
        if isinstance(node, Name) and scene.value(node) is not None:
            places.setdefault(node.name, []).append(node)
    for nodes in places.values():
        value = scene.value(nodes[0])
        if len(nodes) < 2 or value is None or not value.ndim:
            continue
        for factor in FACTORS:
            for other, text in factor_texts(scene, factor, value):
                changes = tuple((node, Binary("*", node, parsed(text))) for node in nodes)
                yield Edit(factor.kind, changes, missing(scene, factor, other, text))


def missing(scene: Scene, factor: Factor, name: str, text: str) -> str:
    if factor.kind == "mask":
        return f"a missing factor {text}: the mask is forgotten"
    return f"the factor {text} is missing{factor.words(scene.program, scene.tensor(name) or name)}"


def factor_texts(scene: Scene, factor: Factor, value: np.ndarray) -> Iterator[tuple[str, str]]:
    """(name, text) of every array that the factor can be made of."""
    for name, array in scene.arrays:
        if (array.size == 1 and value.size > 1 and factor is not FACTORS[0]) or not name.isidentifier():
            continue
        if scene.names.meaning(name) is not None and name.startswith("d") and scene.tensor(name) is None:
            continue  # an adjoint is no factor
        for place in spread_over(array.shape, value.shape):
            yield name, factor.written(name) + place.text


def added_terms(scene: Scene) -> Edits:
    """A node and another array of its shape: a path that is not added."""
    for node, above, value in array_nodes(scene):
        if isinstance(above, Binary) and above.operator in ("+", "-"):
            continue
        for name, _ in scene.alike(value):
            yield single("added term", node, Binary("+", node, Name(name)), f"a path is missing: the term {name}")
            yield single("added term", node, Binary("-", node, Name(name)), f"a term is missing: {name}")


def regularizers(scene: Scene) -> Edits:
    """The claim and a scalar times a parameter."""
    for line, _ in ((node, above) for node, above in scene.nodes if isinstance(above, Assign)):
        value = scene.value(line)
        if value is None:
            continue
        for scalar, array in scene.arrays:
            if array.ndim or not scalar.isidentifier():
                continue
            for tensor in scene.program.with_role(Role.PARAMETER):
                if scene.at.value(tensor.name).shape == value.shape:
                    for times in ("", "2*"):
                        term = parsed(f"{times}{scalar}*{tensor.name}")
                        remark = f"the regularizer's term {times}{scalar}*{tensor.name} is lost"
                        yield single("regularizer", line, Binary("+", line, term), remark)


def symmetric(scene: Scene) -> Edits:
    for node, above, value in array_nodes(scene, 2):
        if isinstance(node, Name) and value.ndim == 2 and value.shape[0] == value.shape[1]:
            both = Binary("+", node, Apply("transpose", (node,)))
            halved = Binary("/", both, Number(2))
            for new in (both, halved):
                yield single("symmetry", node, new, f"symmetry assumed: {node.name} need not be equal to {node.name}.T")
            if isinstance(above, Binary) and above.operator == "*":
                other = above.right if above.left is node else above.left
                if isinstance(other, Number):
                    yield single("symmetry", above, both, f"symmetry assumed: {node.name} need not be {node.name}.T")


def flips(scene: Scene) -> Edits:
    for node, _, value in array_nodes(scene, 1):
        if not isinstance(node, Name):
            continue
        for axis in range(value.ndim):
            new = Apply("flip", (node, Number(axis)))
            remark = f"reversed along axis {axis}: the kernel is not flipped"
            yield single("flip", node, new, remark)
        if value.ndim > 1:
            new = Apply("flip", (node, Sequence((Number(-2), Number(-1)))))
            yield single("flip", node, new, "the kernel is not flipped")
    for node, _ in scene.nodes:
        if isinstance(node, Slice) and node.step == Unary("-", Number(1)):
            yield single("flip", node, Slice(node.start, node.stop), "reversed: the kernel is flipped once too often")


def parts(scene: Scene) -> Edits:
    """A part of the line and a known array of its shape."""
    for node, above, value in reversed(list(array_nodes(scene))):
        if isinstance(node, Name) or isinstance(above, Assign) or not value.ndim:
            continue
        for name, _ in scene.alike(value):
            bound = scene.names.meaning(name)
            said = ""
            if bound is not None and name.startswith("d") and name not in scene.program.tensors:
                said = f", {derived_text(scene.at.truth, bound)}"
            yield single("part", node, Name(name), f"a wrong combination: this part has to be {name}{said}")
