"""`Vocabulary`: tokens <-> ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..language.errors import DataError


@dataclass(frozen=True)
class Vocabulary:
    """The tokens in the order of their ids; `unknown` and `boundary` are tokens among them, where there are such."""

    tokens: tuple[str, ...]
    unknown: str | None = None
    boundary: str | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def ids(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """The ids (int32) of a sequence; rare tokens become the unknown one.

        Raises DataError for a token that is not in the vocabulary where there is no unknown one.
        """
        ids = self.ids
        if self.unknown is not None:
            unknown = ids[self.unknown]
            return np.fromiter((ids.get(token, unknown) for token in tokens), dtype=np.int32)
        try:
            return np.fromiter((ids[token] for token in tokens), dtype=np.int32)
        except KeyError as error:
            raise DataError(
                f"token {error.args[0]!r} is not among the {len(self):,} of the vocabulary, and it has no unknown token"
            ) from None

    def decode(self, ids: Sequence[int] | np.ndarray) -> list[str]:
        """The tokens of a sequence of ids."""
        return [self.tokens[number] for number in ids]


def build_vocabulary(
    counted: Counter[str], seen: Iterable[str], minimum_count: int, unknown: str, boundary: str | None
) -> Vocabulary:
    """The tokens that `counted` has at least `minimum_count` times.

    Ids: the boundary first, then the unknown token where some token of `seen` falls below the minimum (or is that
    very token), then the others, the most frequent first and equally frequent ones in the order of their characters.
    """
    special = {unknown, boundary}
    kept = [token for token, count in counted.items() if count >= minimum_count and token not in special]
    kept.sort(key=lambda token: (-counted[token], token))
    members = {*kept, boundary}
    merges = any(token not in members for token in seen)
    first = [*([boundary] if boundary is not None else []), *([unknown] if merges else [])]
    return Vocabulary((*first, *kept), unknown if merges else None, boundary)
