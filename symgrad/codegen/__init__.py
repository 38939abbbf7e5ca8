"""Stages 4 and 5: from equations to loop nests, and from loop nests to one readable Numba file."""
