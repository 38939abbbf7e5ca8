"""A backward pass of the concatenation language model, as somebody wrote it; one line is wrong.

symgrad verify examples/concat_lm.py examples/verify/concat_lm_backward.py
"""

import numpy as np

# W1: (H, N*D)
do = (p - one_hot(y, V)) / B
dW2 = do.T @ h
dh = do @ W2
da = (1 - h) * dh
dW1 = da.T @ C[x].reshape(B, N * D)
dC = np.zeros_like(C)
np.add.at(dC, x, (da @ W1).reshape(B, N, D))
