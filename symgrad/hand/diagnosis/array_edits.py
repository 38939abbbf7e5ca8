"""Single changes of what is stored and how arrays lie: `+=`, scatter-add, transposes, indices, the axes of sums."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...language.program import Role
from ..statements import (
    Apply,
    Assign,
    Bare,
    Binary,
    Choice,
    Comparison,
    Expression,
    Item,
    Loop,
    Name,
    Number,
    Slice,
    Text,
    Unary,
)
from .replay import lines
from .scene import Edit, Scene, array_nodes, single

Edits = Iterator[Edit]
REDUCING = ("sum", "mean", "max", "min", "var", "std")
WRAPPING = ("tanh", "sigmoid", "exp", "log", "relu", "sqrt", "softmax", "square", "sign")


# -- statements -----------------------------------------------------------------------------------------------------


def lost_operators(scene: Scene) -> Edits:
    """`dbh + dr` for `dbh += dr`, `=` for `+=`, and the reverse."""
    for line in lines(scene.statement):
        if isinstance(line, Bare) and isinstance(line.value, Binary) and line.value.operator in ("+", "-"):
            target = line.value.left
            if isinstance(target, Name | Item):
                new = Assign(target, line.value.operator, line.value.right)
                yield single(
                    "lost operator",
                    line,
                    new,
                    sentence=(
                        f"`{scene.text(line)}` is computed and thrown away: `{scene.text(new)}` accumulates "
                        "(+= is missing, the accumulation is lost)"
                    ),
                )
        if not isinstance(line, Assign) or line.repeated:
            continue
        if not line.operator and (
            isinstance(line.target, Item) or line is not scene.statement or line.name in scene.own
        ):
            new = Assign(line.target, "+", line.value)
            yield single("lost operator", line, new, "an overwrite for an add: = for +=, the accumulation is lost")
        if line.operator == "+":
            yield single("lost operator", line, Assign(line.target, "", line.value), "added to what was there before")
            yield single("lost operator", line, Assign(line.target, "-", line.value), "the sign is wrong")
        if line.operator == "-":
            yield single("lost operator", line, Assign(line.target, "+", line.value), "the sign is wrong")


def scatters(scene: Scene) -> Edits:
    """`G[k] += v` and `G[:n] = v` for np.add.at(G, k, v)."""
    for line in lines(scene.statement):
        if not isinstance(line, Assign) or not isinstance(line.target, Item) or line.repeated:
            continue
        text = scene.text(line)
        if line.operator in ("", "+", "-"):
            sign = line.operator or "+"
            new = Assign(line.target, sign, line.value, repeated=True)
            yield single(
                "scatter",
                line,
                new,
                sentence=(
                    f"`{text}` counts an id that is repeated only once (overwrite for add): "
                    f"`{scene.text(new)}` adds all (scatter-add)"
                ),
            )
        for tokens in scene.program.with_role(Role.TOKENS):
            if tokens.indices:
                value = line.value
                for shape in (value, Apply("reshape", (value, Number(tokens_rows(scene, tokens.name)), Number(-1)))):
                    target = Item(line.target.array, (Name(tokens.name),))
                    new = Assign(target, "+", shape, repeated=True)
                    shown = Assign(target, "+", value, repeated=True)
                    yield single(
                        "scatter",
                        line,
                        new,
                        sentence=(
                            f"`{text}` places the rows by their position, not at their ids "
                            f"(a gather for a scatter-add): `{scene.text(shown)}` is right"
                        ),
                    )


def paired_ids(scene: Scene) -> Edits:
    """p[:, y], which are whole columns, for p[arange(B), y], one entry a row."""
    for line in lines(scene.statement):
        for item in [node for node in line.walk() if isinstance(node, Item)]:
            if len(item.places) == 2 and blank(item.places[0]) and isinstance(item.places[1], Name):
                ids = scene.value(item.places[1])
                if ids is not None and ids.ndim == 1:
                    rows = Apply("arange", (Apply("len", (item.places[1],)),))
                    new = Item(item.array, (rows, item.places[1]))
                    yield single("index", item, new, "every row has its own id: these are whole columns")


def tokens_rows(scene: Scene, name: str) -> int:
    return int(np.size(scene.at.values[name]))


# -- layout ---------------------------------------------------------------------------------------------------------


def transposes(scene: Scene) -> Edits:
    """A transpose more or less: of single names first, not of the whole value."""
    for plain in (True, False):
        for node, above, value in array_nodes(scene, 2):
            reduced = isinstance(above, Apply) and (above.function in REDUCING or above.function == "transpose")
            if reduced or isinstance(above, Assign) or isinstance(node, Name | Item) is not plain:
                continue
            if isinstance(node, Apply) and node.function == "transpose" and len(node.arguments) == 1:
                yield single("transpose", node, node.arguments[0], "a transpose too many; square matrices hide it")
            else:
                yield single(
                    "transpose", node, turned(node, value.ndim), "a transpose is missing; square matrices hide it"
                )
    for node, _ in scene.nodes:  # shapes that do not fit have no value to look at
        if scene.value(node) is None and isinstance(node, Apply) and node.function == "transpose":
            yield single("transpose", node, node.arguments[0], "a transpose too many")


def whole_transposes(scene: Scene) -> Edits:
    for node, above, value in array_nodes(scene, 2):
        if isinstance(above, Assign):
            yield single("transpose", node, turned(node, value.ndim), "a transpose is missing; square matrices hide it")


def turned(node: Expression, ndim: int) -> Expression:
    return Apply("transpose", (node,)) if ndim == 2 else Apply("swapaxes", (node, Number(-1), Number(-2)))


def swapped(scene: Scene) -> Edits:
    for node, _ in scene.nodes:
        match node:
            case Apply("outer" as word, (left, right)):
                new = Apply(word, (right, left))
                yield single("transpose", node, new, "the outer product is reversed: a missing transpose")
            case Apply("dot" | "matmul" as word, (left, right)):
                yield single("transpose", node, Apply(word, (right, left)), "the product is reversed")
            case Binary("@", left, right):
                yield single("transpose", node, Binary("@", right, left), "the product is reversed")
                flipped = Binary("@", transposed(right), transposed(left))
                yield single("transpose", node, flipped, "the product is the right one transposed")
            case Apply("einsum", (Text(equation) as text, *_)) if "->" in equation:
                for other in reordered(equation):
                    yield single("transpose", text, Text(other), "the axes are in the wrong order: a transpose")


def transposed(node: Expression) -> Expression:
    if isinstance(node, Apply) and node.function == "transpose" and len(node.arguments) == 1:
        return node.arguments[0]
    return Apply("transpose", (node,))


def reordered(equation: str) -> Iterator[str]:
    operands, result = equation.replace(" ", "").split("->")
    parts = operands.split(",")
    for k, part in enumerate(parts):
        if len(part) == 2:
            yield ",".join([*parts[:k], part[::-1], *parts[k + 1 :]]) + "->" + result
    if len(result) == 2:
        yield f"{operands}->{result[::-1]}"


def shifted_indices(scene: Scene) -> Edits:
    """h[t] for h[t-1]."""
    for node, _ in scene.nodes:
        if not isinstance(node, Item):
            continue
        for place in node.places:
            if isinstance(place, Slice):
                yield from shifted_slice(place)
            elif place is not None and (scene.shape(place) == () or isinstance(place, Number)):
                for step in (-1, 1):
                    yield single("index", place, stepped(place, step), "off by one: the wrong step or index")
                yield from with_start(scene, node, place)


def with_start(scene: Scene, node: Item, place: Expression) -> Edits:
    """h[t] for h[t - 1], which is h0 at the first step."""
    value, index = scene.value(node), stepped(place, -1)
    if value is None or len(node.places) != 1 or not isinstance(scene.statement, Loop):
        return
    for start in [Name(name) for name, _ in scene.alike(value)]:
        before = Choice(Comparison(">", place, Number(0)), Item(node.array, (index,)), start)
        shown = f"`{scene.text(node)}` stands where `{scene.text(Item(node.array, (index,)))}` is right"
        sentence = f"{shown} (off by one in time; `{start.name}` before the first step)"
        yield single("index", node, before, sentence=sentence)


def shifted_slice(place: Slice) -> Edits:
    if place.rest or place.step is not None:
        return
    one, last = Number(1), Unary("-", Number(1))
    for start, stop in ((None, last), (one, None), (None, None), (place.start, None), (None, place.stop)):
        new = Slice(start, stop)
        if new != place:
            yield single("index", place, new, "off by one: the wrong steps or rows")
    for step in (-1, 1):
        if place.start is not None and place.stop is not None:
            new = Slice(stepped(place.start, step), stepped(place.stop, step))
            yield single("index", place, new, "off by one: the wrong steps or rows")


def stepped(node: Expression, step: int) -> Expression:
    """node + step, tidied."""
    match node:
        case Number(value):
            return Number(value + step)
        case Binary("+", left, Number(value)):
            return left if value + step == 0 else Binary("+", left, Number(value + step))
        case Binary("-", left, Number(value)):
            return left if value - step == 0 else Binary("-", left, Number(value - step))
        case Binary("+" | "-" as sign, Binary(_, _, Number()) as left, right):
            return Binary(sign, stepped(left, step), right)
    return Binary("+" if step > 0 else "-", node, Number(abs(step)))


# -- sums -----------------------------------------------------------------------------------------------------------


def sums(scene: Scene) -> Edits:
    for node, _ in scene.nodes:
        if isinstance(node, Apply) and node.function in (*REDUCING, "softmax") and node.arguments:
            yield from other_reductions(scene, node)
        if isinstance(node, Item) and scene.value(node.array) is not None:
            for k, place in enumerate(node.places):
                value = scene.value(place) if place is not None else None
                if (
                    isinstance(place, Number | Unary)
                    and value is not None
                    and value.ndim == 0
                    and not isinstance(place, Slice)
                ):
                    which = "last" if float(value) == -1 else "one"
                    kept = (*node.places[:k], Slice(), *node.places[k + 1 :])
                    whole = Item(node.array, kept) if any(not blank(p) for p in kept) else node.array
                    new = Apply("sum", (whole, Number(k)))
                    yield single(
                        "sum", node, new, f"the sum over the batch is missing: only the {which} element is kept"
                    )
    for node, _, value in array_nodes(scene, 1):
        for axis in range(value.ndim):
            for keep in ((), (("keepdims", Number(1)),)):
                new = Apply("sum", (node, Number(axis)), keep)
                yield single("sum", node, new, f"the sum over axis {axis} is missing (broadcasting hides it)")
        if value.ndim > 1:
            yield single("sum", node, Apply("sum", (node,)), "the sum over all entries is missing")


def blank(place: Expression | None) -> bool:
    return isinstance(place, Slice) and place == Slice()


def other_reductions(scene: Scene, node: Apply) -> Edits:
    array = node.arguments[0]
    value = scene.value(array)
    keywords = dict(node.keywords)
    for swap in (("sum", "mean"), ("mean", "sum")):
        if node.function == swap[0]:
            said = "a mean for a sum: 1/N is counted twice" if swap[0] == "mean" else "a sum for a mean: 1/N is lost"
            yield single("mean", node, Apply(swap[1], node.arguments, node.keywords), said)
    if value is not None:
        others = {k: v for k, v in node.keywords if k not in ("axis", "dim")}
        for axis in range(value.ndim):
            for keep in ((), (("keepdims", Number(1)),)) if node.function != "softmax" and not others else ((),):
                new = Apply(node.function, (array, Number(axis)), (*others.items(), *keep))
                yield single("sum", node, new, f"{article(node.function)} over the wrong axis")
        if node.function != "softmax":
            new = Apply(node.function, (array,), tuple((k, v) for k, v in others.items() if k != "keepdims"))
            yield single("sum", node, new, f"{article(node.function)} over the wrong axes: it goes over all")
    if node.function != "softmax":
        if "keepdims" in keywords:
            left = tuple((k, v) for k, v in node.keywords if k != "keepdims")
            yield single(
                "sum", node, Apply(node.function, node.arguments, left), "keepdims broadcasts along the wrong axis"
            )
        else:
            new = Apply(node.function, node.arguments, (*node.keywords, ("keepdims", Number(1))))
            yield single("sum", node, new, "without keepdims it is broadcast along the wrong axis")
        yield single("sum", node, array, f"{article(node.function)} too many")


def article(function: str) -> str:
    return f"the {function}" if function in ("max", "min") else f"a {function}"
