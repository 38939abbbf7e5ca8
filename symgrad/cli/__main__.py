"""`python -m symgrad.cli`."""

from . import main

main()
