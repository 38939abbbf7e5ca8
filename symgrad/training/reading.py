"""Reading text: bytes -> a string -> tokens -> the tokens of each part."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from ..language.errors import DataError
from .data import PARTS, returned

Split = tuple[float | int | None, ...]


def python_topics() -> str:
    """The help texts that every CPython carries (`pydoc_data.topics`), in the order of their keys: 65,000 words."""
    from pydoc_data.topics import topics

    return "\n".join(topics[key] for key in sorted(topics))


def read_text(source: Path | Callable[[], str]) -> str:
    """The text of a UTF-8 file (its lines may end in \\r\\n, a byte order mark is left out) or of a function.

    Raises DataError where there is no such file, where it is not UTF-8 (with the byte's position) or has no
    text, and where the function raises.
    """
    name = source_name(source)
    if callable(source):
        text = returned(source, "text")
    else:
        try:
            raw = source.read_bytes()
        except OSError as error:
            reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
            raise DataError(f"text {source}: the file {reason}; expected a UTF-8 text file") from None
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"text {source}: byte 0x{raw[error.start]:02x} at position {error.start:,} is not UTF-8; "
                "convert the file to UTF-8"
            ) from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not text.strip():
        raise DataError(f"text {name}: it is empty, expected text to train on; give another file")
    return text


def source_name(source: Path | Callable[[], str]) -> str:
    """What messages call a source."""
    return source.__name__ if callable(source) else str(source)


def tokenized(text: str, tokens: str) -> list[str]:
    """`words`: what blanks and line ends separate; `characters`: each one, line ends too."""
    return text.split() if tokens == "words" else list(text)


def tokenized_lines(text: str, tokens: str, shuffle_seed: int | None) -> list[list[str]]:
    """The tokens of each line that has any, the lines shuffled once by `random.Random(shuffle_seed)` unless None."""
    lines = [line for line in text.split("\n") if line.strip()]
    if shuffle_seed is not None:
        random.Random(shuffle_seed).shuffle(lines)
    return [tokenized(line, tokens) for line in lines]


def split(items: Sequence, parts: Split, name: str) -> dict[str, Sequence]:
    """`items` cut in order into train, valid and test.

    `parts` are fractions, read as the decimals that they are written as, with cuts at `int(sum so far * n)`; or
    numbers of items, one of which may be None: the rest.  A part of size 0 is left out.
    Raises DataError where they do not fit.
    """
    counts = [part for part in parts if part is not None]
    fractions = any(isinstance(part, float) for part in counts)
    if not 1 <= len(parts) <= len(PARTS) or any(isinstance(part, bool) or part < 0 for part in counts):
        raise DataError(f"text {name}: split is {parts}, expected one to three fractions or counts: train, valid, test")
    if fractions:
        shares = [Fraction(str(part)) for part in counts]
        if len(counts) < len(parts) or sum(shares) > 1:
            raise DataError(f"text {name}: split is {parts}, expected fractions whose sum is at most 1")
        cuts = [int(sum(shares[:number]) * len(items)) for number in range(len(shares) + 1)]
    else:
        rest = len(items) - sum(counts)
        if rest < 0 or len(parts) - len(counts) > 1:
            raise DataError(
                f"text {name}: split is {parts}, {sum(counts):,} together with at most one None, but the text has "
                f"{len(items):,}; give smaller counts or fractions"
            )
        lengths = [rest if part is None else part for part in parts]
        cuts = [sum(lengths[:number]) for number in range(len(lengths) + 1)]
    pieces = {part: items[a:b] for part, a, b in zip(PARTS, cuts, cuts[1:], strict=False)}
    asked = {part: size != 0 for part, size in zip(PARTS, parts, strict=False)}
    for part, piece in pieces.items():
        if not piece and (asked[part] or part == "train"):
            raise DataError(
                f"text {name}: the {part} part is empty ({len(items):,} in all, split {parts}); "
                "give more text or another split"
            )
    return {part: piece for part, piece in pieces.items() if piece}
