"""`python -m symgrad`: the command line, where its script is not installed."""

from .cli import main

main()
