"""Several lines that make one name: the parts of a sum, each against the shares of the paths.

dcounts = counts_sum_inv * dprobs           the share through probs
dcounts += dcounts_sum * ones               what is left: together they are right
"""

from __future__ import annotations

import numpy as np

from .binding import Meaning
from .records import Judged, Record, Seen
from .statements import Apply, Name, names_in
from .truth import Share, agree, subsets

RELAID = ("array", "copy", "as_type", "float", "reshape", "flatten", "ravel", "squeeze", "expand_dims")


def judged_group(group: list[Record]) -> list[Judged]:
    """The verdicts on all lines that make one name: a line that begins anew makes a claim of its own, one that made
    nothing has none."""
    group = [record for record in group if record.seen or record.errors]
    if not group:
        return []
    starts = [k for k, record in enumerate(group) if k and begins_anew(record)]
    parts = [group[i:j] for i, j in zip([0, *starts], [*starts, len(group)], strict=True)]
    zero = [part is not parts[-1] and len(part) == 1 and all_zero(part[0]) for part in parts]
    judged = [begun(part[0]) if none else judged_sum(part) for part, none in zip(parts, zero, strict=True)]
    if len(parts[0]) == 1 and reads_itself(group[0]) and judged[0][0].right:
        judged[0] = [of_itself(group[0])]
    return [one for found in judged for one in found]


def all_zero(record: Record) -> bool:
    return not record.errors and not any(np.any(seen.claimed) for seen in record.seen)


def reads_itself(record: Record) -> bool:
    """Whether the first line that makes a value reads it: of `h = np.maximum(h, 0)`, true of many an h, nothing
    follows."""
    line = record.event.line
    plain = record.event.statement is line and isinstance(line.target, Name) and not line.operator
    return plain and record.bound.meaning is Meaning.VALUE and record.event.name in names_in(line.value)


def of_itself(record: Record) -> Judged:
    """What only lays the value out anew claims nothing; what computes with it is not decided."""
    value = record.event.line.value
    relaid = isinstance(value, Apply) and value.function in RELAID and isinstance(value.arguments[0], Name)
    said = "it reads what it makes" + ("" if relaid else ", which no line made before, so that nothing follows from it")
    return Judged(record, None, judged=not relaid, remark=said)


def begun(record: Record) -> list[Judged]:
    return [Judged(record, None, judged=False, remark="begins a sum")]


def judged_sum(group: list[Record]) -> list[Judged]:
    """The verdicts on the lines of one sum."""
    if any(record.errors or not record.seen for record in group):
        return [failed_record(record, group[-1]) for record in group]
    if len(group) == 1:
        return [Judged(group[0], agree_everywhere(group[0]), compared=group[0].seen)]
    if group[0].bound.meaning is not Meaning.ADJOINT:
        return [Judged(r, None, judged=False) for r in group[:-1]] + [
            Judged(group[-1], agree_everywhere(group[-1]), compared=group[-1].seen)
        ]
    whole = next((k for k, record in enumerate(group) if agree_everywhere(record)), None)
    if whole is not None:
        return accumulated(group[: whole + 1], complete=True) + [reused(record) for record in group[whole + 1 :]]
    return accumulated(group, complete=False)


def failed_record(record: Record, last: Record) -> Judged:
    """A line that could not be run somewhere; where it could, a difference is still a difference."""
    if last is not record and record.seen and not any(np.any(seen.claimed) for seen in record.seen):
        return Judged(record, None, judged=False, remark="begins a sum")
    wrong = any(not seen.agrees for seen in record.seen)
    return Judged(record, False if wrong else None, compared=record.seen)


def agree_everywhere(record: Record) -> bool:
    return all(seen.agrees for seen in record.seen)


def accumulated(group: list[Record], complete: bool) -> list[Judged]:
    """The parts of a sum, each against the paths' shares; together they are right where `complete`."""
    if len(group) == 1:
        return [Judged(group[0], complete, compared=group[0].seen)]
    parts = [[increment(record, k) for k in range(len(record.seen))] for record in group]
    names = [path_names(record, part) for record, part in zip(group, parts, strict=True)]
    if not complete and not any(names):  # no line is a part by itself: the value that they make is wrong
        *first, last = group
        return [Judged(record, None, judged=False, remark="on the way") for record in first] + [
            Judged(last, False, compared=last.seen)
        ]
    verdicts = []
    for k, (record, part, paths) in enumerate(zip(group, parts, names, strict=True)):
        if all(not np.any(piece) for piece in part):
            verdicts += begun(record)
        elif complete and record is group[-1]:
            verdicts.append(Judged(record, True, compared=record.seen))
        elif paths:
            verdicts.append(Judged(record, True, f"the share through {', '.join(paths)}", paths=paths))
        elif complete:
            verdicts.append(Judged(record, None, judged=False, remark="on the way"))
        else:
            others = [sum(p[n] for j, p in enumerate(parts) if j != k) for n in range(len(part))]
            compared = [
                Seen(seen.at, piece, seen.right - other)
                for seen, piece, other in zip(record.seen, part, others, strict=True)
            ]
            alone = sum(not named and any(map(np.any, p)) for named, p in zip(names, parts, strict=True)) == 1
            verdicts.append(Judged(record, False, "", compared if alone else record.seen))
    if not complete and all(verdict.right is not False for verdict in verdicts):
        last = group[-1]
        verdicts[-1] = Judged(last, False, "the sum lacks a path", last.seen)
    return verdicts


def increment(record: Record, k: int) -> np.ndarray:
    """What the event added at its k-th point; a plain assignment begins anew."""
    claimed, before = record.seen[k].claimed, record.before[k]
    if begins_anew(record):
        return claimed
    return claimed - before if before is not None and before.shape == claimed.shape else claimed


def begins_anew(record: Record) -> bool:
    """Whether the event is a plain assignment that does not read what the name held."""
    line = record.event.line
    anew = isinstance(line.target, Name) and not line.operator and record.event.name not in names_in(line.value)
    return anew and record.event.statement is line


def path_names(record: Record, part: list[np.ndarray]) -> tuple[str, ...]:
    """The definitions whose paths' shares add up to the part at every point; none where there are none."""
    candidates: list[tuple[Share, ...]] | None = None
    for seen, piece in zip(record.seen, part, strict=True):
        shares = [(share, record.bound.spread(value, seen.at)) for share, value in seen.at.shares(record.bound.tensor)]
        fits = [chosen for chosen, value in subsets(shares) if agree(piece, np.broadcast_to(value, seen.right.shape))]
        found = [tuple(dict.fromkeys(share.through for share in chosen)) for chosen in fits]
        candidates = found if candidates is None else [c for c in candidates if c in found]
    return candidates[0] if candidates else ()


def reused(record: Record) -> Judged:
    """A line that changes a name after it was right: it may now hold another adjoint."""
    for tensor in record.seen[0].at.truth.adjoints:
        if all(agree(seen.claimed, seen.at.adjoint(tensor)) for seen in record.seen):
            if tensor == record.bound.tensor:
                return Judged(record, True, compared=record.seen)
            return Judged(record, True, f"{record.event.name} now holds dL/d{tensor}")
    return Judged(record, False, "it changes a value that was right", record.seen)
