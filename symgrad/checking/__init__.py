"""Stage 6: the oracles, and what is compared with them."""
