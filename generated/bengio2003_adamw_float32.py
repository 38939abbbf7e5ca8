"""bengio2003: loss, gradients and adamw step.  Emitted by symgrad 0.1.0; do not edit.

Axes       v in V   m in M   j in J   t in N   e in B
Inputs     context (B,N) < V token ids   word (B) < V token ids
Parameters C (V,M)   H (J,N,M)   d (J)   U (V,J)   b (V)
States     m_C (V,M)   v_C (V,M)   m_H (J,N,M)   v_H (J,N,M)   m_d (J)   v_d (J)   m_U (V,J)   v_U (V,J)   m_b (V)   v_b (V)
Settings   lr, weight_decay, beta1, beta2, eps, t
Saved      x (B,N,M)   a (B,J)   p (B,V)   forward values that the backward reads
Notation   dX is dL/dX, with the shape of X;  [v == y] is 1 if true, else 0

Forward    (F1) x[e,t,m] = C[context[e,t],m]
           (F2) o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
           (F3) a[e,j] = tanh(o[e,j])
           (F4) y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
           (F5) p[e,v] = exp(y[e,v])/(sum_v2 exp(y[e,v2]))
           (F6) L = -1/B * sum_e log(p[e,word[e]])
Stable     L = -1/B * sum_e (y[e,word[e]] - y_max[e] - log(sum_v2 exp(y[e,v2] - y_max[e])))
Backward   dy[e,v] = (p[e,v] - [v == word[e]])/B
           da[e,j] = sum_v U[v,j]*dy[e,v]
           do[e,j] = (1 - a[e,j]**2)*da[e,j]
           dx[e,t,m] = sum_j H[j,t,m]*do[e,j]
Gradients  dC[v,m] = sum_e,t dx[e,t,m]*[v == context[e,t]]
           dH[j,t,m] = sum_e do[e,j]*x[e,t,m]
           dd[j] = sum_e do[e,j]
           dU[v,j] = sum_e dy[e,v]*a[e,j]
           db[v] = sum_e dy[e,v]
Update     (U1) correction_m = 1 - beta1**t
           (U2) correction_v = 1 - beta2**t
           (U3) m_C_new[v,m] = beta1*m_C[v,m] + dC[v,m]*(1 - beta1)
           (U4) v_C_new[v,m] = dC[v,m]**2*(1 - beta2) + beta2*v_C[v,m]
           (U5) C_new[v,m] = C[v,m]*(1 - lr*weight_decay) - lr*m_C_new[v,m]/(correction_m*(eps + sqrt(v_C_new[v,m]/correction_v)))
           (U6) m_H_new[j,t,m] = beta1*m_H[j,t,m] + dH[j,t,m]*(1 - beta1)
           (U7) v_H_new[j,t,m] = dH[j,t,m]**2*(1 - beta2) + beta2*v_H[j,t,m]
           (U8) H_new[j,t,m] = H[j,t,m]*(1 - lr*weight_decay) - lr*m_H_new[j,t,m]/(correction_m*(eps + sqrt(v_H_new[j,t,m]/correction_v)))
           (U9) m_d_new[j] = beta1*m_d[j] + dd[j]*(1 - beta1)
           (U10) v_d_new[j] = dd[j]**2*(1 - beta2) + beta2*v_d[j]
           (U11) d_new[j] = d[j]*(1 - lr*weight_decay) - lr*m_d_new[j]/(correction_m*(eps + sqrt(v_d_new[j]/correction_v)))
           (U12) m_U_new[v,j] = beta1*m_U[v,j] + dU[v,j]*(1 - beta1)
           (U13) v_U_new[v,j] = dU[v,j]**2*(1 - beta2) + beta2*v_U[v,j]
           (U14) U_new[v,j] = U[v,j]*(1 - lr*weight_decay) - lr*m_U_new[v,j]/(correction_m*(eps + sqrt(v_U_new[v,j]/correction_v)))
           (U15) m_b_new[v] = beta1*m_b[v] + db[v]*(1 - beta1)
           (U16) v_b_new[v] = db[v]**2*(1 - beta2) + beta2*v_b[v]
           (U17) b_new[v] = b[v]*(1 - lr*weight_decay) - lr*m_b_new[v]/(correction_m*(eps + sqrt(v_b_new[v]/correction_v)))

Program 1a25ad62, adamw, float32, C-contiguous arrays
"""

import math
from math import isfinite, log, sqrt

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
def loss(context, word, C, H, d, U, b):
    """The loss L of one batch; nothing is changed.

    Arrays: context (B,N), word (B), C (V,M), H (J,N,M), d (J), U (V,J), b (V)
    """
    B = context.shape[0]
    N = context.shape[1]
    V = C.shape[0]
    M = C.shape[1]
    J = H.shape[0]
    x = np.empty((B, N, M), real)
    o = np.empty((B, J), real)
    y = np.empty((B, V), real)
    a = o  # in the same array
    # (F1) x[e,t,m] = C[context[e,t],m]
    for e in range(B):
        for t_ in range(N):
            for m in range(M):
                x[e, t_, m] = C[context[e, t_], m]
    # (F2) o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    for e in range(B):
        for j in range(J):
            o[e, j] = d[j]
    product(x.reshape(B, N*M), AS_IS, H.reshape(J, N*M), TRANSPOSED, 1.0, 1.0, o)
    # (F3) a[e,j] = tanh(o[e,j])
    for e in range(B):
        for j in range(J):
            a[e, j] = tanh(o[e, j])
    # (F4) y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
    for e in range(B):
        for v in range(V):
            y[e, v] = b[v]
    product(a, AS_IS, U, TRANSPOSED, 1.0, 1.0, y)
    # y_word[e] = y[e,word[e]]
    L_total = 0.0
    for e in range(B):
        y_word = y[e, word[e]]
        # (y_max) y_max[e] = max_v2 y[e,v2]
        y_max = real(-np.inf)
        for v2 in range(V):
            y_max = larger(y_max, y[e, v2])
        # L_sum[e] = sum_v2 exp(y[e,v2] - y_max[e])
        L_sum = real(0)
        for v2 in range(V):
            L_sum = plus(L_sum, exp(y[e, v2] - y_max))
        # (F6) L = -1/B * sum_e (y_word[e] - y_max[e] - log(L_sum[e]))
        L_total = plus(L_total, y_word - y_max - log(L_sum))
    L = -L_total / B
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def gradients(context, word, C, H, d, U, b):
    """The loss of one batch and its gradients: (L, dC, dH, dd, dU, db).

    Arrays: context (B,N), word (B), C (V,M), H (J,N,M), d (J), U (V,J), b (V)
    """
    B = context.shape[0]
    N = context.shape[1]
    V = C.shape[0]
    M = C.shape[1]
    J = H.shape[0]
    x = np.empty((B, N, M), real)
    o = np.empty((B, J), real)
    y = np.empty((B, V), real)
    da = np.empty((B, J), real)
    dx = np.empty((B, N, M), real)
    dC = np.empty((V, M), real)
    dH = np.empty((J, N, M), real)
    dd = np.empty((J,), real)
    dU = np.empty((V, J), real)
    db = np.empty((V,), real)
    a = o  # in the same array
    p_exp = y  # in the same array
    dy = y  # in the same array
    do = da  # in the same array
    # (F1) x[e,t,m] = C[context[e,t],m]
    for e in range(B):
        for t_ in range(N):
            for m in range(M):
                x[e, t_, m] = C[context[e, t_], m]
    # (F2) o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    for e in range(B):
        for j in range(J):
            o[e, j] = d[j]
    product(x.reshape(B, N*M), AS_IS, H.reshape(J, N*M), TRANSPOSED, 1.0, 1.0, o)
    # (F3) a[e,j] = tanh(o[e,j])
    for e in range(B):
        for j in range(J):
            a[e, j] = tanh(o[e, j])
    # (F4) y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
    for e in range(B):
        for v in range(V):
            y[e, v] = b[v]
    product(a, AS_IS, U, TRANSPOSED, 1.0, 1.0, y)
    # y_word[e] = y[e,word[e]]
    L_total = 0.0
    for e in range(B):
        y_word = y[e, word[e]]
        # (y_max) y_max[e] = max_v2 y[e,v2]
        y_max = real(-np.inf)
        for v2 in range(V):
            y_max = larger(y_max, y[e, v2])
        # p_exp[e,v] = exp(y[e,v] - y_max[e])
        p_sum = real(0)
        for v in range(V):
            p_exp[e, v] = exp(y[e, v] - y_max)
            # p_sum[e] = sum_v2 p_exp[e,v2]
            p_sum = plus(p_sum, p_exp[e, v])
        # (F6) L = -1/B * sum_e (y_word[e] - y_max[e] - log(p_sum[e]))
        L_total = plus(L_total, y_word - y_max - log(p_sum))
        # F5 was: p[e,v] = exp(y[e,v])/(sum_v2 exp(y[e,v2]))
        # (dy) dy[e,v] = p_exp[e,v]/(B*p_sum[e]) - [v == word[e]]/B
        for v in range(V):
            dy[e, v] = p_exp[e, v] / (real(B) * p_sum)
        dy[e, word[e]] -= real(1.0) / real(B)
    L = -L_total / B
    # F4 was: y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
    # (da) da[e,j] = sum_v U[v,j]*dy[e,v]
    product(dy, AS_IS, U, AS_IS, 1.0, 0.0, da)
    # F3 was: a[e,j] = tanh(o[e,j])
    # (do) do[e,j] = (1 - a[e,j]**2)*da[e,j]
    for e in range(B):
        for j in range(J):
            do[e, j] = (real(1.0) - a[e, j] ** 2) * da[e, j]
    # F2 was: o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    # (dx) dx[e,t,m] = sum_j H[j,t,m]*do[e,j]
    product(do, AS_IS, H.reshape(J, N*M), AS_IS, 1.0, 0.0, dx.reshape(B, N*M))
    dC[...] = 0
    # F1 was: x[e,t,m] = C[context[e,t],m]
    # (dC) dC[v,m] = sum_e,t dx[e,t,m]*[v == context[e,t]]
    for e in range(B):
        for t_ in range(N):
            for m in range(M):
                dC[context[e, t_], m] += dx[e, t_, m]
    # F2 was: o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    # (dH) dH[j,t,m] = sum_e do[e,j]*x[e,t,m]
    product(do, TRANSPOSED, x.reshape(B, N*M), AS_IS, 1.0, 0.0, dH.reshape(J, N*M))
    dd[...] = 0
    # F2 was: o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    # (dd) dd[j] = sum_e do[e,j]
    for e in range(B):
        for j in range(J):
            dd[j] += do[e, j]
    # F4 was: y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
    # (dU) dU[v,j] = sum_e dy[e,v]*a[e,j]
    product(dy, TRANSPOSED, a, AS_IS, 1.0, 0.0, dU)
    db[...] = 0
    # F4 was: y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
    # (db) db[v] = sum_e dy[e,v]
    for e in range(B):
        for v in range(V):
            db[v] += dy[e, v]
    return L, dC, dH, dd, dU, db


@njit(cache=True, fastmath=FAST, error_model="numpy")
def step(
    context, word, lr, weight_decay, beta1, beta2, eps, t, C, H, d, U, b, m_C, v_C, m_H, v_H, m_d, v_d, m_U, v_U,
    m_b, v_b, x, o, y, da, dx, dC, dH, dd, dU, db,
):
    """One step in place; the loss before it.  A loss that is not finite leaves everything untouched.

    Arrays: context (B,N), word (B), C (V,M), H (J,N,M), d (J), U (V,J), b (V), m_C (V,M), v_C (V,M), m_H (J,N,M),
    v_H (J,N,M), m_d (J), v_d (J), m_U (V,J), v_U (V,J), m_b (V), v_b (V), x (B,N,M), o (B,J), y (B,V), da (B,J), dx
    (B,N,M), dC (V,M), dH (J,N,M), dd (J), dU (V,J), db (V)
    """
    B = context.shape[0]
    N = context.shape[1]
    V = C.shape[0]
    M = C.shape[1]
    J = H.shape[0]
    a = o  # in the same array
    p_exp = y  # in the same array
    dy = y  # in the same array
    do = da  # in the same array
    m_C_new = m_C  # in the same array
    v_C_new = v_C  # in the same array
    C_new = C  # in the same array
    m_H_new = m_H  # in the same array
    v_H_new = v_H  # in the same array
    H_new = H  # in the same array
    m_d_new = m_d  # in the same array
    v_d_new = v_d  # in the same array
    d_new = d  # in the same array
    m_U_new = m_U  # in the same array
    v_U_new = v_U  # in the same array
    U_new = U  # in the same array
    m_b_new = m_b  # in the same array
    v_b_new = v_b  # in the same array
    b_new = b  # in the same array
    # (F1) x[e,t,m] = C[context[e,t],m]
    for e in range(B):
        for t_ in range(N):
            for m in range(M):
                x[e, t_, m] = C[context[e, t_], m]
    # (F2) o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    for e in range(B):
        for j in range(J):
            o[e, j] = d[j]
    product(x.reshape(B, N*M), AS_IS, H.reshape(J, N*M), TRANSPOSED, 1.0, 1.0, o)
    # (F3) a[e,j] = tanh(o[e,j])
    for e in range(B):
        for j in range(J):
            a[e, j] = tanh(o[e, j])
    # (F4) y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
    for e in range(B):
        for v in range(V):
            y[e, v] = b[v]
    product(a, AS_IS, U, TRANSPOSED, 1.0, 1.0, y)
    # y_word[e] = y[e,word[e]]
    L_total = 0.0
    for e in range(B):
        y_word = y[e, word[e]]
        # (y_max) y_max[e] = max_v2 y[e,v2]
        y_max = real(-np.inf)
        for v2 in range(V):
            y_max = larger(y_max, y[e, v2])
        # p_exp[e,v] = exp(y[e,v] - y_max[e])
        p_sum = real(0)
        for v in range(V):
            p_exp[e, v] = exp(y[e, v] - y_max)
            # p_sum[e] = sum_v2 p_exp[e,v2]
            p_sum = plus(p_sum, p_exp[e, v])
        # (F6) L = -1/B * sum_e (y_word[e] - y_max[e] - log(p_sum[e]))
        L_total = plus(L_total, y_word - y_max - log(p_sum))
        # F5 was: p[e,v] = exp(y[e,v])/(sum_v2 exp(y[e,v2]))
        # (dy) dy[e,v] = p_exp[e,v]/(B*p_sum[e]) - [v == word[e]]/B
        for v in range(V):
            dy[e, v] = p_exp[e, v] / (real(B) * p_sum)
        dy[e, word[e]] -= real(1.0) / real(B)
    L = -L_total / B
    # F4 was: y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
    # (da) da[e,j] = sum_v U[v,j]*dy[e,v]
    product(dy, AS_IS, U, AS_IS, 1.0, 0.0, da)
    # F3 was: a[e,j] = tanh(o[e,j])
    # (do) do[e,j] = (1 - a[e,j]**2)*da[e,j]
    for e in range(B):
        for j in range(J):
            do[e, j] = (real(1.0) - a[e, j] ** 2) * da[e, j]
    # F2 was: o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    # (dx) dx[e,t,m] = sum_j H[j,t,m]*do[e,j]
    product(do, AS_IS, H.reshape(J, N*M), AS_IS, 1.0, 0.0, dx.reshape(B, N*M))
    dC[...] = 0
    # F1 was: x[e,t,m] = C[context[e,t],m]
    # (dC) dC[v,m] = sum_e,t dx[e,t,m]*[v == context[e,t]]
    for e in range(B):
        for t_ in range(N):
            for m in range(M):
                dC[context[e, t_], m] += dx[e, t_, m]
    # F2 was: o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    # (dH) dH[j,t,m] = sum_e do[e,j]*x[e,t,m]
    product(do, TRANSPOSED, x.reshape(B, N*M), AS_IS, 1.0, 0.0, dH.reshape(J, N*M))
    dd[...] = 0
    # F2 was: o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    # (dd) dd[j] = sum_e do[e,j]
    for e in range(B):
        for j in range(J):
            dd[j] += do[e, j]
    # F4 was: y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
    # (dU) dU[v,j] = sum_e dy[e,v]*a[e,j]
    product(dy, TRANSPOSED, a, AS_IS, 1.0, 0.0, dU)
    db[...] = 0
    # F4 was: y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
    # (db) db[v] = sum_e dy[e,v]
    for e in range(B):
        for v in range(V):
            db[v] += dy[e, v]
    # C_new_factor = 1/(1 - beta1**t)
    C_new_factor = 1.0 / (1.0 - beta1 ** t)
    # C_new_factor2 = 1/(1 - beta2**t)
    C_new_factor2 = 1.0 / (1.0 - beta2 ** t)
    if not isfinite(L):
        return L
    # (U3) m_C_new[v,m] = beta1*m_C[v,m] + dC[v,m]*(1 - beta1)
    for v in range(V):
        for m in range(M):
            m_C_new[v, m] = real(beta1) * m_C[v, m] + dC[v, m] * (real(1.0) - real(beta1))
            # (U4) v_C_new[v,m] = dC[v,m]**2*(1 - beta2) + beta2*v_C[v,m]
            v_C_new[v, m] = dC[v, m] ** 2 * (real(1.0) - real(beta2)) + real(beta2) * v_C[v, m]
            # (U5) C_new[v,m] = C[v,m]*(1 - lr*weight_decay) - lr*C_new_factor*m_C_new[v,m]/(eps + sqrt(C_new_factor2*v_C_new[v,m]))
            C_new[v, m] = C[v, m] * (real(1.0) - real(lr) * real(weight_decay)) - real(lr) * real(C_new_factor) * m_C_new[v, m] / (real(eps) + sqrt(real(C_new_factor2) * v_C_new[v, m]))
    # (U6) m_H_new[j,t,m] = beta1*m_H[j,t,m] + dH[j,t,m]*(1 - beta1)
    for j in range(J):
        for t_ in range(N):
            for m in range(M):
                m_H_new[j, t_, m] = real(beta1) * m_H[j, t_, m] + dH[j, t_, m] * (real(1.0) - real(beta1))
                # (U7) v_H_new[j,t,m] = dH[j,t,m]**2*(1 - beta2) + beta2*v_H[j,t,m]
                v_H_new[j, t_, m] = dH[j, t_, m] ** 2 * (real(1.0) - real(beta2)) + real(beta2) * v_H[j, t_, m]
                # (U8) H_new[j,t,m] = H[j,t,m]*(1 - lr*weight_decay) - lr*C_new_factor*m_H_new[j,t,m]/(eps + sqrt(C_new_factor2*v_H_new[j,t,m]))
                H_new[j, t_, m] = H[j, t_, m] * (real(1.0) - real(lr) * real(weight_decay)) - real(lr) * real(C_new_factor) * m_H_new[j, t_, m] / (real(eps) + sqrt(real(C_new_factor2) * v_H_new[j, t_, m]))
    # (U9) m_d_new[j] = beta1*m_d[j] + dd[j]*(1 - beta1)
    for j in range(J):
        m_d_new[j] = real(beta1) * m_d[j] + dd[j] * (real(1.0) - real(beta1))
        # (U10) v_d_new[j] = dd[j]**2*(1 - beta2) + beta2*v_d[j]
        v_d_new[j] = dd[j] ** 2 * (real(1.0) - real(beta2)) + real(beta2) * v_d[j]
        # (U11) d_new[j] = d[j]*(1 - lr*weight_decay) - lr*C_new_factor*m_d_new[j]/(eps + sqrt(C_new_factor2*v_d_new[j]))
        d_new[j] = d[j] * (real(1.0) - real(lr) * real(weight_decay)) - real(lr) * real(C_new_factor) * m_d_new[j] / (real(eps) + sqrt(real(C_new_factor2) * v_d_new[j]))
    # (U12) m_U_new[v,j] = beta1*m_U[v,j] + dU[v,j]*(1 - beta1)
    for v in range(V):
        for j in range(J):
            m_U_new[v, j] = real(beta1) * m_U[v, j] + dU[v, j] * (real(1.0) - real(beta1))
            # (U13) v_U_new[v,j] = dU[v,j]**2*(1 - beta2) + beta2*v_U[v,j]
            v_U_new[v, j] = dU[v, j] ** 2 * (real(1.0) - real(beta2)) + real(beta2) * v_U[v, j]
            # (U14) U_new[v,j] = U[v,j]*(1 - lr*weight_decay) - lr*C_new_factor*m_U_new[v,j]/(eps + sqrt(C_new_factor2*v_U_new[v,j]))
            U_new[v, j] = U[v, j] * (real(1.0) - real(lr) * real(weight_decay)) - real(lr) * real(C_new_factor) * m_U_new[v, j] / (real(eps) + sqrt(real(C_new_factor2) * v_U_new[v, j]))
    # (U15) m_b_new[v] = beta1*m_b[v] + db[v]*(1 - beta1)
    for v in range(V):
        m_b_new[v] = real(beta1) * m_b[v] + db[v] * (real(1.0) - real(beta1))
        # (U16) v_b_new[v] = db[v]**2*(1 - beta2) + beta2*v_b[v]
        v_b_new[v] = db[v] ** 2 * (real(1.0) - real(beta2)) + real(beta2) * v_b[v]
        # (U17) b_new[v] = b[v]*(1 - lr*weight_decay) - lr*C_new_factor*m_b_new[v]/(eps + sqrt(C_new_factor2*v_b_new[v]))
        b_new[v] = b[v] * (real(1.0) - real(lr) * real(weight_decay)) - real(lr) * real(C_new_factor) * m_b_new[v] / (real(eps) + sqrt(real(C_new_factor2) * v_b_new[v]))
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def train_chunk(
    order, lr, weight_decay, beta1, beta2, eps, t, context, word, C, H, d, U, b, m_C, v_C, m_H, v_H, m_d, v_d, m_U,
    v_U, m_b, v_b, losses,
):
    """len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.

    Returns how many steps were done: all, or those before the first loss that is not finite.
    """
    B = order.shape[1]
    N = context.shape[1]
    V = C.shape[0]
    M = C.shape[1]
    J = H.shape[0]
    context_batch = np.empty((B, context.shape[1]), context.dtype)
    word_batch = np.empty((B,), word.dtype)
    x = np.empty((B, N, M), real)
    o = np.empty((B, J), real)
    y = np.empty((B, V), real)
    da = np.empty((B, J), real)
    dx = np.empty((B, N, M), real)
    dC = np.empty((V, M), real)
    dH = np.empty((J, N, M), real)
    dd = np.empty((J,), real)
    dU = np.empty((V, J), real)
    db = np.empty((V,), real)
    for turn in range(order.shape[0]):
        for row in range(B):
            context_batch[row, :] = context[order[turn, row], :]
            word_batch[row] = word[order[turn, row]]
        losses[turn] = step(context_batch, word_batch, lr[turn], weight_decay[turn], beta1[turn], beta2[turn], eps[turn], t[turn], C, H, d, U, b, m_C, v_C, m_H, v_H, m_d, v_d, m_U, v_U, m_b, v_b, x, o, y, da, dx, dC, dH, dd, dU, db)
        if not math.isfinite(losses[turn]):
            return turn
    return order.shape[0]


@njit(cache=True, fastmath=FAST, error_model="numpy")
def mean_loss(context, word, C, H, d, U, b, batch):
    """The loss over all rows of the data, `batch` rows at a time, each row weighing the same."""
    rows = context.shape[0]
    total = 0.0
    for start in range(0, rows, batch):
        stop = min(start + batch, rows)
        total += (stop - start) * loss(context[start:stop], word[start:stop], C, H, d, U, b)
    return total / rows
