"""Taking a wrong value apart: a constant, a transposition, another tensor, a path more or less, a known factor.

Each row of TESTS asks one question of the evidence and answers with what gives the claim exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, permutations

import numpy as np

from ...language.program import Role
from ..binding import Meaning
from ..layout import declared, natural
from ..records import Seen
from ..truth import agree
from .constants import Constant, ratio, recognized, written_factors
from .evidence import Evidence, close
from .factors import FACTORS, spread_over
from .findings import Finding, Way
from .paths import described, parts

MOST_PARTS = 6  # whose subsets are tried


def of_value(evidence: Evidence) -> Iterator[Finding]:
    """Every explanation that one of TESTS gives."""
    tests = TESTS if evidence.fits else MISFITTING
    for test in tests:
        for kind, sentence in test(evidence):
            yield Finding(Way.VALUE, kind, sentence)


Said = Iterator[tuple[str, str]]


def zero(evidence: Evidence) -> Said:
    if evidence.explained(lambda seen: np.zeros(seen.right.shape)):
        yield "zero", "the gradient is given as zero: the term is lost, though the loss depends on it"
    elif all(not np.any(seen.right) for seen in evidence.seen):
        yield "zero", f"the right gradient is zero: the loss does not depend on {evidence.bound.tensor}"


def constant(evidence: Evidence) -> Said:
    """claimed = c * right."""
    ratios = [ratio(seen.claimed, seen.right) for seen in evidence.seen]
    if any(found is None or abs(found) < 1e-6 for found in ratios):
        return
    sign = np.sign(ratios[0])
    if any(np.sign(found) != sign for found in ratios):
        return
    if np.allclose(np.abs(ratios), 1, rtol=1e-9):
        if evidence.bound.meaning is Meaning.ADJOINT:
            loss = evidence.names.program.outputs[0]
            negative = f"the gradient of -{loss}: is {loss} minimized, or is its negative maximized?"
            yield "sign", f"the sign is wrong: the claim is the right gradient times -1 ({negative})"
        else:
            yield "sign", "the sign is wrong: the claim is the right value times -1"
        return
    points = [seen.at for seen in evidence.seen]
    found = recognized(ratios, points, evidence.names.program)
    also = ", and the sign is wrong" if sign < 0 else ""
    if found:
        constant, inverted = likeliest(found, evidence)
        yield "constant", constant_words(constant, inverted) + also
    elif np.allclose(ratios, ratios[0], rtol=1e-9):
        yield "constant", f"a wrong constant: the claim is {ratios[0]:.6g} times what is right"
    elif len(ratios) > 1:
        given = ", ".join(f"{found:.4g}" for found in ratios)
        yield "pattern", f"a scalar factor is wrong: the claim is {given} times what is right, by the point"


def likeliest(found: list[tuple[Constant, bool]], evidence: Evidence) -> tuple[Constant, bool]:
    """Of constants of the same value: one that holds at further points, then one that the model is written with."""
    own = written_factors(evidence.names.program)
    further = [(seen.at, ratio(seen.claimed, seen.right)) for seen in evidence.further]

    def holds(constant: Constant, inverted: bool) -> bool:
        return all(
            value is not None and np.isclose(abs(value), 1 / constant.value(at) if inverted else constant.value(at))
            for at, value in further
        )

    return min(found, key=lambda one: (not holds(*one), one[0].text not in own))


def constant_words(constant: Constant, inverted: bool) -> str:
    written, inverse = constant.text, constant.inverse
    if written == "2":
        return (
            "a factor 2 is lost: the claim is half of what is right"
            if inverted
            else ("a factor 2 too much: the claim is twice what is right (a lost 1/2, or counted twice)")
        )
    if " - 1)" in written or " - 1)" in inverse:
        given = inverse if inverted else written
        return f"a wrong constant: the claim is {given} times what is right (n for n - 1, or the reverse)"
    if inverted:
        what = "a doubled " + inverse if "sqrt" not in inverse else f"a factor {written} is lost"
        return f"{what}: the claim is {inverse} times what is right" + (
            f" (a mean for a sum, or 1/{written} twice)" if written.isidentifier() else ""
        )
    return f"the factor {inverse} is lost: the claim is {written} times what is right" + (
        " (a sum for a mean)" if written.isidentifier() else " (a missing scale)" if "sqrt" in written else ""
    )


def transposed(evidence: Evidence) -> Said:
    for order in permutations(range(evidence.seen[0].right.ndim)):
        if order != tuple(range(len(order))) and evidence.explained(lambda seen, o=order: seen.right.transpose(o)):
            axes = "" if len(order) == 2 else f" with its axes in the order {order}"
            yield (
                "transpose",
                (
                    f"it is the right gradient transposed{axes} (a missing transpose, or an outer product reversed; "
                    f"square matrices hide it)"
                ),
            )
            return


def other_tensor(evidence: Evidence) -> Said:
    """The value or the adjoint of something else."""
    first = evidence.seen[0]
    for name, meaning, array in evidence.known(first.at):
        if array.shape != first.claimed.shape or not close(array, first.claimed):
            continue
        tensor = name if meaning is Meaning.VALUE else name[1:]
        if (meaning, tensor) == (evidence.bound.meaning, evidence.bound.tensor) or not np.any(array):
            continue
        if evidence.explained(lambda seen, m=meaning, t=tensor: evidence.array(m, t, seen.at)):
            said = evidence.said(meaning, tensor)
            missing = "" if meaning is Meaning.VALUE else step_between(evidence, tensor)
            yield "another tensor", f"this is {said}, given as {evidence.named}{missing}"
            return


def step_between(evidence: Evidence, tensor: str) -> str:
    """What lies between two adjoints that are taken for each other."""
    own, program = evidence.bound.tensor, evidence.names.program
    for here, there in ((own, tensor), (tensor, own)):
        if program.tensors[there].role is Role.DEFINITION and any(
            share.through == there for share in evidence.seen[0].at.truth.shares.get(here, ())
        ):
            what = "is missing" if here == own else "is applied too soon"
            return f": the local derivative of {there} {what}"
    return ""


def paths(evidence: Evidence) -> Said:
    """A path missing, counted twice, or with the wrong sign."""
    if evidence.bound.meaning is not Meaning.ADJOINT:
        return
    seen, truth = evidence.seen, evidence.seen[0].at.truth
    table = [parts(evidence.bound, one.at) for one in seen]
    count = len(table[0])
    if not 2 <= count <= MOST_PARTS or any(
        part.value.shape != one.right.shape for one, row in zip(seen, table, strict=True) for part in row
    ):
        return
    rows = {id(one): row for one, row in zip(seen, table, strict=True)}

    def claimed(chosen: tuple[int, ...], times: int) -> Callable[[Seen], np.ndarray]:
        return lambda one: one.right + times * sum(rows[id(one)][k].value for k in chosen)

    def words(chosen: tuple[int, ...]) -> str:
        return " and ".join(dict.fromkeys(described(table[0][k].local, truth) for k in chosen))

    for size in range(1, count):
        for chosen in combinations(range(count), size):
            if evidence.explained(claimed(chosen, -1)):
                yield "path", missing_words(words(chosen), size, count, chosen, words)
                return
    for size in (1, 2):
        for chosen in combinations(range(count), size):
            if evidence.explained(claimed(chosen, 1)):
                yield "path", f"{words(chosen)} is counted twice"
                return
            if evidence.explained(claimed(chosen, -2)):
                yield "path", f"the sign of {words(chosen)} is wrong"
                return
    for first, second in combinations(range(count), 2):
        rest = [k for k in range(count) if k not in (first, second)]

        def multiplied(one: Seen, first: int = first, second: int = second, rest: list[int] = rest) -> np.ndarray:
            row = rows[id(one)]
            return row[first].value * row[second].value + sum((row[k].value for k in rest), np.zeros(()))

        if evidence.explained(multiplied):
            yield "path", f"a product for the sum of two paths: {words((first, second))} are to be added"
            return


def missing_words(said: str, size: int, count: int, chosen: tuple[int, ...], words: Callable) -> str:
    if said.startswith("the regularizer"):
        return f"{said} is lost"
    lost = f"a path is missing: {said}" if size == 1 else f"paths are missing: {said}"
    if size == count - 1:
        (kept,) = (k for k in range(count) if k not in chosen)
        lost += f"; only {words((kept,))} is there (the parts of a shared variable are to be added, += and not =)"
    return lost


def extra_regularizer(evidence: Evidence) -> Said:
    """claimed = right + c * X."""
    program, first = evidence.names.program, evidence.seen[0]
    for name, meaning, array in evidence.known(first.at):
        if array.shape != first.right.shape or not np.any(array):
            continue
        tensor = name if meaning is Meaning.VALUE else name[1:]
        arrays = {id(one): evidence.array(meaning, tensor, one.at) for one in evidence.seen}
        if any(arrays[id(one)].shape != one.right.shape for one in evidence.seen):
            continue  # it has the shape where sizes are equal
        ratios = [ratio(one.claimed - one.right, arrays[id(one)]) for one in evidence.seen]
        if any(found is None or abs(found) < 1e-9 for found in ratios):
            continue
        signed = "+" if ratios[0] > 0 else "-"
        found = recognized(ratios, [one.at for one in evidence.seen], program)
        if np.allclose(np.abs(ratios), 1):
            times = ""
        elif found and np.all(np.sign(ratios) == np.sign(ratios[0])):
            constant, inverted = min(found, key=lambda one: not one[0].text.endswith(tuple(scalars(evidence))))
            times = f"{constant.inverse if inverted else constant.text}*"
        elif np.allclose(ratios, ratios[0]):
            times = f"{abs(ratios[0]):.6g}*"
        else:
            continue
        if tensor == evidence.bound.tensor and meaning is Meaning.VALUE:
            yield (
                "regularizer",
                f"an extra term {signed} {times}{name}: a regularizer on {name}, which the loss has not",
            )
        else:
            yield "added term", f"an extra term: the claim is what is right {signed} {times}{name}"
        return


def scalars(evidence: Evidence) -> list[str]:
    return [tensor.name for tensor in evidence.names.program.tensors.values() if not tensor.indices] or [""]


def known_factor(evidence: Evidence) -> Said:
    """claimed * f = right (a factor is missing) or claimed = right * f (one too many)."""
    first = evidence.seen[0]
    for name, meaning, array in evidence.known(first.at):
        if meaning is Meaning.ADJOINT or array.size == 1 or (name == evidence.bound.tensor and not first.right.ndim):
            continue
        shapes = [(evidence.array(Meaning.VALUE, name, seen.at).shape, seen.right.shape) for seen in evidence.seen]
        ways = [set(spread_over(*pair)) for pair in shapes]
        places = [way for way in spread_over(*shapes[0]) if all(way in other for other in ways)]
        for factor in FACTORS:
            for place in places:

                def over(seen: Seen, name: str = name, factor=factor, place=place) -> np.ndarray:
                    return place.put(factor.value(evidence.array(Meaning.VALUE, name, seen.at)), seen.right.shape)

                with np.errstate(all="ignore"):
                    value = over(first)
                    lost = agree(first.claimed * value, first.right)
                    extra = close(first.right * value, first.claimed)
                    written = factor.written(name) + place.text
                    if lost and all(agree(seen.claimed * over(seen), seen.right) for seen in evidence.seen):
                        yield (
                            factor.kind,
                            f"the factor {written} is missing{factor.words(evidence.names.program, name)}",
                        )
                        return
                    if extra and evidence.explained(lambda seen, over=over: seen.right * over(seen)):
                        yield "extra factor", f"an extra factor {written}: what is right lacks it"
                        return


def kept_entries(evidence: Evidence) -> Said:
    """Entries that should be zero are not, or the reverse."""
    pairs = [(seen.claimed, seen.right) for seen in evidence.seen]
    if all(agree(np.where(right != 0, claimed, 0), right) for claimed, right in pairs):
        yield "mask", "entries that have to be zero are not, and the others are right: a mask is forgotten"
    elif all(agree(np.where(claimed != 0, right, 0), claimed) for claimed, right in pairs):
        yield (
            "kept",
            ("zero outside some entries, and right there: only these terms are kept, the off-target ones are missing"),
        )


def moved(evidence: Evidence) -> Said:
    """Right up to a shift by one or a reversal along one axis."""
    for axis in range(evidence.seen[0].right.ndim):
        if all(seen.right.shape[axis] < 2 for seen in evidence.seen):
            continue
        for step in (1, -1):

            def shifted(seen: Seen, axis: int = axis, step: int = step) -> np.ndarray:
                value = np.roll(seen.right, step, axis)
                edge = [slice(None)] * value.ndim
                edge[axis] = 0 if step > 0 else -1
                value[tuple(edge)] = seen.claimed[tuple(edge)]  # what stands at the end is anyone's choice
                return value

            if evidence.explained(shifted):
                yield (
                    "shift",
                    f"off by one along axis {axis}: every entry stands one place {'late' if step > 0 else 'early'}",
                )
                return
        if evidence.explained(lambda seen, axis=axis: np.flip(seen.right, axis)):
            yield "flip", f"reversed along axis {axis}: a kernel that is not flipped, or a sequence read backwards"
            return


def other_layout(evidence: Evidence) -> Said:
    """The right entries in another shape, for which a line can state the layout."""
    bound = evidence.bound
    if bound.layout is None:
        return
    tensor = bound.layout.tensor
    for groups in groupings(tuple(index.name for index in tensor.indices)):
        layout = declared(tensor, groups)
        if all(layout.shape(seen.at.sizes) == seen.claimed.shape for seen in evidence.seen) and all(
            close(layout.to_claim(model_array(evidence, seen), seen.at.sizes), seen.claimed) for seen in evidence.seen
        ):
            d = "d" if bound.meaning is Meaning.ADJOINT else ""
            yield (
                "layout",
                (
                    f"it is the right one in another layout (transposed): {d}{tensor.name} has the shape of "
                    f"{tensor.name}, {natural(tensor).written()}; "
                    f"if your {tensor.name} is {layout.written()}, say so in a line "
                    f"`# {tensor.name}: {layout.written()}`"
                ),
            )
            return


def model_array(evidence: Evidence, seen: Seen) -> np.ndarray:
    bound = evidence.bound
    return seen.at.value(bound.tensor) if bound.meaning is Meaning.VALUE else seen.at.adjoint(bound.tensor)


def groupings(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Every order of the axes, and neighbours merged."""
    if len(names) > 4:
        return
    for order in permutations(names):
        for cuts in range(2 ** max(len(names) - 1, 0)):
            groups = [order[0]] if order else []
            for k, name in enumerate(order[1:]):
                if cuts >> k & 1:
                    groups[-1] += f"*{name}"
                else:
                    groups.append(name)
            yield tuple(groups)


def summed_shape(evidence: Evidence) -> Said:
    """A sum over an axis more or less: the claim summed over an axis is right."""
    for axis in range(evidence.seen[0].claimed.ndim):
        if all(
            seen.claimed.ndim > axis and agree(np.asarray(seen.claimed.sum(axis)), seen.right) for seen in evidence.seen
        ):
            yield "sum", f"a sum over axis {axis} of the claim is missing (the sum over the batch, or a broadcast axis)"
            return


TESTS = (
    zero,
    constant,
    transposed,
    other_tensor,
    paths,
    extra_regularizer,
    known_factor,
    kept_entries,
    moved,
)
MISFITTING = (other_layout, summed_shape)
