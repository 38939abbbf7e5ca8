import numpy as np


def backward(X, Y, t, g, out, Wt, Wg):
    """Gradients of the highway layer, carry path included."""
    batch = X.shape[0]
    err = (out - Y) / batch
    # through the gate
    d_gate = err * (g - X)
    d_pre_t = d_gate * t * (1.0 - t)
    dWt = np.dot(X.T, d_pre_t)
    dbt = d_pre_t.sum(axis=0)
    # through the transform
    d_pre_g = err * t * (1 - np.square(g))
    dWg = np.dot(X.T, d_pre_g)
    dbg = np.einsum("no->o", d_pre_g)
    dX = err * (1 - t) + d_pre_t @ Wt.T + d_pre_g @ Wg.T
    return dWt, dbt, dWg, dbg, dX
