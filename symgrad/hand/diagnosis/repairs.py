"""Repairing the person's own line: single changes are tried until the claim is right at every point.

Plain changes come first.  The number of evaluations is limited; pairs of changes are tried with what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from ..binding import Meaning, Names
from ..judging import Judge
from ..number_values import ShapeError
from ..records import Judged
from ..statements import Assign, Bare, Name, Node, Statement, names_in, replaced
from ..truth import At, Truth
from . import arithmetic_edits as arithmetic
from . import array_edits as arrays
from . import known_edits as known
from .findings import Finding, Way
from .replay import Replay, Target, assigned, lines
from .scene import Edit, Scene

MOST_TRIED = 2000  # changes at one point
MOST_OF_A_KIND = 800  # of one kind in one statement
MOST_OPERATIONS = 40_000  # of these, what is not known from before
PAIRED = ("transpose", "inner sign", "name", "term", "factor", "power")
MOST_PAIRED = 10  # of each kind

# Each generates the changes of one kind; in this order.
KINDS: tuple[Callable[[Scene], Iterator[Edit]], ...] = (
    arrays.lost_operators,
    arrays.scatters,
    arrays.paired_ids,
    arrays.transposes,
    arrays.swapped,
    arrays.whole_transposes,
    arrays.shifted_indices,
    arithmetic.powers,
    arithmetic.extra_functions,
    arithmetic.names,
    arithmetic.missing_functions,
    arithmetic.masks,
    arithmetic.comparisons,
    known.flips,
    arithmetic.signs,
    arrays.sums,
    arithmetic.products,
    arithmetic.complements,
    arithmetic.terms,
    known.numbers,
    arithmetic.factors,
    known.constant_factors,
    known.regularizers,
    known.known_factors,
    known.added_terms,
    known.symmetric,
    known.parts,
)


@dataclass(frozen=True)
class Tried:
    """An edit of the statement at `index`."""

    index: int
    edit: Edit
    statement: Statement


class Repairs:
    """The changes of a file's lines that make a claim right."""

    def __init__(self, truth: Truth, names: Names, statements: Sequence[Statement], source: str) -> None:
        self.replay = Replay(truth, names, statements)
        self.names, self.source = names, source
        self.statements = self.replay.statements
        self.flat = tuple(line for statement in self.statements for line in lines(statement))

    def explanations(
        self, judged: Judged, judge: Judge, points: Sequence[At], further: Sequence[At]
    ) -> Iterator[Finding]:
        """The first change, then the first pair of changes, that is right at `points`; `further` are other sizes."""
        target = self.replay.target(judged, judge)
        start = self.replay.operations
        left = MOST_TRIED
        pairs: list[Tried] = []
        ambiguous: Finding | None = None
        order = sorted(points, key=lambda at: (len(set(at.sizes.values())) < len(at.sizes), sum(at.sizes.values())))
        wrong = [at for at in order if not self.replay.right({}, target, at)]
        if not wrong:
            return
        scenes = [(k, self.scene(k, wrong[0], target)) for k in self.editable(target)]
        for kind in KINDS:
            for index, scene in scenes:
                for edit in islice(kind(scene), MOST_OF_A_KIND):
                    left -= 1
                    if left < 0 or self.replay.operations - start > MOST_OPERATIONS:
                        return
                    tried = Tried(index, edit, changed(self.statements[index], edit))
                    alike = sum(other.edit.kind == edit.kind for other in pairs)
                    if alike < MOST_PAIRED and self.is_paired(edit):
                        pairs.append(tried)
                    if not self.works((tried,), target, wrong, points):
                        continue
                    if edit.kind != "constant" or self.works((tried,), target, (), further):
                        yield self.finding((tried,), target, scene, judged)
                        return
                    ambiguous = ambiguous or self.finding((tried,), target, scene, judged)
            if ambiguous is not None:  # of several constants of one value none holds at other sizes
                yield ambiguous
                return
        for first, second in combinations(pairs, 2):
            left -= 1
            if left < 0 or self.replay.operations - start > MOST_OPERATIONS:
                return
            if first.edit.changes[0][0] is second.edit.changes[0][0]:
                continue
            if self.works((first, second), target, wrong, points):
                scene = next(scene for index, scene in scenes if index == first.index)
                yield self.finding((first, second), target, scene, judged)
                return

    def is_paired(self, edit: Edit) -> bool:
        """Whether it is tried with others; an adjoint that the file has not would be no repair of the line then."""
        new = edit.changes[0][1]
        bound = self.names.meaning(new.name) if isinstance(new, Name) else None
        adjoint = bound is not None and bound.meaning is Meaning.ADJOINT
        fetched = adjoint and not any(new.name in names_in(line) for line in self.flat)
        return edit.kind in PAIRED and len(edit.changes) == 1 and not fetched

    def works(self, edits: Sequence[Tried], target: Target, wrong: Sequence[At], points: Sequence[At]) -> bool:
        first, *others = outermost_first(edits)
        statements = {first.index: first.statement}
        for tried in others:
            before = statements.get(tried.index, self.statements[tried.index])
            statements[tried.index] = changed(before, tried.edit)
        return all(self.replay.right(statements, target, at) for at in (*wrong[:1], *points))

    def editable(self, target: Target) -> list[int]:
        """The claim's own statement, then the file's own lines that it reads, then lines that throw a value away."""
        found = [target.index]
        wanted, index = names_in(self.statements[target.index]), target.index
        while index:
            index -= 1
            made = assigned(self.statements[index])
            own = all(self.names.meaning(name) is None for name in made)
            if (made & wanted and own) or target.name in made:
                found.append(index)
                wanted |= names_in(self.statements[index])
        for k, statement in enumerate(self.statements):
            bare = [line for line in lines(statement) if isinstance(line, Bare) and target.name in names_in(line)]
            if bare and k not in found:
                found.append(k)
        return found

    def scene(self, index: int, at: At, target: Target) -> Scene:
        self.replay.prepare(at)
        own = self.replay.names_at(at, index)
        values = self.replay.nodes[id(at)]
        return Scene(self.statements[index], at, self.names, values, own, self.flat, self.source, target.name)

    def finding(self, edits: Sequence[Tried], target: Target, scene: Scene, judged: Judged) -> Finding:
        said = [self.said(tried, target, scene, judged) for tried in edits]
        kind = edits[0].edit.kind if len(edits) == 1 else "several"
        return Finding(Way.LINE, kind, said[0] if len(said) == 1 else f"two mistakes: {'; and '.join(said)}")

    def said(self, tried: Tried, target: Target, scene: Scene, judged: Judged) -> str:
        edit = tried.edit
        where = self.where(tried, target)
        if edit.sentence:  # it quotes the line
            return edit.sentence
        old, new = edit.changes[0]
        misfit = self.misfit(edit, scene, judged)
        if misfit:
            return where + misfit
        times = f" (in all {len(edit.changes)} places)" if len(edit.changes) > 1 else ""
        remark = f" ({edit.remark})" if edit.remark else ""
        return f"{where}`{scene.text(old)}` stands where `{scene.text(new)}` is right{times}{remark}"

    def where(self, tried: Tried, target: Target) -> str:
        """The line, where it is not the claim's."""
        statement, old = self.statements[tried.index], tried.edit.changes[0][0]
        inside = next((line for line in lines(statement) if holds(line, old)), statement)
        if tried.index == target.index and isinstance(inside, Assign) and inside.name == target.name:
            return ""
        number = self.source.count("\n", 0, inside.span[0]) + 1
        return f"in line {number}, {quoted(self.source, inside)}: "

    def misfit(self, edit: Edit, scene: Scene, judged: Judged) -> str:
        """Shapes that do not fit, and the layout in which they would."""
        errors = [error for _, error in judged.record.errors if isinstance(error, ShapeError)]
        old, new = edit.changes[0]
        name = innermost_name(old)
        bound = self.names.meaning(name) if name else None
        if not errors or edit.kind != "transpose" or bound is None or bound.layout is None:
            return ""
        layout = bound.layout.written()
        if bound.meaning is not Meaning.VALUE or len(bound.layout.groups) != 2:
            return ""
        reverse = f"({', '.join(layout.strip('()').split(', ')[::-1])})"
        whole = next(
            (line.value for line in lines(scene.statement) if isinstance(line, Assign) and holds(line, old)), None
        )
        right = scene.text(new) if whole is None else quoted_with(scene, whole, edit)
        return (
            f"{errors[0]}; with {bound.tensor} as the model has it, {layout}, `{right}` is right (a wrong transpose); "
            f"if your {name} is {reverse}, say so in a line `# {name}: {reverse}`"
        )


def quoted(source: str, node: Node) -> str:
    text = " ".join(source[slice(*node.span)].split())
    return f"`{text}`"


def quoted_with(scene: Scene, whole: Node, edit: Edit) -> str:
    """The person's text with the changed part in it."""
    old, new = edit.changes[0]
    start, end = whole.span
    return " ".join((scene.source[start : old.span[0]] + scene.text(new) + scene.source[old.span[1] : end]).split())


def outermost_first(edits: Sequence[Tried]) -> list[Tried]:
    """A change within another's node comes after it."""
    nodes = [tried.edit.changes[0][0] for tried in edits]
    return sorted(edits, key=lambda tried: sum(holds(node, tried.edit.changes[0][0]) for node in nodes))


def holds(line: Node, node: Node) -> bool:
    return any(inner is node for inner in line.walk())


def innermost_name(node: Node) -> str:
    names = [inner.name for inner in node.walk() if isinstance(inner, Name)]
    return names[0] if len(names) == 1 else ""


def changed(statement: Statement, edit: Edit) -> Statement:
    new: Node = statement
    for old, other in edit.changes:
        new = replaced(new, old, other)
    assert isinstance(new, Statement)
    return new
