"""Statements -> nests: loops over the same axis become one where each turn touches only its own entries.

A statement joins the loop that made what it reads (its row is still in cache), if nothing in between stands in its way.
So does a product that there is one of for each turn, such as those of each head of attention.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...language.ranges import same_extent
from ...language.rewriting import fresh_index, substitute
from ...language.terms import Index, Read, Term
from ..nests import Access, Assign, Comment, Loop, MatrixProduct, Node, Within, accesses
from .statements import Statement


def place(body: list[Node], statement: Statement, comment: Comment, home: Mapping[str, str], fuse: bool = True) -> None:
    """Add the statement to a list of nodes, inside an existing loop where that is allowed and touches the same data."""
    Placement(home, fuse).into(body, statement, 0, comment)


class Placement:
    def __init__(self, home: Mapping[str, str], fuse: bool) -> None:
        self.home, self.fuse = home, fuse

    def into(self, body: list[Node], statement: Statement, level: int, comment: Comment | None) -> None:
        if level == len(statement.loops):
            body += [*([comment] if comment else []), *statement.before, *statement.inside, *statement.after]
            return
        index = statement.loops[level]
        position = self.loop_for(body, statement, index, level)
        around = level == statement.depth
        before = list(statement.before) if around else []
        after = list(statement.after) if around else []
        if position is None:
            chain = statement.inside
            for depth in range(len(statement.loops) - 1, level - 1, -1):
                loop = Loop(statement.loops[depth], list(chain))
                if depth == statement.depth and depth != level:
                    chain = (*statement.before, loop, *statement.after)
                else:
                    chain = (loop,)
            body += [*([comment] if comment else []), *before, *chain, *after]
            return
        loop = body[position]
        renamed = rename(statement, index, loop.index)
        if around:
            body[position + 1 : position + 1] = [rename_node(node, index, loop.index) for node in after]
            body[position:position] = before
            self.into(loop.body, without_frame(renamed), level + 1, comment)
        else:
            self.into(loop.body, renamed, level + 1, comment)

    def loop_for(self, body: list[Node], statement: Statement, index: Index, level: int) -> int | None:
        if not self.fuse:
            return None
        mine = [access for node in self.nodes(statement) for access in accesses(node, entries=True)]
        own = {i for node in statement.inside if isinstance(node, MatrixProduct) for i in node.product.own}
        for position in range(len(body) - 1, -1, -1):
            node = body[position]
            theirs = list(accesses(node, entries=True))
            loop = isinstance(node, Loop) and node.order == "any" and node.index not in own
            fits = loop and same_extent(node.index.extent, index.extent)
            if fits and self.shared(theirs, mine) and self.may_join(node, index, theirs, mine):
                return position
            if self.conflicts(theirs, mine):
                return None
        return None

    @staticmethod
    def nodes(statement: Statement) -> tuple[Node, ...]:
        return (*statement.before, *statement.inside, *statement.after)

    def place_of(self, access: Access) -> str:
        return self.home.get(access.tensor, access.tensor)

    def shared(self, theirs: list[Access], mine: list[Access]) -> bool:
        large = {self.place_of(access) for access in theirs if access.indices is None or access.indices}
        return any(self.place_of(access) in large for access in mine if access.indices)

    def conflicts(self, theirs: list[Access], mine: list[Access]) -> bool:
        return any(
            self.place_of(a) == self.place_of(b) and (a.writes or b.writes) for a in theirs for b in mine
        )  # fmt: skip

    def may_join(self, loop: Loop, index: Index, theirs: list[Access], mine: list[Access]) -> bool:
        """Whether each turn of the fused loop would touch only its own entries of whatever one side writes."""
        for a in theirs:
            for b in mine:
                if self.place_of(a) != self.place_of(b) or not (a.writes or b.writes):
                    continue
                if not self.same_axis(a, loop.index, b, index):
                    return False
        return True

    @staticmethod
    def same_axis(a: Access, left: Index, b: Access, right: Index) -> bool:
        if a.indices is None or b.indices is None or len(a.indices) != len(b.indices):
            return False
        return any(x == left and y == right for x, y in zip(a.indices, b.indices, strict=True))


def without_frame(statement: Statement) -> Statement:
    return Statement(statement.equation, statement.loops, statement.inside, -1)


def rename(statement: Statement, old: Index, new: Index) -> Statement:
    """The statement with a loop's index renamed; an index of its own by that name gives way first."""
    if old == new:
        return statement
    names = {index.name: index for index in statement.loops}
    if new.name in names and names[new.name] != old:
        other = names[new.name]
        statement = rename(statement, other, fresh_index(other, names))
    return Statement(
        statement.equation,
        tuple(new if index == old else index for index in statement.loops),
        tuple(rename_node(node, old, new) for node in statement.inside),
        statement.depth,
        tuple(rename_node(node, old, new) for node in statement.before),
        tuple(rename_node(node, old, new) for node in statement.after),
    )


def rename_node(node: Node, old: Index, new: Index) -> Node:
    mapping: dict[Term, Term] = {old: new}
    if isinstance(node, Within):
        return Within(substitute(node.place, mapping), tuple(rename_node(inner, old, new) for inner in node.body))
    if isinstance(node, MatrixProduct):
        return replace(node, product=node.product.renamed(old, new))
    if not isinstance(node, Assign):
        return node
    target = Read(node.target.tensor, tuple(substitute(index, mapping) for index in node.target.indices))
    return Assign(target, node.op, substitute(node.value, mapping), new if node.index == old else node.index)
