"""makemore_mlp: loss, gradients and sgd step.  Emitted by symgrad 0.1.0; do not edit.

Axes       v in V   d in D   i in H   t in N   b in B
Inputs     x (B,N) < V token ids   y (B) < V token ids
Parameters C (V,D)   W1 (H,N,D)   b1 (H)   W2 (V,H)   b2 (V)
Settings   lr
Saved      h (B,H)   p (B,V)   forward values that the backward reads
Notation   dX is dL/dX, with the shape of X;  [v == y] is 1 if true, else 0

Forward    (F1) a[b,i] = b1[i] + sum_t,d W1[i,t,d]*C[x[b,t],d]
           (F2) h[b,i] = tanh(a[b,i])
           (F3) o[b,v] = b2[v] + sum_i W2[v,i]*h[b,i]
           (F4) p[b,v] = exp(o[b,v])/(sum_v2 exp(o[b,v2]))
           (F5) L = -1/B * sum_b log(p[b,y[b]])
Stable     L = -1/B * sum_b (o[b,y[b]] - o_max[b] - log(sum_v2 exp(o[b,v2] - o_max[b])))
Backward   do[b,v] = (p[b,v] - [v == y[b]])/B
           dh[b,i] = sum_v W2[v,i]*do[b,v]
           da[b,i] = (1 - h[b,i]**2)*dh[b,i]
Gradients  dC[v,d] = sum_b,i,t W1[i,t,d]*da[b,i]*[v == x[b,t]]
           dW1[i,t,d] = sum_b da[b,i]*C[x[b,t],d]
           db1[i] = sum_b da[b,i]
           dW2[v,i] = sum_b do[b,v]*h[b,i]
           db2[v] = sum_b do[b,v]
Update     (U1) C_new[v,d] = C[v,d] - lr*dC[v,d]
           (U2) W1_new[i,t,d] = W1[i,t,d] - lr*dW1[i,t,d]
           (U3) b1_new[i] = b1[i] - lr*db1[i]
           (U4) W2_new[v,i] = W2[v,i] - lr*dW2[v,i]
           (U5) b2_new[v] = b2[v] - lr*db2[v]

Program beec3bf7, sgd, float32, C-contiguous arrays
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


@njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy")
def tanh(x):
    """tanh in float32: odd polynomial below 0.625, else 1 - 2/(e**2|x| + 1); within 2 ulp."""
    a = abs(x)
    z = x * x
    p = f32(-5.70498872745e-3)
    p = p * z + f32(2.06390887954e-2)
    p = p * z + f32(-5.37397155531e-2)
    p = p * z + f32(1.33314422036e-1)
    p = p * z + f32(-3.33332819422e-1)
    small = p * z * x + x
    large = f32(1.0) - f32(2.0) / (exp(min(a, f32(10.0)) * f32(2.0)) + f32(1.0))
    large = -large if x < f32(0.0) else large
    value = small if a < f32(0.625) else large
    return value if x == x else x


@njit(cache=True, fastmath=FAST, error_model="numpy")
def loss(x, y, C, W1, b1, W2, b2):
    """The loss L of one batch; nothing is changed.

    Arrays: x (B,N), y (B), C (V,D), W1 (H,N,D), b1 (H), W2 (V,H), b2 (V)
    """
    B = x.shape[0]
    N = x.shape[1]
    V = C.shape[0]
    D = C.shape[1]
    H = W1.shape[0]
    C_x = np.empty((B, N, D), real)
    a = np.empty((B, H), real)
    o = np.empty((B, V), real)
    h = a  # in the same array
    # C_x[b,t,d] = C[x[b,t],d]
    for b in range(B):
        for t in range(N):
            for d in range(D):
                C_x[b, t, d] = C[x[b, t], d]
    # (F1) a[b,i] = b1[i] + sum_t,d C_x[b,t,d]*W1[i,t,d]
    for b in range(B):
        for i in range(H):
            a[b, i] = b1[i]
    product(C_x.reshape(B, N*D), AS_IS, W1.reshape(H, N*D), TRANSPOSED, 1.0, 1.0, a)
    # (F2) h[b,i] = tanh(a[b,i])
    for b in range(B):
        for i in range(H):
            h[b, i] = tanh(a[b, i])
    # (F3) o[b,v] = b2[v] + sum_i W2[v,i]*h[b,i]
    for b in range(B):
        for v in range(V):
            o[b, v] = b2[v]
    product(h, AS_IS, W2, TRANSPOSED, 1.0, 1.0, o)
    # o_y[b] = o[b,y[b]]
    L_total = 0.0
    for b in range(B):
        o_y = o[b, y[b]]
        # (o_max) o_max[b] = max_v2 o[b,v2]
        o_max = real(-np.inf)
        for v2 in range(V):
            o_max = larger(o_max, o[b, v2])
        # L_sum[b] = sum_v2 exp(o[b,v2] - o_max[b])
        L_sum = real(0)
        for v2 in range(V):
            L_sum = plus(L_sum, exp(o[b, v2] - o_max))
        # (F5) L = -1/B * sum_b (o_y[b] - o_max[b] - log(L_sum[b]))
        L_total = plus(L_total, o_y - o_max - log(L_sum))
    L = -L_total / B
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def gradients(x, y, C, W1, b1, W2, b2):
    """The loss of one batch and its gradients: (L, dC, dW1, db1, dW2, db2).

    Arrays: x (B,N), y (B), C (V,D), W1 (H,N,D), b1 (H), W2 (V,H), b2 (V)
    """
    B = x.shape[0]
    N = x.shape[1]
    V = C.shape[0]
    D = C.shape[1]
    H = W1.shape[0]
    C_x = np.empty((B, N, D), real)
    a = np.empty((B, H), real)
    o = np.empty((B, V), real)
    dh = np.empty((B, H), real)
    dC_rows = np.empty((B, N, D), real)
    dC = np.empty((V, D), real)
    dW1 = np.empty((H, N, D), real)
    db1 = np.empty((H,), real)
    dW2 = np.empty((V, H), real)
    db2 = np.empty((V,), real)
    h = a  # in the same array
    p_exp = o  # in the same array
    do = o  # in the same array
    da = dh  # in the same array
    # C_x[b,t,d] = C[x[b,t],d]
    for b in range(B):
        for t in range(N):
            for d in range(D):
                C_x[b, t, d] = C[x[b, t], d]
    # (F1) a[b,i] = b1[i] + sum_t,d C_x[b,t,d]*W1[i,t,d]
    for b in range(B):
        for i in range(H):
            a[b, i] = b1[i]
    product(C_x.reshape(B, N*D), AS_IS, W1.reshape(H, N*D), TRANSPOSED, 1.0, 1.0, a)
    # (F2) h[b,i] = tanh(a[b,i])
    for b in range(B):
        for i in range(H):
            h[b, i] = tanh(a[b, i])
    # (F3) o[b,v] = b2[v] + sum_i W2[v,i]*h[b,i]
    for b in range(B):
        for v in range(V):
            o[b, v] = b2[v]
    product(h, AS_IS, W2, TRANSPOSED, 1.0, 1.0, o)
    # o_y[b] = o[b,y[b]]
    L_total = 0.0
    for b in range(B):
        o_y = o[b, y[b]]
        # (o_max) o_max[b] = max_v2 o[b,v2]
        o_max = real(-np.inf)
        for v2 in range(V):
            o_max = larger(o_max, o[b, v2])
        # p_exp[b,v] = exp(o[b,v] - o_max[b])
        p_sum = real(0)
        for v in range(V):
            p_exp[b, v] = exp(o[b, v] - o_max)
            # p_sum[b] = sum_v2 p_exp[b,v2]
            p_sum = plus(p_sum, p_exp[b, v])
        # (F5) L = -1/B * sum_b (o_y[b] - o_max[b] - log(p_sum[b]))
        L_total = plus(L_total, o_y - o_max - log(p_sum))
        # F4 was: p[b,v] = exp(o[b,v])/(sum_v2 exp(o[b,v2]))
        # (do) do[b,v] = p_exp[b,v]/(B*p_sum[b]) - [v == y[b]]/B
        for v in range(V):
            do[b, v] = p_exp[b, v] / (real(B) * p_sum)
        do[b, y[b]] -= real(1.0) / real(B)
    L = -L_total / B
    # F3 was: o[b,v] = b2[v] + sum_i W2[v,i]*h[b,i]
    # (dh) dh[b,i] = sum_v W2[v,i]*do[b,v]
    product(do, AS_IS, W2, AS_IS, 1.0, 0.0, dh)
    # F2 was: h[b,i] = tanh(a[b,i])
    # (da) da[b,i] = (1 - h[b,i]**2)*dh[b,i]
    for b in range(B):
        for i in range(H):
            da[b, i] = (real(1.0) - h[b, i] ** 2) * dh[b, i]
    # dC_rows[b,t,d] = sum_i W1[i,t,d]*da[b,i]
    product(da, AS_IS, W1.reshape(H, N*D), AS_IS, 1.0, 0.0, dC_rows.reshape(B, N*D))
    dC[...] = 0
    # F1 was: a[b,i] = b1[i] + sum_t,d W1[i,t,d]*C[x[b,t],d]
    # (dC) dC[v,d] = sum_b,t dC_rows[b,t,d]*[v == x[b,t]]
    for b in range(B):
        for t in range(N):
            for d in range(D):
                dC[x[b, t], d] += dC_rows[b, t, d]
    # F1 was: a[b,i] = b1[i] + sum_t,d W1[i,t,d]*C[x[b,t],d]
    # (dW1) dW1[i,t,d] = sum_b da[b,i]*C_x[b,t,d]
    product(da, TRANSPOSED, C_x.reshape(B, N*D), AS_IS, 1.0, 0.0, dW1.reshape(H, N*D))
    db1[...] = 0
    # F1 was: a[b,i] = b1[i] + sum_t,d W1[i,t,d]*C[x[b,t],d]
    # (db1) db1[i] = sum_b da[b,i]
    for b in range(B):
        for i in range(H):
            db1[i] += da[b, i]
    # F3 was: o[b,v] = b2[v] + sum_i W2[v,i]*h[b,i]
    # (dW2) dW2[v,i] = sum_b do[b,v]*h[b,i]
    product(do, TRANSPOSED, h, AS_IS, 1.0, 0.0, dW2)
    db2[...] = 0
    # F3 was: o[b,v] = b2[v] + sum_i W2[v,i]*h[b,i]
    # (db2) db2[v] = sum_b do[b,v]
    for b in range(B):
        for v in range(V):
            db2[v] += do[b, v]
    return L, dC, dW1, db1, dW2, db2


@njit(cache=True, fastmath=FAST, error_model="numpy")
def step(x, y, lr, C, W1, b1, W2, b2, C_x, a, o, dh, dC_rows):
    """One step in place; the loss before it.  A loss that is not finite leaves everything untouched.

    Arrays: x (B,N), y (B), C (V,D), W1 (H,N,D), b1 (H), W2 (V,H), b2 (V), C_x (B,N,D), a (B,H), o (B,V), dh (B,H),
    dC_rows (B,N,D)
    """
    B = x.shape[0]
    N = x.shape[1]
    V = C.shape[0]
    D = C.shape[1]
    H = W1.shape[0]
    h = a  # in the same array
    p_exp = o  # in the same array
    do = o  # in the same array
    da = dh  # in the same array
    C_new = C  # in the same array
    W1_new = W1  # in the same array
    b1_new = b1  # in the same array
    W2_new = W2  # in the same array
    b2_new = b2  # in the same array
    # C_x[b,t,d] = C[x[b,t],d]
    for b in range(B):
        for t in range(N):
            for d in range(D):
                C_x[b, t, d] = C[x[b, t], d]
    # (F1) a[b,i] = b1[i] + sum_t,d C_x[b,t,d]*W1[i,t,d]
    for b in range(B):
        for i in range(H):
            a[b, i] = b1[i]
    product(C_x.reshape(B, N*D), AS_IS, W1.reshape(H, N*D), TRANSPOSED, 1.0, 1.0, a)
    # (F2) h[b,i] = tanh(a[b,i])
    for b in range(B):
        for i in range(H):
            h[b, i] = tanh(a[b, i])
    # (F3) o[b,v] = b2[v] + sum_i W2[v,i]*h[b,i]
    for b in range(B):
        for v in range(V):
            o[b, v] = b2[v]
    product(h, AS_IS, W2, TRANSPOSED, 1.0, 1.0, o)
    # o_y[b] = o[b,y[b]]
    L_total = 0.0
    for b in range(B):
        o_y = o[b, y[b]]
        # (o_max) o_max[b] = max_v2 o[b,v2]
        o_max = real(-np.inf)
        for v2 in range(V):
            o_max = larger(o_max, o[b, v2])
        # p_exp[b,v] = exp(o[b,v] - o_max[b])
        p_sum = real(0)
        for v in range(V):
            p_exp[b, v] = exp(o[b, v] - o_max)
            # p_sum[b] = sum_v2 p_exp[b,v2]
            p_sum = plus(p_sum, p_exp[b, v])
        # (F5) L = -1/B * sum_b (o_y[b] - o_max[b] - log(p_sum[b]))
        L_total = plus(L_total, o_y - o_max - log(p_sum))
        # F4 was: p[b,v] = exp(o[b,v])/(sum_v2 exp(o[b,v2]))
        # (do) do[b,v] = p_exp[b,v]/(B*p_sum[b]) - [v == y[b]]/B
        for v in range(V):
            do[b, v] = p_exp[b, v] / (real(B) * p_sum)
        do[b, y[b]] -= real(1.0) / real(B)
    L = -L_total / B
    # F3 was: o[b,v] = b2[v] + sum_i W2[v,i]*h[b,i]
    # (dh) dh[b,i] = sum_v W2[v,i]*do[b,v]
    product(do, AS_IS, W2, AS_IS, 1.0, 0.0, dh)
    # F2 was: h[b,i] = tanh(a[b,i])
    # (da) da[b,i] = (1 - h[b,i]**2)*dh[b,i]
    for b in range(B):
        for i in range(H):
            da[b, i] = (real(1.0) - h[b, i] ** 2) * dh[b, i]
    # dC_rows[b,t,d] = sum_i W1[i,t,d]*da[b,i]
    product(da, AS_IS, W1.reshape(H, N*D), AS_IS, 1.0, 0.0, dC_rows.reshape(B, N*D))
    if not isfinite(L):
        return L
    # (U1) C_new[v,d] = C[v,d] - lr * sum_b,t dC_rows[b,t,d]*[v == x[b,t]]
    for b in range(B):
        for t in range(N):
            for d in range(D):
                C_new[x[b, t], d] -= real(lr) * dC_rows[b, t, d]
    # (U2) W1_new[i,t,d] = W1[i,t,d] - lr * sum_b da[b,i]*C_x[b,t,d]
    product(da, TRANSPOSED, C_x.reshape(B, N*D), AS_IS, -lr, 1.0, W1_new.reshape(H, N*D))
    # (U3) b1_new[i] = b1[i] - lr * sum_b da[b,i]
    for b in range(B):
        for i in range(H):
            b1_new[i] -= real(lr) * da[b, i]
    # (U4) W2_new[v,i] = W2[v,i] - lr * sum_b do[b,v]*h[b,i]
    product(do, TRANSPOSED, h, AS_IS, -lr, 1.0, W2_new)
    # (U5) b2_new[v] = b2[v] - lr * sum_b do[b,v]
    for b in range(B):
        for v in range(V):
            b2_new[v] -= real(lr) * do[b, v]
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def train_chunk(order, lr, x, y, C, W1, b1, W2, b2, losses):
    """len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.

    Returns how many steps were done: all, or those before the first loss that is not finite.
    """
    B = order.shape[1]
    N = x.shape[1]
    V = C.shape[0]
    D = C.shape[1]
    H = W1.shape[0]
    x_batch = np.empty((B, x.shape[1]), x.dtype)
    y_batch = np.empty((B,), y.dtype)
    C_x = np.empty((B, N, D), real)
    a = np.empty((B, H), real)
    o = np.empty((B, V), real)
    dh = np.empty((B, H), real)
    dC_rows = np.empty((B, N, D), real)
    for turn in range(order.shape[0]):
        for row in range(B):
            x_batch[row, :] = x[order[turn, row], :]
            y_batch[row] = y[order[turn, row]]
        losses[turn] = step(x_batch, y_batch, lr[turn], C, W1, b1, W2, b2, C_x, a, o, dh, dC_rows)
        if not math.isfinite(losses[turn]):
            return turn
    return order.shape[0]


@njit(cache=True, fastmath=FAST, error_model="numpy")
def mean_loss(x, y, C, W1, b1, W2, b2, batch):
    """The loss over all rows of the data, `batch` rows at a time, each row weighing the same."""
    rows = x.shape[0]
    total = 0.0
    for start in range(0, rows, batch):
        stop = min(start + batch, rows)
        total += (stop - start) * loss(x[start:stop], y[start:stop], C, W1, b1, W2, b2)
    return total / rows
