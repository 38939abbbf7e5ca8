"""One name, one meaning: the letters of indices, sizes and tensors of a model are told apart."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import DeclarationError
from .program import Program
from .terms import Binder, Index, Size


def refuse_letters(program: Program, indices: Iterable[Index], tensors: Iterable[str]) -> None:
    """Raises where one name would mean two things: `b` a batch index and a bias, `H` a size and a matrix."""
    old = [index for tensor in program.tensors.values() for index in tensor.indices]
    sums = [node.indices for e in program.equations() for node in e.body.walk() if isinstance(node, Binder)]
    letters = {index.name: index for index in (*old, *(i for each in sums for i in each), *indices)}
    sizes = {n.name: index for index in letters.values() for n in index.extent.walk() if isinstance(n, Size)}
    for name in tensors:
        if name in sizes:
            raise DeclarationError(
                f"{program.name}: {name} is the size of index {sizes[name].name} and cannot name a tensor; rename one"
            )
        if name in letters:
            raise DeclarationError(f"{program.name}: {name} is an index and cannot name a tensor; rename one of them")
    for name in letters:
        if name in sizes:
            raise DeclarationError(
                f"{program.name}: {name} is an index and the size of index {sizes[name].name}; rename one of them"
            )
