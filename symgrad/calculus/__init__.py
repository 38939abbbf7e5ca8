"""Stages 2 and 3: the chain rule from first principles, and rewriting into the form of the textbook."""
