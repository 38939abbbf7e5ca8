"""What symgrad raises when it cannot go on: a sentence with the name, what was expected, what came, what to do."""


class SymgradError(Exception):
    """Base of every error that is told in a sentence; nearly all are for the user to mend."""


class DeclarationError(SymgradError):
    """A model that is not well formed."""


class DerivativeError(SymgradError):
    """A construct whose derivative is not known; it is named."""


class Independent(DerivativeError):
    """A derivative that is proven to be 0: no path leads from what is differentiated to the name."""


class DataError(SymgradError):
    """Text, tokens, sizes or files that do not fit the model."""


class TrainingError(SymgradError):
    """Training cannot go on: a non-finite loss, settings that contradict each other."""


class EmissionError(SymgradError):
    """An emitted file that does not load or compile: a mistake of symgrad's, not of the model."""


class ClaimError(SymgradError):
    """A line of a person's derivation that cannot be read.

    `line` and `column` count from 1, `span` is where the part stands in the source, each where it is known.
    """

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line, self.column = line, column
        self.span: tuple[int, int] | None = None
