"""`Text`: a text as rows of token ids, as the model's token tensors ask for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from ..language.errors import DataError
from ..language.program import Program, Role, Tensor
from .data import Data, Rows, checked_rows, row_shape, wanted
from .reading import Split, python_topics, read_text, source_name, split, tokenized, tokenized_lines
from .sizes import Sizes, extent_size, fixed
from .vocabulary import Vocabulary, build_vocabulary
from .windows import as_rows, line_windows, sequence_windows, stream_windows

__all__ = ["Text", "python_topics"]

CHOICES = {"tokens": ("words", "characters"), "unit": ("stream", "lines"), "vocabulary_from": ("whole", "train")}


@dataclass(frozen=True)
class Text:
    """A text to predict token by token.  Raises DataError for a choice that there is not.

    source           a UTF-8 file, relative to the model file, or a function that returns the text: `python_topics`
    tokens           "words" (separated by blanks) or "characters"
    unit             "stream": windows run across line ends, the text is split by token position;
                     "lines": each line stands between boundary tokens, whole lines are split
    split            train, valid, test: fractions, or numbers of tokens (of lines) with None for the rest
    minimum_count    tokens seen less often are merged into the one `unknown` token
    vocabulary_from  the part whose tokens are counted: "whole" text or "train"; perplexities of the two do not compare
    boundary         the token around lines; the text must not have it
    shuffle_seed     of the lines, once, before they are split; None leaves their order
    newest_first     a context's first entry is the most recent token (Bengio et al. 2003)
    context, target  the names of the model's token tensors

    A target of one entry per row is the token after the context: one row for each window that lies inside its part.
    A target with the context's axes is the next token at each position: rows are sequences that do not overlap.
    """

    source: str | Path | Callable[[], str]
    _: KW_ONLY
    tokens: str = "words"
    unit: str = "stream"
    split: Split = (0.8, 0.1, 0.1)
    minimum_count: int = 1
    vocabulary_from: str = "whole"
    unknown: str = "<unk>"
    boundary: str = "."
    shuffle_seed: int | None = 42
    newest_first: bool = False
    context: str = "x"
    target: str = "y"

    def __post_init__(self) -> None:
        if isinstance(self.source, str):
            object.__setattr__(self, "source", Path(self.source))
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise DataError(f"text: {name} is {getattr(self, name)!r}, expected one of {', '.join(choices)}")
        count = self.minimum_count
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise DataError(f"text: minimum_count is {count!r}, expected a whole number of 1 or more")

    @property
    def name(self) -> str:
        return source_name(self.source)

    def load(self, program: Program, sizes: Mapping[str, int], dtype: str) -> Data:
        """Rows of ids for each part.

        Raises DataError where the model is no model of one text, the text cannot be read, it has its own boundary
        token, a part is shorter than a context and its next token, or a size contradicts the vocabulary.
        """
        frame = frame_of(program, self)
        text = read_text(self.source)
        if self.unit == "lines":
            units: Sequence = tokenized_lines(text, self.tokens, self.shuffle_seed)
        else:
            units = tokenized(text, self.tokens)
        parts = split(units, self.split, self.name)
        flat = {part: self.flattened(piece) for part, piece in parts.items()}
        whole = self.flattened(units)
        vocabulary = self.vocabulary(Counter(whole), Counter(flat["train"]))
        known: Sizes = dict(sizes)
        for tensor in (frame.context, frame.target):
            found = f"{program.name}: the vocabulary of {tensor.name} in text {self.name}"
            known = fixed(known, tensor.vocabulary, len(vocabulary), found)
        length = 1 if frame.length is None else extent_size(frame.length, known)
        rows: dict[str, Rows] = {}
        for part, piece in parts.items():
            self.check_length(part, len(flat[part]), length)
            arrays = self.windows(piece, vocabulary, length, each=frame.each)
            names = (self.context, self.target)
            arranged = as_rows(*arrays, names, newest_first=self.newest_first, flat=frame.length is None)
            rows[part], known = checked_rows(program, part, arranged, known, dtype)
        return Data(rows, known, vocabulary, self.lines(vocabulary, whole, parts, flat, rows))

    def flattened(self, units: Sequence) -> list[str]:
        """The tokens of a part one after another, without boundaries."""
        return list(chain.from_iterable(units)) if self.unit == "lines" else units

    def vocabulary(self, whole: Counter[str], train: Counter[str]) -> Vocabulary:
        if self.unit == "lines" and self.boundary in whole:
            raise DataError(
                f"text {self.name}: the boundary token {self.boundary!r} occurs in the text itself; choose one that "
                "does not: Text(..., boundary=...)"
            )
        counted = whole if self.vocabulary_from == "whole" else train
        boundary = self.boundary if self.unit == "lines" else None
        vocabulary = build_vocabulary(counted, whole, self.minimum_count, self.unknown, boundary)
        if len(vocabulary) < 2:
            raise DataError(
                f"text {self.name}: the vocabulary has only {vocabulary.tokens[0]!r}, expected two tokens or more; "
                f"lower minimum_count (it is {self.minimum_count}) or give more text"
            )
        return vocabulary

    def check_length(self, part: str, count: int, length: int) -> None:
        if self.unit == "stream" and count < length + 1:
            raise DataError(
                f"text {self.name}: the {part} part has {count:,} tokens, expected at least {length + 1:,} (a context "
                f"of {length:,} and the next token); give more text or a shorter context"
            )

    def windows(
        self, piece: Sequence, vocabulary: Vocabulary, length: int, *, each: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        if self.unit == "lines":
            boundary = vocabulary.ids[self.boundary]
            return line_windows([vocabulary.encode(line) for line in piece], length, boundary)
        return (sequence_windows if each else stream_windows)(vocabulary.encode(piece), length)

    def lines(
        self, vocabulary: Vocabulary, whole: list[str], parts: dict, flat: dict[str, list[str]], rows: dict[str, Rows]
    ) -> tuple[str, ...]:
        """What a person should know of the data before training: three lines."""
        kind = "words" if self.tokens == "words" else "characters"
        unknown = sum(token not in vocabulary.ids for token in whole) / len(whole)
        counted = "the whole text" if self.vocabulary_from == "whole" else "the training part"
        times = f"seen {self.minimum_count} times or more in" if self.minimum_count > 1 else "all of"
        size = f"{len(vocabulary):,} {kind} ({times} {counted}), {100 * unknown:.1f} % of tokens unknown"
        unit = f"{len(whole):,} {kind}"
        if self.unit == "lines":
            order = "in their order" if self.shuffle_seed is None else f"shuffled with seed {self.shuffle_seed}"
            unit = f"{sum(map(len, parts.values())):,} lines of {unit}, {order}"
        split = [f"{part} {len(flat[part]):,} ({len(rows[part][self.target]):,})" for part in rows]
        return (
            f"text        {self.name}: {unit}",
            f"vocabulary  {size}",
            f"parts       {'   '.join(split)}   tokens (rows)",
        )


@dataclass(frozen=True)
class Frame:
    """How the model reads a text: its two token tensors and the extent of a context.

    `length` is None where a context is one token without an axis; `each`: every position has its target.
    """

    context: Tensor
    target: Tensor
    length: object
    each: bool


def frame_of(program: Program, source: Text) -> Frame:
    """Raises DataError where the model's inputs are not one context and one target."""
    names = [tensor.name for tensor in wanted(program)]
    tokens = {tensor.name: tensor for tensor in program.with_role(Role.TOKENS)}
    if set(names) != {source.context, source.target} or set(tokens) != set(names):
        raise DataError(
            f"{program.name}: a Text gives the tokens {source.context} and {source.target}, but the model's inputs are "
            f"{', '.join(names) or 'none'}{other_data(names, list(tokens))}"
        )
    context, target = tokens[source.context], tokens[source.target]
    shape, target_shape = row_shape(program, context), row_shape(program, target)
    each = len(target_shape) == 1
    if len(shape) > 1 or (target_shape and target_shape != shape):
        raise DataError(
            f"{program.name}: {context.name} and {target.name} have {len(shape)} and {len(target_shape)} axes beside "
            "the batch, expected a context of at most one and a target of none, or of the same one"
        )
    if each and (source.unit == "lines" or source.newest_first):
        raise DataError(
            f"{program.name}: {target.name} has a target at each position, which goes with unit='stream' and contexts "
            "in reading order only"
        )
    return Frame(context, target, shape[0] if shape else None, each)


def other_data(names: list[str], tokens: list[str]) -> str:
    """What to do for a model whose inputs are not the two tokens that a text gives."""
    if len(names) == 2 and tokens == names:
        context, target = names
        return f"; name the two: Text(..., context={context!r}, target={target!r})"
    real = [name for name in names if name not in tokens]
    kinds = f", of which {', '.join(real)} {'are' if len(real) > 1 else 'is'} no tokens" if real else ""
    arrays = ", ".join(f"{name!r}: ..." for name in names)
    return (
        f"{kinds}; a text has no more than a context and what follows it: make arrays of your data, a row an example, "
        f"and give Training(Arrays({{'train': {{{arrays}}}}}), ...) in its place"
    )
