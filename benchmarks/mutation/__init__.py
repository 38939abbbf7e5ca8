"""Derivations with one random mistake, decided by real NumPy, and what the verifier says of them."""
