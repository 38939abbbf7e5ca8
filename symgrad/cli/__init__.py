"""The command line: a module a command.  What a command needs is imported within it, so that help comes at once."""

from __future__ import annotations

import sys

from ..language.errors import SymgradError
from . import benchmarks, derivation, emission, training, verification  # noqa: F401  each adds its commands
from .application import app, report_error


def main() -> None:
    """Run the command line; an error that the user can mend is one red line and exit status 1."""
    try:
        app()
    except SymgradError as error:
        report_error(error)
        sys.exit(1)
