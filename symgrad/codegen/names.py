"""The identifiers of an emitted file: each thing keeps its own name unless Python or the file needs it."""

from __future__ import annotations

import keyword
from collections.abc import Iterable

from ..language.terms import Index, Size

RESERVED = {
    "np", "njit", "types", "math", "real", "f32", "FAST", "AS_IS", "TRANSPOSED", "KIND", "product", "larger",
    "plus", "inf", "pi", "loss", "gradients", "step", "train_chunk", "evaluation_loss", "mean_loss", "draw_mask",
    "order", "losses", "turn", "row", "rows", *(f"axis{k}" for k in range(1, 10)),
    "start", "stop", "total", "batch", "range", "min", "max", "abs", "float", "int", "len", "exp", "log", "tanh",
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "erf", "sqrt", "isfinite", "floor", "sign",
    "expm1", "log1p", "sigmoid", "LEAST", "part", "parts", "threads", "prange", "parts_for", "add_parts", "for_c",
    "address", "stored", "pointer", "BYTES", "cgutils", "intrinsic", "link", "train_steps", "LATER", "LINKED",
    "addresses", "carray", "cfunc", "binding", "at", "DIGEST", "REALS", "IDS", "ADDRESSES", "workspace", "spare",
    "SPARE", "steps", "mmap", "contextlib", "threading", "LINKING",
}  # fmt: skip


class Names:
    """Python identifiers, one each for tensors, local numbers, indices and sizes: their own names, with `_` behind
    them where that is taken.  Tensors are named first, so that they keep theirs.
    """

    def __init__(self, tensors: Iterable[str]) -> None:
        self.given: dict[tuple[str, str], str] = {}
        for name in tensors:
            self.tensor(name)

    def tensor(self, name: str) -> str:
        """Also for a local number `L.total`, which no tensor can be called."""
        return self.identifier("tensor", name)

    def index(self, index: Index) -> str:
        return self.identifier("index", index.name)

    def size(self, name: str) -> str:
        return self.identifier("size", name)

    def batch(self, tensor: str) -> str:
        """The array that holds one batch of an input."""
        return self.identifier("batch", f"{self.tensor(tensor)}_batch")

    def length(self, array: str, axis: int) -> Size:
        """`x.shape[0]` as a size, which spells itself."""
        place = f"{array}.shape[{axis}]"
        self.given["size", place] = place
        return Size(place)

    def identifier(self, kind: str, name: str) -> str:
        if (kind, name) not in self.given:
            wanted = name.replace(".", "_")
            while taken(wanted) or wanted in self.given.values():
                wanted += "_"
            self.given[kind, name] = wanted
        return self.given[kind, name]


def taken(name: str) -> bool:
    return name in RESERVED or keyword.iskeyword(name)
