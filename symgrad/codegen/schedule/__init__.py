"""Stage 4: what is a matrix product, what is fused, what is sparse, what runs in place.

`forms` and `contractions` rewrite a Program into equations that are each one loop nest or one matrix product (they
are evaluated before and after by the tests); `statements` makes nests of them, `storage` decides what shares memory,
`fusion` puts nests together.
"""
