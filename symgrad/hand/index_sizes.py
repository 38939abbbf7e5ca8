"""The size of an index that a sum binds: read off the axes on which it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..language.errors import ClaimError
from ..language.notation import text
from ..language.program import Tensor
from ..language.ranges import at_least, same_extent
from ..language.terms import Index, Term
from .statements import Apply, Choice, Comparison, Expression, Item, Name, Node, Reduction, Total


@dataclass(frozen=True)
class IndexSizes:
    """`tensors` by name; `model` the model's own indices; `error(message, node)` makes a ClaimError."""

    tensors: Mapping[str, Tensor]
    model: Mapping[str, Index]
    error: Callable[[str, Node], ClaimError]

    def of(self, name: str, body: Expression, scope: Mapping[str, Index], limit: Term | None, node: Node) -> Term:
        """The size of index `name` in the sum's body.

        Where it stands by itself on axes, theirs; they have to agree, and where the model's index of that name is over
        a beginning of them, it is meant.  Else that of the model's index of that name, that of the limits of the sum,
        that of axes where it stands under a condition, of what it is compared with; v2 at last that of v.
        """
        stands = list(self.axes(name, body))
        sure = [(extent, read) for extent, read, guarded in stands if not guarded]
        for extent, read in sure[1:]:
            if not same_extent(extent, sure[0][0]):
                raise self.error(
                    f"index {name} runs over size {text(sure[0][0])} in {sure[0][1]} and over size {text(extent)} in "
                    f"{read}",
                    node,
                )
        compared = list(self.compared(name, body, scope))
        own = self.model.get(name)
        if own is not None and sure and at_least(sure[0][0], own.extent):
            return own.extent  # the model's index over the beginning of a longer axis
        found = [extent for extent, _ in sure]
        found += [self.model[name].extent] if name in self.model else []
        found += [limit] if limit is not None else []
        found += [extent for extent, _, _ in stands] + compared
        found += [self.model[stem].extent] if (stem := name.rstrip("0123456789")) in self.model else []
        if not found:
            raise self.error(f"the size of index {name} is not known: it stands on no axis", node)
        return found[0]

    def axes(self, name: str, node: Node, guarded: bool = False) -> Iterator[tuple[Term, str, bool]]:
        """(size, the tensor, whether a condition on the index decides) of the axes on which it stands by itself."""
        if rebinds(node, name):
            return
        match node:
            case Choice(condition, then, other):
                decides = guarded or mentions(condition, name)
                yield from self.axes(name, condition, guarded)
                for branch in (then, other):
                    yield from self.axes(name, branch, decides)
                return
            case Item(Name(array), places) if array in self.tensors:
                for place, extent in zip(places, self.tensors[array].shape, strict=False):
                    if isinstance(place, Name) and place.name == name:
                        yield extent, f"{array}[{','.join(getattr(p, 'name', '...') for p in places)}]", guarded
        for child in node.children:
            yield from self.axes(name, child, guarded)

    def compared(self, name: str, node: Node, scope: Mapping[str, Index]) -> Iterator[Term]:
        """The sizes of what the index is equal to somewhere: tokens, other indices."""
        if rebinds(node, name):
            return
        if isinstance(node, Comparison) and node.operator == "==":
            for side, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(side, Name) and side.name == name:
                    yield from self.size_of(other, scope)
        for child in node.children:
            yield from self.compared(name, child, scope)

    def size_of(self, node: Expression, scope: Mapping[str, Index]) -> Iterator[Term]:
        match node:
            case Name(other) if other in scope:
                yield scope[other].extent
            case Item(Name(array)) | Name(array) if array in self.tensors:
                if (vocabulary := self.tensors[array].vocabulary) is not None:
                    yield vocabulary


def rebinds(node: Node, name: str) -> bool:
    if isinstance(node, Apply) and node.function == "logsumexp":
        return any(isinstance(argument, Name) and argument.name == name for argument in node.arguments[1:])
    return isinstance(node, Total | Reduction) and name in node.indices


def mentions(node: Node, name: str) -> bool:
    return any(isinstance(inner, Name) and inner.name == name for inner in node.walk())
