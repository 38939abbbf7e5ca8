"""A verification as text: a line a claim, and under a wrong one what is derived, the mistake, an example.

4  dhpreact  = (1 - h) * dh                  WRONG   first wrong step
   derived   dhpreact[b,i] = (1 - h[b,i]**2)*dh[b,i]
   mistake   1 - h where 1 - h**2 is right
   example   n=2, H=3: dhpreact[0,1] is 0.0571, the claim gives 0.0312 (41 % of the largest entry off)
   training  cosine with the true gradient 0.93: the loss would still fall; the curve would not show the error
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from .verdicts import Counterexample, Status, Verdict, Verification

WIDEST_TEXT = 110
MOST_LINES = 200  # of a file; in a longer one the lines of its own are left out
WIDEST = 56  # of a quoted line, which is cut beyond
TELLING = 0.3  # from this cosine on the loss would still fall


def text(verification: Verification) -> str:
    """The whole report, ending with one sentence that sums it up."""
    shown = [v for v in verification.verdicts if v.status is not Status.OWN or v.remark]
    if len(verification.verdicts) <= MOST_LINES:
        shown = list(verification.verdicts)
    width = min(max((len(quoted(v)) for v in shown), default=0), WIDEST)
    digits = len(str(max((v.line for v in shown), default=1)))
    lines = [""]
    for verdict in shown:
        lines += verdict_lines(verdict, verification, width, digits)
    lines += ["", *(f"note: {note}" for note in verification.notes)] if verification.notes else []
    if any(verdict.how.startswith("agrees") for verdict in shown) and any(verification.points):
        lines += ["", *wrapped(f"The random points have the sizes {'; '.join(dict.fromkeys(verification.points))}.")]
    return "\n".join([*lines, "", summary(verification)])


def wrapped(sentence: str) -> list[str]:
    return wrap(sentence, WIDEST_TEXT)


def quoted(verdict: Verdict) -> str:
    source = " ".join(verdict.source.split())
    return source if len(source) <= WIDEST else source[: WIDEST - 4] + " ..."


def verdict_lines(verdict: Verdict, verification: Verification, width: int, digits: int) -> Iterator[str]:
    first = verdict is verification.first_wrong
    said = ", ".join(part for part in (verdict.how, given(verdict), verdict.remark) if part)
    if verdict.status is Status.WRONG:
        said = ("first wrong step" if first else "") + (f", {said}" if said and first else said)
    status = "-" if verdict.status is Status.OWN else verdict.status.value
    yield f"{verdict.line:>{digits + 2}}  {quoted(verdict):<{width}}  {status:<6}  {said}".rstrip()
    indent = " " * (digits + 4)
    for word, content in details(verdict):
        lines = wrap(content, WIDEST_TEXT - len(indent) - 10, break_long_words=False, break_on_hyphens=False) or [""]
        yield f"{indent}{word:<9} {lines[0]}"
        yield from (f"{indent}{'':<9} {line}" for line in lines[1:])


def given(verdict: Verdict) -> str:
    if not verdict.given:
        return ""
    which = ", ".join(map(str, verdict.given))
    return f"given line{'s' if len(verdict.given) > 1 else ''} {which} corrected"


def details(verdict: Verdict) -> Iterator[tuple[str, str]]:
    if verdict.error:
        where = f" (column {verdict.column})" if verdict.column else ""
        yield "because", f"{verdict.error}{where}"
    if verdict.derived:
        yield "derived", verdict.derived
    for mistake in verdict.mistakes:
        yield "mistake", mistake
    if verdict.example is not None:
        yield "example", example(verdict.target, verdict.example)
        cosine = verdict.example.cosine
        if cosine is not None and cosine > TELLING:
            said = "the loss would still fall; the curve would not show the error"
            yield "training", f"cosine with the true gradient {cosine:.2f}: {said}"


def example(target: str, found: Counterexample) -> str:
    sizes = ", ".join(f"{name}={size}" for name, size in found.sizes.items())
    where = f"{sizes}: " if sizes else ""
    if found.claimed is None:
        return f"{where}{found.remark}"
    entry = f"[{','.join(map(str, found.entry))}]" if found.entry else ""
    off = f" ({100 * found.deviation:.0f} % of the largest entry off)" if found.deviation and found.entry else ""
    return f"{where}{target}{entry} is {found.right:.4g}, the claim gives {found.claimed:.4g}{off}"


def summary(verification: Verification) -> str:
    claims = verification.with_status(Status.RIGHT, Status.WRONG, Status.UNREAD, Status.UNDECIDED)
    wrong = verification.with_status(Status.WRONG)
    unread = verification.with_status(Status.UNREAD, Status.UNDECIDED)
    if not claims:
        return "No line makes a claim about the model: name gradients dX for a tensor X of the model."
    lines = "line is" if len(claims) == 1 else "lines are"
    if wrong:
        verb = "is" if len(wrong) == 1 else "are"
        rest = f" {len(unread)} could not be decided." if unread else ""
        first = f"First wrong step: line {wrong[0].line}."
        return f"{len(wrong)} of {len(claims)} lines {verb} wrong. {first}{rest}"
    if unread:
        return f"No line was found wrong, but {len(unread)} of {len(claims)} could not be read or decided."
    proved = sum(verdict.how.startswith("proved") for verdict in claims)
    if len(claims) == 1:
        return "The line is right." if proved else "The line is right as far as random points tell; it is not proved."
    rest = f", {len(claims) - proved} at random points only" if proved < len(claims) else ""
    return f"All {len(claims)} {lines} right; {proved} proved{rest}."
