"""softmax_regression: loss, gradients and sgd step.  Emitted by symgrad 0.1.0; do not edit.

Axes       d in D   k in K   b in B
Inputs     X (B,D)   y (B) < K token ids
Parameters W (D,K)   c (K)
Settings   lr
Saved      p (B,K)   forward values that the backward reads
Notation   dX is dL/dX, with the shape of X;  [v == y] is 1 if true, else 0

Forward    (F1) o[b,k] = c[k] + sum_d W[d,k]*X[b,d]
           (F2) p[b,k] = exp(o[b,k])/(sum_k2 exp(o[b,k2]))
           (F3) L = -1/B * sum_b log(p[b,y[b]])
Stable     L = -1/B * sum_b (o[b,y[b]] - o_max[b] - log(sum_k2 exp(o[b,k2] - o_max[b])))
Backward   do[b,k] = (p[b,k] - [k == y[b]])/B
Gradients  dW[d,k] = sum_b do[b,k]*X[b,d]
           dc[k] = sum_b do[b,k]
Update     (U1) W_new[d,k] = W[d,k] - lr*dW[d,k]
           (U2) c_new[k] = c[k] - lr*dc[k]

Program 3e227c92, sgd, float32, C-contiguous arrays
"""

import math
from math import isfinite, log

import numpy as np
from numba import njit, types

real = np.float32
f32 = np.float32
FAST = {"contract", "nsz"}  # multiply and add in one rounding; NaN and infinity keep their meaning


AS_IS, TRANSPOSED = False, True
_blas = types.ExternalFunction(
    "numba_xxgemm",
    types.intc(
        types.char, types.char, types.char, types.intp, types.intp, types.intp, types.uintp,
        types.uintp, types.intp, types.uintp, types.intp, types.uintp, types.uintp, types.intp,
    ),
)


@njit(cache=True)
def product(left, turn_left, right, turn_right, alpha, beta, out):
    """out = alpha * left @ right + beta * out, by BLAS; TRANSPOSED says that an operand is stored the other way."""
    rows, columns = out.shape
    inner = left.shape[0] if turn_left else left.shape[1]
    scale = np.array([alpha, beta], out.dtype)
    # BLAS counts columns first: out.T = right.T @ left.T
    _blas(
        ord("s") if out.itemsize == 4 else ord("d"), ord("t") if turn_right else ord("n"),
        ord("t") if turn_left else ord("n"), columns, rows, inner,
        scale.ctypes.data, right.ctypes.data, row_length(right), left.ctypes.data, row_length(left),
        scale.ctypes.data + out.itemsize, out.ctypes.data, row_length(out),
    )


@njit(cache=True)
def row_length(matrix):
    """How far the next row is, in numbers: the row's own length, or more where the matrix is a slice."""
    return max(matrix.strides[0] // matrix.itemsize, matrix.shape[1])


@njit(cache=True, fastmath={"nnan", "nsz"})
def larger(a, b):
    """The greater of two numbers; a NaN shows in the exponentials that follow."""
    return a if a > b else b


@njit(cache=True, fastmath={"reassoc", "nsz"})
def plus(a, b):
    """a + b, where a collects a sum whose order is free: a loop over it becomes vector code."""
    return a + b


@njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy")
def exp(x):
    """e**x in float32: range reduction, then a polynomial of degree 7; within 2 ulp, 0 below -86, inf above 88.73."""
    n = np.floor(x * f32(1.442695041) + f32(0.5))
    r = (x - n * f32(0.693359375)) + n * f32(2.12194440e-4)
    p = f32(1.9875691500e-4)
    p = p * r + f32(1.3981999507e-3)
    p = p * r + f32(8.3334519073e-3)
    p = p * r + f32(4.1665795894e-2)
    p = p * r + f32(1.6666665459e-1)
    p = p * r + f32(5.0000001201e-1)
    p = p * (r * r) + r + f32(1.0)
    # 2**(n - 1), for 2**128 is no float32; no denormal number is made, for they are slow
    half = np.int32(min(max(n, f32(-124.0)), f32(128.0))) + np.int32(126)
    value = p * np.int32(half << np.int32(23)).view(np.float32) * f32(2.0)
    value = f32(0.0) if x < f32(-86.0) else value
    value = f32(np.inf) if x > f32(88.73) else value
    return value if x == x else x


@njit(cache=True, fastmath=FAST, error_model="numpy")
def loss(X, y, W, c):
    """The loss L of one batch; nothing is changed.

    Arrays: X (B,D), y (B), W (D,K), c (K)
    """
    B = X.shape[0]
    D = X.shape[1]
    K = W.shape[1]
    o = np.empty((B, K), real)
    # (F1) o[b,k] = c[k] + sum_d W[d,k]*X[b,d]
    for b in range(B):
        for k in range(K):
            o[b, k] = c[k]
    product(X, AS_IS, W, AS_IS, 1.0, 1.0, o)
    # o_y[b] = o[b,y[b]]
    L_total = 0.0
    for b in range(B):
        o_y = o[b, y[b]]
        # (o_max) o_max[b] = max_k2 o[b,k2]
        o_max = real(-np.inf)
        for k2 in range(K):
            o_max = larger(o_max, o[b, k2])
        # L_sum[b] = sum_k2 exp(o[b,k2] - o_max[b])
        L_sum = real(0)
        for k2 in range(K):
            L_sum = plus(L_sum, exp(o[b, k2] - o_max))
        # (F3) L = -1/B * sum_b (o_y[b] - o_max[b] - log(L_sum[b]))
        L_total = plus(L_total, o_y - o_max - log(L_sum))
    L = -L_total / B
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def gradients(X, y, W, c):
    """The loss of one batch and its gradients: (L, dW, dc, dX).

    Arrays: X (B,D), y (B), W (D,K), c (K)
    """
    B = X.shape[0]
    D = X.shape[1]
    K = W.shape[1]
    o = np.empty((B, K), real)
    dW = np.empty((D, K), real)
    dc = np.empty((K,), real)
    dX = np.empty((B, D), real)
    p_exp = o  # in the same array
    do = o  # in the same array
    # (F1) o[b,k] = c[k] + sum_d W[d,k]*X[b,d]
    for b in range(B):
        for k in range(K):
            o[b, k] = c[k]
    product(X, AS_IS, W, AS_IS, 1.0, 1.0, o)
    # o_y[b] = o[b,y[b]]
    L_total = 0.0
    for b in range(B):
        o_y = o[b, y[b]]
        # (o_max) o_max[b] = max_k2 o[b,k2]
        o_max = real(-np.inf)
        for k2 in range(K):
            o_max = larger(o_max, o[b, k2])
        # p_exp[b,k] = exp(o[b,k] - o_max[b])
        p_sum = real(0)
        for k in range(K):
            p_exp[b, k] = exp(o[b, k] - o_max)
            # p_sum[b] = sum_k2 p_exp[b,k2]
            p_sum = plus(p_sum, p_exp[b, k])
        # (F3) L = -1/B * sum_b (o_y[b] - o_max[b] - log(p_sum[b]))
        L_total = plus(L_total, o_y - o_max - log(p_sum))
        # F2 was: p[b,k] = exp(o[b,k])/(sum_k2 exp(o[b,k2]))
        # (do) do[b,k] = p_exp[b,k]/(B*p_sum[b]) - [k == y[b]]/B
        for k in range(K):
            do[b, k] = p_exp[b, k] / (real(B) * p_sum)
        do[b, y[b]] -= real(1.0) / real(B)
    L = -L_total / B
    # F1 was: o[b,k] = c[k] + sum_d W[d,k]*X[b,d]
    # (dW) dW[d,k] = sum_b do[b,k]*X[b,d]
    product(X, TRANSPOSED, do, AS_IS, 1.0, 0.0, dW)
    dc[...] = 0
    # F1 was: o[b,k] = c[k] + sum_d W[d,k]*X[b,d]
    # (dc) dc[k] = sum_b do[b,k]
    for b in range(B):
        for k in range(K):
            dc[k] += do[b, k]
    # (dX) dX[b,d] = sum_k W[d,k]*do[b,k]
    product(do, AS_IS, W, TRANSPOSED, 1.0, 0.0, dX)
    return L, dW, dc, dX


@njit(cache=True, fastmath=FAST, error_model="numpy")
def step(X, y, lr, W, c, o):
    """One step in place; the loss before it.  A loss that is not finite leaves everything untouched.

    Arrays: X (B,D), y (B), W (D,K), c (K), o (B,K)
    """
    B = X.shape[0]
    D = X.shape[1]
    K = W.shape[1]
    p_exp = o  # in the same array
    do = o  # in the same array
    W_new = W  # in the same array
    c_new = c  # in the same array
    # (F1) o[b,k] = c[k] + sum_d W[d,k]*X[b,d]
    for b in range(B):
        for k in range(K):
            o[b, k] = c[k]
    product(X, AS_IS, W, AS_IS, 1.0, 1.0, o)
    # o_y[b] = o[b,y[b]]
    L_total = 0.0
    for b in range(B):
        o_y = o[b, y[b]]
        # (o_max) o_max[b] = max_k2 o[b,k2]
        o_max = real(-np.inf)
        for k2 in range(K):
            o_max = larger(o_max, o[b, k2])
        # p_exp[b,k] = exp(o[b,k] - o_max[b])
        p_sum = real(0)
        for k in range(K):
            p_exp[b, k] = exp(o[b, k] - o_max)
            # p_sum[b] = sum_k2 p_exp[b,k2]
            p_sum = plus(p_sum, p_exp[b, k])
        # (F3) L = -1/B * sum_b (o_y[b] - o_max[b] - log(p_sum[b]))
        L_total = plus(L_total, o_y - o_max - log(p_sum))
        # F2 was: p[b,k] = exp(o[b,k])/(sum_k2 exp(o[b,k2]))
        # (do) do[b,k] = p_exp[b,k]/(B*p_sum[b]) - [k == y[b]]/B
        for k in range(K):
            do[b, k] = p_exp[b, k] / (real(B) * p_sum)
        do[b, y[b]] -= real(1.0) / real(B)
    L = -L_total / B
    if not isfinite(L):
        return L
    # (U1) W_new[d,k] = W[d,k] - lr * sum_b do[b,k]*X[b,d]
    product(X, TRANSPOSED, do, AS_IS, -lr, 1.0, W_new)
    # (U2) c_new[k] = c[k] - lr * sum_b do[b,k]
    for b in range(B):
        for k in range(K):
            c_new[k] -= real(lr) * do[b, k]
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def train_chunk(order, lr, X, y, W, c, losses):
    """len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.

    Returns how many steps were done: all, or those before the first loss that is not finite.
    """
    B = order.shape[1]
    D = X.shape[1]
    K = W.shape[1]
    X_batch = np.empty((B, X.shape[1]), X.dtype)
    y_batch = np.empty((B,), y.dtype)
    o = np.empty((B, K), real)
    for turn in range(order.shape[0]):
        for row in range(B):
            X_batch[row, :] = X[order[turn, row], :]
            y_batch[row] = y[order[turn, row]]
        losses[turn] = step(X_batch, y_batch, lr[turn], W, c, o)
        if not math.isfinite(losses[turn]):
            return turn
    return order.shape[0]


@njit(cache=True, fastmath=FAST, error_model="numpy")
def mean_loss(X, y, W, c, batch):
    """The loss over all rows of the data, `batch` rows at a time, each row weighing the same."""
    rows = X.shape[0]
    total = 0.0
    for start in range(0, rows, batch):
        stop = min(start + batch, rows)
        total += (stop - start) * loss(X[start:stop], y[start:stop], W, c)
    return total / rows
