"""lstm_lm: loss, gradients and adam step.  Emitted by symgrad 0.1.0; do not edit.

Axes       v in V   d in D   n in 4   i in H   j in H   b in B   t in T
Inputs     x (B,T) < V token ids   y (B,T) < V token ids
Parameters C (V,D)   W (4,H,D)   R (4,H,H)   c (4,H)   U (V,H)   k (V)
States     m_C (V,D)   v_C (V,D)   m_W (4,H,D)   v_W (4,H,D)   m_R (4,H,H)   v_R (4,H,H)   m_c (4,H)   v_c (4,H)   m_U (V,H)   v_U (V,H)   m_k (V)   v_k (V)
Settings   lr, beta1, beta2, eps, t
Saved      f (B,T,H)   g (B,T,H)   q (B,T,H)   m (B,T,H)   s (B,T,H)   h (B,T,H)   p (B,T,V)   forward values that the backward reads
Notation   dX is dL/dX, with the shape of X;  [v == y] is 1 if true, else 0

Forward    (F1) a[b,t,n,i] = c[n,i] + (sum_d W[n,i,d]*C[x[b,t],d]) + sum_j R[n,i,j]*(h[b,t - 1,j] if [0 <= t - 1] else 0)
           (F2) f[b,t,i] = 1/(exp(-a[b,t,0,i]) + 1)
           (F3) g[b,t,i] = 1/(exp(-a[b,t,1,i]) + 1)
           (F4) q[b,t,i] = 1/(exp(-a[b,t,2,i]) + 1)
           (F5) m[b,t,i] = tanh(a[b,t,3,i])
           (F6) s[b,t,i] = g[b,t,i]*m[b,t,i] + (s[b,t - 1,i] if [0 <= t - 1] else 0)*f[b,t,i]
           (F7) h[b,t,i] = q[b,t,i]*tanh(s[b,t,i])
           (F8) o[b,t,v] = k[v] + sum_i U[v,i]*h[b,t,i]
           (F9) p[b,t,v] = exp(o[b,t,v])/(sum_v2 exp(o[b,t,v2]))
           (F10) L = -1/(B*T) * sum_b,t log(p[b,t,y[b,t]])
Stable     L = -1/(B*T) * sum_b,t (o[b,t,y[b,t]] - o_max[b,t] - log(sum_v2 exp(o[b,t,v2] - o_max[b,t])))
Backward   do[b,t,v] = (p[b,t,v] - [v == y[b,t]])/(B*T)
           dh[b,t,i] = (sum_v U[v,i]*do[b,t,v]) + (sum_n,i2 R[n,i2,i]*da[b,t + 1,n,i2] if [t + 1 < T] else 0)
           ds[b,t,i] = (1 - tanh(s[b,t,i])**2)*q[b,t,i]*dh[b,t,i] + (ds[b,t + 1,i]*f[b,t + 1,i] if [t + 1 < T] else 0)
           dm[b,t,i] = g[b,t,i]*ds[b,t,i]
           dq[b,t,i] = dh[b,t,i]*tanh(s[b,t,i])
           dg[b,t,i] = ds[b,t,i]*m[b,t,i]
           df[b,t,i] = s[b,t - 1,i]*ds[b,t,i] if [0 <= t - 1] else 0
           da[b,t,n,i] = [n == 3]*(1 - m[b,t,i]**2)*dm[b,t,i] + [n == 2]*dq[b,t,i]*q[b,t,i]*(1 - q[b,t,i]) + [n == 1]*dg[b,t,i]*g[b,t,i]*(1 - g[b,t,i]) + [n == 0]*df[b,t,i]*f[b,t,i]*(1 - f[b,t,i])
Gradients  dC[v,d] = sum_b,t,n,i W[n,i,d]*da[b,t,n,i]*[v == x[b,t]]
           dW[n,i,d] = sum_b,t da[b,t,n,i]*C[x[b,t],d]
           dR[n,i,j] = sum_b,t (da[b,t,n,i]*h[b,t - 1,j] if [0 <= t - 1] else 0)
           dc[n,i] = sum_b,t da[b,t,n,i]
           dU[v,i] = sum_b,t do[b,t,v]*h[b,t,i]
           dk[v] = sum_b,t do[b,t,v]
Update     (U1) grad_norm = sqrt((sum_v,d dC[v,d]**2) + (sum_n,i,d dW[n,i,d]**2) + (sum_n,i,j dR[n,i,j]**2) + (sum_n,i dc[n,i]**2) + (sum_v,i dU[v,i]**2) + sum_v dk[v]**2)
           (U2) clip_scale = 1/max(1.0, grad_norm)
           (U3) correction_m = 1 - beta1**t
           (U4) correction_v = 1 - beta2**t
           (U5) g_C[v,d] = dC[v,d]*clip_scale
           (U6) m_C_new[v,d] = beta1*m_C[v,d] + g_C[v,d]*(1 - beta1)
           (U7) v_C_new[v,d] = g_C[v,d]**2*(1 - beta2) + beta2*v_C[v,d]
           (U8) C_new[v,d] = C[v,d] - lr*m_C_new[v,d]/(correction_m*(eps + sqrt(v_C_new[v,d]/correction_v)))
           (U9) g_W[n,i,d] = dW[n,i,d]*clip_scale
           (U10) m_W_new[n,i,d] = beta1*m_W[n,i,d] + g_W[n,i,d]*(1 - beta1)
           (U11) v_W_new[n,i,d] = g_W[n,i,d]**2*(1 - beta2) + beta2*v_W[n,i,d]
           (U12) W_new[n,i,d] = W[n,i,d] - lr*m_W_new[n,i,d]/(correction_m*(eps + sqrt(v_W_new[n,i,d]/correction_v)))
           (U13) g_R[n,i,j] = dR[n,i,j]*clip_scale
           (U14) m_R_new[n,i,j] = beta1*m_R[n,i,j] + g_R[n,i,j]*(1 - beta1)
           (U15) v_R_new[n,i,j] = g_R[n,i,j]**2*(1 - beta2) + beta2*v_R[n,i,j]
           (U16) R_new[n,i,j] = R[n,i,j] - lr*m_R_new[n,i,j]/(correction_m*(eps + sqrt(v_R_new[n,i,j]/correction_v)))
           (U17) g_c[n,i] = dc[n,i]*clip_scale
           (U18) m_c_new[n,i] = beta1*m_c[n,i] + g_c[n,i]*(1 - beta1)
           (U19) v_c_new[n,i] = g_c[n,i]**2*(1 - beta2) + beta2*v_c[n,i]
           (U20) c_new[n,i] = c[n,i] - lr*m_c_new[n,i]/(correction_m*(eps + sqrt(v_c_new[n,i]/correction_v)))
           (U21) g_U[v,i] = dU[v,i]*clip_scale
           (U22) m_U_new[v,i] = beta1*m_U[v,i] + g_U[v,i]*(1 - beta1)
           (U23) v_U_new[v,i] = g_U[v,i]**2*(1 - beta2) + beta2*v_U[v,i]
           (U24) U_new[v,i] = U[v,i] - lr*m_U_new[v,i]/(correction_m*(eps + sqrt(v_U_new[v,i]/correction_v)))
           (U25) g_k[v] = dk[v]*clip_scale
           (U26) m_k_new[v] = beta1*m_k[v] + g_k[v]*(1 - beta1)
           (U27) v_k_new[v] = g_k[v]**2*(1 - beta2) + beta2*v_k[v]
           (U28) k_new[v] = k[v] - lr*m_k_new[v]/(correction_m*(eps + sqrt(v_k_new[v]/correction_v)))

Program eec1b2d9, adam, float32, C-contiguous arrays
"""

import contextlib
import math
import mmap
import threading
from math import isfinite, sqrt

import numpy as np
from llvmlite import binding
from numba import carray, cfunc, get_num_threads, njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic

real = np.float32
f32 = np.float32
FAST = {"contract", "nsz"}  # multiply and add in one rounding; NaN and infinity keep their meaning
DIGEST = "bb57281a5e94"  # of what follows: functions of another file have other names
# Functions for C get the addresses of arrays, and carray makes arrays of them, of a shape.
REALS = types.CPointer(types.float32)
IDS = types.CPointer(types.int32)
ADDRESSES = types.CPointer(types.uintp)


@intrinsic
def address(context, array, *place):
    """Where array[place] begins.  What NumPy has for it, slices among it, takes Numba long to compile."""
    if array.layout != "C":
        raise TypeError("an array is not C-contiguous; convert it with np.ascontiguousarray")

    def emitted(context, builder, signature, values):
        kind, places = signature.args
        found = zip(cgutils.unpack_tuple(builder, values[1]), places, strict=True)
        found = [context.cast(builder, value, number, types.intp) for value, number in found]
        found += [context.get_constant(types.intp, 0)] * (kind.ndim - len(found))
        array = context.make_array(kind)(context, builder, values[0])
        return builder.ptrtoint(cgutils.get_item_pointer(context, builder, kind, array, found), cgutils.intp_t)

    return types.uintp(array, types.StarArgTuple(place)), emitted


@intrinsic
def stored(context, number):
    """Where the number is put, for as long as the function runs that asks."""

    def emitted(context, builder, signature, values):
        return builder.ptrtoint(cgutils.alloca_once_value(builder, values[0]), cgutils.intp_t)

    return types.uintp(number), emitted


BYTES = np.dtype(real).itemsize  # of a number
# BLAS's letters, as bytes: for two constants in Python's own types `product` would be compiled twice.
AS_IS, TRANSPOSED, KIND = np.uint8(ord("n")), np.uint8(ord("t")), np.uint8(ord("s" if real is np.float32 else "d"))
_blas = types.ExternalFunction(
    "numba_xxgemm",
    types.intc(
        types.char, types.char, types.char, types.intp, types.intp, types.intp, types.uintp,
        types.uintp, types.intp, types.uintp, types.intp, types.uintp, types.uintp, types.intp,
    ),
)


# OpenBLAS multiplies blocks of at most so many multiplications without copying them first, where the processor has
# AVX-512: faster than the copied product of any size.  Not so a right operand that is stored the other way.
SMALL = 1_000_000 if binding.get_host_cpu_features().get("avx512f") else 2**62


@njit(cache=True)
def product(sizes, left, right, alpha, beta, out):
    """out = alpha * left @ right + beta * out, by BLAS; `sizes` are the rows, the columns and what is summed.

    A matrix is (address, how far its rows are apart); an operand AS_IS or TRANSPOSED, where it is stored the other way.
    A product that is not small is done in blocks that are, where that is faster: each of some columns, and of many
    rows or of a long piece of what is summed, whichever lies in a row in memory.
    """
    rows, columns, inner = sizes
    left_at, left_length, left_as = left
    right_at, right_length, right_as = right
    out_at, out_length = out
    rows_at_once, columns_at_once, inner_at_once = max(1, rows), max(1, columns), max(1, inner)
    turned = left_as == TRANSPOSED
    if rows * columns * inner > SMALL and right_as == AS_IS:
        columns_at_once = min(columns, 64)
        if turned:
            rows_at_once = min(rows, 512)
            if columns >= 256:  # what is turned is read once for so many
                columns_at_once, rows_at_once = 256, min(rows, 128)
            inner_at_once = SMALL // (columns_at_once * rows_at_once)
        else:
            inner_at_once = min(inner, 256)
            rows_at_once = SMALL // (columns_at_once * inner_at_once) // 16 * 16
    alpha_at, beta_at, one_at = stored(real(alpha)), stored(real(beta)), stored(real(1.0))
    left_row, left_inner = (1, left_length) if turned else (left_length, 1)
    right_inner, right_column = (right_length, 1) if right_as == AS_IS else (1, right_length)
    for column in range(0, columns, columns_at_once):
        for row in range(0, rows, rows_at_once):
            for start in range(0, max(1, inner), inner_at_once):
                # BLAS counts columns first: out.T = right.T @ left.T
                _blas(
                    KIND, right_as, left_as, min(columns_at_once, columns - column),
                    min(rows_at_once, rows - row), min(inner_at_once, inner - start), alpha_at,
                    right_at + BYTES * (start * right_inner + column * right_column), right_length,
                    left_at + BYTES * (row * left_row + start * left_inner), left_length,
                    beta_at if start == 0 else one_at, out_at + BYTES * (row * out_length + column), out_length,
                )


@njit(cache=True, fastmath={"nnan", "nsz"}, forceinline=True)
def larger(a, b):
    """The greater of two numbers; a NaN shows in the exponentials that follow."""
    return a if a > b else b


@njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True)
def sigmoid(x):
    """1/(1 + exp(-x)), from e = exp(-abs(x)): e/(1 + e) or 1 - e/(1 + e); in float32 within 2 ulp, 0 below -86.98."""
    e = exp(-abs(x))
    part = e / (real(1.0) + e)
    part = e - e * part if e < real(0.5) else part  # the errors of the sum and of the quotient are halved, or less
    return real(1.0) - part if x >= real(0.0) else part


@njit(cache=True, fastmath={"reassoc", "nsz"}, forceinline=True)
def plus(a, b):
    """a + b, where a collects a sum whose order is free: a loop over it becomes vector code."""
    return a + b


@njit(cache=True)
def parts_for(work, threads):
    """In how many parts, one a thread, so many multiplications are done: waking a thread takes some microseconds."""
    return threads if work > 400_000 else 1


LATER, LINKED = {}, {}  # functions for C, by their linker's names: to be compiled, and compiled
LINKING = threading.Lock()


def for_c(signature):
    """What stands for the function in those that call it: they know its name, and are compiled without it."""

    def named(function):
        name = f"{function.__name__}_{DIGEST}"
        LATER[name] = signature, function
        kinds = [types.uintp if isinstance(kind, types.CPointer) else kind for kind in signature.args]
        return types.ExternalFunction(name, signature.return_type(*kinds))

    return named


def link():
    """Compile the functions for C, or load them from the cache, and tell the linker where they are."""
    with LINKING:
        get_num_threads()  # begins Numba's threads, which code from the cache expects
        for name in list(LATER):
            signature, function = LATER[name]
            LINKED[name] = cfunc(signature, cache=True, fastmath=FAST, error_model="numpy")(function)
            binding.add_symbol(name, LINKED[name].address)
            del LATER[name]


@intrinsic
def pointer(context, place):
    """The address as `carray` takes it."""

    def emitted(context, builder, signature, values):
        return builder.inttoptr(values[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.uintp), emitted


def addresses(number, *arrays):
    """Where arrays of these numbers begin, for functions that are compiled for C."""
    for array in arrays:
        if array.dtype != number or not array.flags.c_contiguous:
            raise ValueError(f"an array is {array.dtype}, expected {np.dtype(number)}, C-contiguous; convert it")
    return [array.ctypes.data for array in arrays]


@for_c(types.void(types.intp, types.intp, REALS, REALS))
def add_parts(parts, count, total, of_parts):
    """total += what each part has summed; arrays of `count` entries, and of as many for each part."""
    total = carray(total, (count,), real)
    of_parts = carray(of_parts, (parts, count), real)
    for part in range(parts):
        for k in range(count):
            total[k] += of_parts[part, k]


SPARE = {}  # the arrays of the last chunk, by shape and type: a page that is new costs more than what is written to it


def workspace(shape, number=real):
    """An array for steps to write to: a spare one, or a new one, in pages of 2 MiB if it is large.

    It begins where a cache line does: vectors lie within lines, and rows of whole lines, which different threads may
    write, share none.  Around it is nothing: where two arrays lie within some vectors of each other, loops go entry by
    entry, and sum in another order.
    """
    with contextlib.suppress(KeyError, IndexError):
        return SPARE[shape, np.dtype(number)].pop()
    size, apart, line = math.prod(shape) * np.dtype(number).itemsize, 1024, 128  # bytes; lines are fetched in pairs
    needed = size + 2 * apart + line
    if needed <= 2**20 or not hasattr(mmap, "MADV_HUGEPAGE"):
        memory = np.empty(needed, np.uint8)
    else:
        memory = mmap.mmap(-1, needed, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with contextlib.suppress(OSError):  # a system without such pages
            memory.madvise(mmap.MADV_HUGEPAGE)
    memory = np.frombuffer(memory, np.uint8)
    start = apart + -memory.ctypes.data % line
    return memory[start : start + size].view(number).reshape(shape)


def spare(*arrays):
    """These, and no others, are free for the next chunk."""
    SPARE.clear()
    for array in arrays:
        SPARE.setdefault((array.shape, array.dtype), []).append(array)


@njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True)
def exp(x):
    """e**x in float32: 2**n times a polynomial of degree 6; within 2 ulp, 0 below -86.98, inf above 88.73."""
    x = f32(x)
    x = f32(89.0) if x > f32(89.0) else x  # a nan stays
    x = f32(-87.5) if x < f32(-87.5) else x
    shifted = x * f32(1.442695041) + f32(12582912.0)  # 1.5 * 2**23: the last bits are now the whole number n
    n = shifted - f32(12582912.0)
    r = (x - n * f32(0.693359375)) + n * f32(2.12194440e-4)
    z = r * r
    p = (f32(0.0013814485) * r + f32(0.00836878)) * z + (f32(0.041668393) * r + f32(0.1666652))
    p = (p * r + f32(0.49999994)) * z + r + f32(1.0)
    # 2**(n - 1), for 2**128 is no float32; 0 where the result would be a denormal number, for they are slow
    half = np.int32((np.float32(shifted).view(np.int32) << np.int32(23)) + np.int32(126 << 23)).view(np.float32)
    return (p + p) * half


@njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True)
def log(x):
    """The natural logarithm in float32: of x = 2**n * m, m in [0.707, 1.414), a polynomial of m - 1; within 2 ulp."""
    x = f32(x)
    tiny = x < f32(1.17549435e-38)  # a denormal number: times 2**23 it has an exponent
    bits = np.float32(x * f32(8388608.0) if tiny else x).view(np.int32)
    above = np.int32(bits - np.int32(0x3F3504F3))  # the bits of sqrt(1/2), where m begins
    n = np.float32(np.int32(above >> np.int32(23))) - (f32(23.0) if tiny else f32(0.0))
    r = np.int32((above & np.int32(0x7FFFFF)) + np.int32(0x3F3504F3)).view(np.float32) - f32(1.0)
    z = r * r
    p = (f32(-0.16577531) * r + f32(0.19963005)) * z + (f32(-0.25001338) * r + f32(0.33333912))
    p = (f32(0.08699222) * z + (f32(-0.14268143) * r + f32(0.14915414))) * (z * z) + p
    value = (p * (r * z) - n * f32(2.12194440e-4)) - f32(0.5) * z + r + n * f32(0.693359375)
    beyond = f32(-np.inf) if x == f32(0.0) else f32(np.nan)
    value = value if x > f32(0.0) else beyond
    return value if x < f32(np.inf) else x


@njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True)
def tanh(x):
    """tanh in float32: x + x**3 times a quotient below 1.405, else 1 - 1/p**4 with a polynomial p; within 2 ulp."""
    x = f32(x)
    a = f32(9.1) if abs(x) > f32(9.1) else abs(x)  # 1 from there on; a nan stays
    z = a * a
    p = (f32(-0.0275342781) * a + f32(0.236381557)) * z + (f32(0.19670327) * a + f32(1.0147202))
    p = (f32(1.04859566e-4) * z + (f32(-1.04400713e-3) * a + f32(0.0118441768))) * (z * z) + p
    near = a < f32(1.405)
    above = f32(-0.0149284024) * z + f32(-0.341666579) if near else f32(1.0)
    below = f32(0.0159638748) * (z * z) + (f32(0.454783827) * z + f32(1.025)) if near else p
    y = above / below  # one division for both: they are slow
    square = y * y
    small = (a * z) * y + a
    large = f32(1.0) - square * square
    value = small if near else large
    return np.copysign(value, x)


@njit(cache=True, fastmath=FAST, error_model="numpy")
def loss(x, y, C, W, R, c, U, k):
    """The loss L of one batch; nothing is changed.

    Arrays: x (B,T), y (B,T), C (V,D), W (4,H,D), R (4,H,H), c (4,H), U (V,H), k (V)
    """
    B = x.shape[0]
    T = x.shape[1]
    V = C.shape[0]
    D = C.shape[1]
    H = W.shape[1]
    C_x = np.empty((B, T, D), real)
    a_given = np.empty((B, T, 4, H), real)
    a_operand = np.empty((B, H), real)
    s = np.empty((B, T, H), real)
    h = np.empty((B, T, H), real)
    o = np.empty((B, T, V), real)
    a = a_given  # in the same array
    # C_x[b,t,d] = C[x[b,t],d]
    for b in range(B):
        for t_ in range(T):
            x_b_t_ = x[b, t_]
            for d in range(D):
                C_x[b, t_, d] = C[x_b_t_, d]
    # a_given[b,t,n,i] = c[n,i] + sum_d C_x[b,t,d]*W[n,i,d]
    product(
        (B*T, 4*H, D), (address(C_x), D, AS_IS), (address(W), D, TRANSPOSED),
        1.0, 0.0, (address(a_given), 4*H),
    )
    for b in range(B):
        for t_ in range(T):
            for n in range(4):
                for i in range(H):
                    a_given[b, t_, n, i] += c[n, i]
    for t_ in range(T):
        # a_operand[b,t,j] = h[b,t - 1,j] if [0 <= t - 1] else 0
        for b in range(B):
            for j in range(H):
                a_operand[b, j] = (h[b, t_ - 1, j] if 0 <= t_ - 1 else real(0.0))
        # (F1) a[b,t,n,i] = a_given[b,t,n,i] + sum_j a_operand[b,t,j]*R[n,i,j]
        product(
            (B, 4*H, H), (address(a_operand), H, AS_IS), (address(R), H, TRANSPOSED),
            1.0, 1.0, (address(a, 0, t_), T*4*H),
        )
        # (F6) s[b,t,i] = tanh(a[b,t,3,i])/(exp(-a[b,t,1,i]) + 1) + (s[b,t - 1,i] if [0 <= t - 1] else 0)/(exp(-a[b,t,0,i]) + 1)
        for b in range(B):
            for i in range(H):
                s[b, t_, i] = sigmoid(a[b, t_, 1, i]) * tanh(a[b, t_, 3, i]) + (s[b, t_ - 1, i] if 0 <= t_ - 1 else real(0.0)) * sigmoid(a[b, t_, 0, i])
                # (F7) h[b,t,i] = tanh(s[b,t,i])/(exp(-a[b,t,2,i]) + 1)
                h[b, t_, i] = sigmoid(a[b, t_, 2, i]) * tanh(s[b, t_, i])
    # (F8) o[b,t,v] = k[v] + sum_i U[v,i]*h[b,t,i]
    product((B*T, V, H), (address(h), H, AS_IS), (address(U), H, TRANSPOSED), 1.0, 0.0, (address(o), V))
    L_total = 0.0
    for b in range(B):
        for t_ in range(T):
            o_max = real(-np.inf)
            for v in range(V):
                o[b, t_, v] += k[v]
                # (o_max) o_max[b,t] = max_v2 o[b,t,v2]
                o_max = larger(o_max, o[b, t_, v])
            # o_y[b,t] = o[b,t,y[b,t]]
            o_y = o[b, t_, y[b, t_]]
            # L_sum[b,t] = sum_v2 exp(o[b,t,v2] - o_max[b,t])
            L_sum = real(0)
            for v2 in range(V):
                L_sum = plus(L_sum, exp(o[b, t_, v2] - o_max))
            # (F10) L = -1/(B*T) * sum_b,t (o_y[b,t] - o_max[b,t] - log(L_sum[b,t]))
            L_total = plus(L_total, o_y - o_max - log(L_sum))
    L = -L_total / (B * T)
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def gradients(x, y, C, W, R, c, U, k):
    """The loss of one batch and its gradients: (L, dC, dW, dR, dc, dU, dk).

    Arrays: x (B,T), y (B,T), C (V,D), W (4,H,D), R (4,H,H), c (4,H), U (V,H), k (V)
    """
    B = x.shape[0]
    T = x.shape[1]
    V = C.shape[0]
    D = C.shape[1]
    H = W.shape[1]
    C_x = np.empty((B, T, D), real)
    a_given = np.empty((B, T, 4, H), real)
    a_operand = np.empty((B, T, H), real)
    f = np.empty((B, T, H), real)
    g = np.empty((B, T, H), real)
    q = np.empty((B, T, H), real)
    m = np.empty((B, T, H), real)
    s = np.empty((B, T, H), real)
    h_tanh = np.empty((B, T, H), real)
    h = np.empty((B, T, H), real)
    o = np.empty((B, T, V), real)
    dh_given = np.empty((B, T, H), real)
    dh_operand = np.empty((B, 4, H), real)
    ds = np.empty((B, T, H), real)
    dC_rows = np.empty((B, T, D), real)
    dC = np.empty((V, D), real)
    dW = np.empty((4, H, D), real)
    dR = np.empty((4, H, H), real)
    dc = np.empty((4, H), real)
    dU = np.empty((V, H), real)
    dk = np.empty((V,), real)
    a = a_given  # in the same array
    p_exp = o  # in the same array
    do = o  # in the same array
    dh = dh_given  # in the same array
    da = a_given  # in the same array
    # C_x[b,t,d] = C[x[b,t],d]
    for b in range(B):
        for t_ in range(T):
            x_b_t_ = x[b, t_]
            for d in range(D):
                C_x[b, t_, d] = C[x_b_t_, d]
    # a_given[b,t,n,i] = c[n,i] + sum_d C_x[b,t,d]*W[n,i,d]
    product(
        (B*T, 4*H, D), (address(C_x), D, AS_IS), (address(W), D, TRANSPOSED),
        1.0, 0.0, (address(a_given), 4*H),
    )
    for b in range(B):
        for t_ in range(T):
            for n in range(4):
                for i in range(H):
                    a_given[b, t_, n, i] += c[n, i]
    for t_ in range(T):
        # a_operand[b,t,j] = h[b,t - 1,j] if [0 <= t - 1] else 0
        for b in range(B):
            for j in range(H):
                a_operand[b, t_, j] = (h[b, t_ - 1, j] if 0 <= t_ - 1 else real(0.0))
        # (F1) a[b,t,n,i] = a_given[b,t,n,i] + sum_j a_operand[b,t,j]*R[n,i,j]
        product(
            (B, 4*H, H), (address(a_operand, 0, t_), T*H, AS_IS), (address(R), H, TRANSPOSED),
            1.0, 1.0, (address(a, 0, t_), T*4*H),
        )
        # (F2) f[b,t,i] = 1/(exp(-a[b,t,0,i]) + 1)
        for b in range(B):
            for i in range(H):
                f[b, t_, i] = sigmoid(a[b, t_, 0, i])
                # (F3) g[b,t,i] = 1/(exp(-a[b,t,1,i]) + 1)
                g[b, t_, i] = sigmoid(a[b, t_, 1, i])
                # (F4) q[b,t,i] = 1/(exp(-a[b,t,2,i]) + 1)
                q[b, t_, i] = sigmoid(a[b, t_, 2, i])
                # (F5) m[b,t,i] = tanh(a[b,t,3,i])
                m[b, t_, i] = tanh(a[b, t_, 3, i])
                # (F6) s[b,t,i] = g[b,t,i]*m[b,t,i] + (s[b,t - 1,i] if [0 <= t - 1] else 0)*f[b,t,i]
                s[b, t_, i] = g[b, t_, i] * m[b, t_, i] + (s[b, t_ - 1, i] if 0 <= t_ - 1 else real(0.0)) * f[b, t_, i]
                # h_tanh[b,t,i] = tanh(s[b,t,i])
                h_tanh[b, t_, i] = tanh(s[b, t_, i])
                # (F7) h[b,t,i] = q[b,t,i]*h_tanh[b,t,i]
                h[b, t_, i] = q[b, t_, i] * h_tanh[b, t_, i]
    # (F8) o[b,t,v] = k[v] + sum_i U[v,i]*h[b,t,i]
    product((B*T, V, H), (address(h), H, AS_IS), (address(U), H, TRANSPOSED), 1.0, 0.0, (address(o), V))
    L_total = 0.0
    for b in range(B):
        for t_ in range(T):
            o_max = real(-np.inf)
            for v in range(V):
                o[b, t_, v] += k[v]
                # (o_max) o_max[b,t] = max_v2 o[b,t,v2]
                o_max = larger(o_max, o[b, t_, v])
            # o_y[b,t] = o[b,t,y[b,t]]
            o_y = o[b, t_, y[b, t_]]
            # p_exp[b,t,v] = exp(o[b,t,v] - o_max[b,t])
            p_sum = real(0)
            for v in range(V):
                p_exp[b, t_, v] = exp(o[b, t_, v] - o_max)
                # p_sum[b,t] = sum_v2 p_exp[b,t,v2]
                p_sum = plus(p_sum, p_exp[b, t_, v])
            # (F10) L = -1/(B*T) * sum_b,t (o_y[b,t] - o_max[b,t] - log(p_sum[b,t]))
            L_total = plus(L_total, o_y - o_max - log(p_sum))
            # F9 was: p[b,t,v] = exp(o[b,t,v])/(sum_v2 exp(o[b,t,v2]))
            # (do) do[b,t,v] = p_exp[b,t,v]/(B*T*p_sum[b,t]) - [v == y[b,t]]/(B*T)
            for v in range(V):
                do[b, t_, v] = p_exp[b, t_, v] / (real(B) * real(T) * p_sum)
            do[b, t_, y[b, t_]] -= real(1.0) / (real(B) * real(T))
    L = -L_total / (B * T)
    # dh_given[b,t,i] = sum_v U[v,i]*do[b,t,v]
    product((B*T, H, V), (address(do), V, AS_IS), (address(U), H, AS_IS), 1.0, 0.0, (address(dh_given), H))
    for t_ in range(T - 1, -1, -1):
        # dh_operand[b,t,n,i2] = da[b,t + 1,n,i2] if [t + 1 < T] else 0
        for b in range(B):
            for n in range(4):
                for i2 in range(H):
                    dh_operand[b, n, i2] = (da[b, t_ + 1, n, i2] if t_ + 1 < T else real(0.0))
        # F8 was: o[b,t,v] = k[v] + sum_i U[v,i]*h[b,t,i]
        # F1 was: a[b,t,n,i] = c[n,i] + (sum_d W[n,i,d]*C[x[b,t],d]) + sum_j R[n,i,j]*(h[b,t - 1,j] if [0 <= t - 1] else 0)
        # (dh) dh[b,t,i] = dh_given[b,t,i] + sum_n,i2 dh_operand[b,t,n,i2]*R[n,i2,i]
        product(
            (B, H, 4*H), (address(dh_operand), 4*H, AS_IS), (address(R), H, AS_IS),
            1.0, 1.0, (address(dh, 0, t_), T*H),
        )
        # F7 was: h[b,t,i] = q[b,t,i]*tanh(s[b,t,i])
        # F6 was: s[b,t,i] = g[b,t,i]*m[b,t,i] + (s[b,t - 1,i] if [0 <= t - 1] else 0)*f[b,t,i]
        # (ds) ds[b,t,i] = (1 - h_tanh[b,t,i]**2)*q[b,t,i]*dh[b,t,i] + (ds[b,t + 1,i]*f[b,t + 1,i] if [t + 1 < T] else 0)
        for b in range(B):
            for i in range(H):
                ds[b, t_, i] = (real(1.0) - h_tanh[b, t_, i] ** 2) * q[b, t_, i] * dh[b, t_, i] + (ds[b, t_ + 1, i] * f[b, t_ + 1, i] if t_ + 1 < T else real(0.0))
                # F6 was: s[b,t,i] = g[b,t,i]*m[b,t,i] + (s[b,t - 1,i] if [0 <= t - 1] else 0)*f[b,t,i]
                # (dm) dm[b,t,i] = g[b,t,i]*ds[b,t,i]
                dm = g[b, t_, i] * ds[b, t_, i]
                # F7 was: h[b,t,i] = q[b,t,i]*tanh(s[b,t,i])
                # (dq) dq[b,t,i] = dh[b,t,i]*h_tanh[b,t,i]
                dq = dh[b, t_, i] * h_tanh[b, t_, i]
                # F6 was: s[b,t,i] = g[b,t,i]*m[b,t,i] + (s[b,t - 1,i] if [0 <= t - 1] else 0)*f[b,t,i]
                # (dg) dg[b,t,i] = ds[b,t,i]*m[b,t,i]
                dg = ds[b, t_, i] * m[b, t_, i]
                # F6 was: s[b,t,i] = g[b,t,i]*m[b,t,i] + (s[b,t - 1,i] if [0 <= t - 1] else 0)*f[b,t,i]
                # (df) df[b,t,i] = s[b,t - 1,i]*ds[b,t,i] if [0 <= t - 1] else 0
                df = (s[b, t_ - 1, i] * ds[b, t_, i] if 0 <= t_ - 1 else real(0.0))
                # F5 was: m[b,t,i] = tanh(a[b,t,3,i])
                # F4 was: q[b,t,i] = 1/(exp(-a[b,t,2,i]) + 1)
                # F3 was: g[b,t,i] = 1/(exp(-a[b,t,1,i]) + 1)
                # F2 was: f[b,t,i] = 1/(exp(-a[b,t,0,i]) + 1)
                # (da) da[b,t,n,i] = [n == 3]*(1 - m[b,t,i]**2)*dm[b,t,i] + [n == 2]*dq[b,t,i]*q[b,t,i]*(1 - q[b,t,i]) + [n == 1]*dg[b,t,i]*g[b,t,i]*(1 - g[b,t,i]) + [n == 0]*df[b,t,i]*f[b,t,i]*(1 - f[b,t,i])
                da[b, t_, 3, i] = (real(1.0) - m[b, t_, i] ** 2) * dm
                da[b, t_, 2, i] = dq * q[b, t_, i] * (real(1.0) - q[b, t_, i])
                da[b, t_, 1, i] = dg * g[b, t_, i] * (real(1.0) - g[b, t_, i])
                da[b, t_, 0, i] = df * f[b, t_, i] * (real(1.0) - f[b, t_, i])
    # dC_rows[b,t,d] = sum_n,i W[n,i,d]*da[b,t,n,i]
    product((B*T, D, 4*H), (address(da), 4*H, AS_IS), (address(W), D, AS_IS), 1.0, 0.0, (address(dC_rows), D))
    # F1 was: a[b,t,n,i] = c[n,i] + (sum_d W[n,i,d]*C[x[b,t],d]) + sum_j R[n,i,j]*(h[b,t - 1,j] if [0 <= t - 1] else 0)
    # (dC) dC[v,d] = sum_b,t dC_rows[b,t,d]*[v == x[b,t]]
    dC[...] = 0
    for b in range(B):
        for t_ in range(T):
            x_b_t_ = x[b, t_]
            for d in range(D):
                dC[x_b_t_, d] += dC_rows[b, t_, d]
    # F1 was: a[b,t,n,i] = c[n,i] + (sum_d W[n,i,d]*C[x[b,t],d]) + sum_j R[n,i,j]*(h[b,t - 1,j] if [0 <= t - 1] else 0)
    # (dW) dW[n,i,d] = sum_b,t da[b,t,n,i]*C_x[b,t,d]
    product((4*H, D, B*T), (address(da), 4*H, TRANSPOSED), (address(C_x), D, AS_IS), 1.0, 0.0, (address(dW), D))
    # F1 was: a[b,t,n,i] = c[n,i] + (sum_d W[n,i,d]*C[x[b,t],d]) + sum_j R[n,i,j]*(h[b,t - 1,j] if [0 <= t - 1] else 0)
    # (dR) dR[n,i,j] = sum_b,t da[b,t,n,i]*a_operand[b,t,j]
    product(
        (4*H, H, B*T), (address(da), 4*H, TRANSPOSED), (address(a_operand), H, AS_IS),
        1.0, 0.0, (address(dR), H),
    )
    # F1 was: a[b,t,n,i] = c[n,i] + (sum_d W[n,i,d]*C[x[b,t],d]) + sum_j R[n,i,j]*(h[b,t - 1,j] if [0 <= t - 1] else 0)
    # (dc) dc[n,i] = sum_b,t da[b,t,n,i]
    dc[...] = 0
    for b in range(B):
        for t_ in range(T):
            for n in range(4):
                for i in range(H):
                    dc[n, i] += da[b, t_, n, i]
    # F8 was: o[b,t,v] = k[v] + sum_i U[v,i]*h[b,t,i]
    # (dU) dU[v,i] = sum_b,t do[b,t,v]*h[b,t,i]
    product((V, H, B*T), (address(do), V, TRANSPOSED), (address(h), H, AS_IS), 1.0, 0.0, (address(dU), H))
    # F8 was: o[b,t,v] = k[v] + sum_i U[v,i]*h[b,t,i]
    # (dk) dk[v] = sum_b,t do[b,t,v]
    dk[...] = 0
    for b in range(B):
        for t_ in range(T):
            for v in range(V):
                dk[v] += do[b, t_, v]
    return L, dC, dW, dR, dc, dU, dk


@for_c(types.void(*[types.intp] * 1, *[REALS] * 1))
def zero(count, dC):
    """Entry by entry, whatever the axes: done 6 times, and written as for the first of them."""
    dC = carray(dC, (count,), real)
    for entry in range(count):
        dC[entry] = real(0.0)


@for_c(types.float64(*[types.intp] * 1, *[REALS] * 1))
def each_1(count, dC):
    """Entry by entry, whatever the axes: done 6 times, and written as for the first of them."""
    dC = carray(dC, (count,), real)
    # grad_norm_sum = sum_v,d dC[v,d]**2
    grad_norm_sum = 0.0
    for entry in range(count):
        grad_norm_sum = plus(grad_norm_sum, dC[entry] ** 2)
    return grad_norm_sum


@for_c(types.void(*[types.intp] * 1, *[types.float64] * 1, *[REALS] * 1))
def each_2(count, clip_scale, dC):
    """Entry by entry, whatever the axes: done 6 times, and written as for the first of them."""
    dC = carray(dC, (count,), real)
    g_C = dC  # in the same array
    # (U5) g_C[v,d] = dC[v,d]*clip_scale
    for entry in range(count):
        g_C[entry] = dC[entry] * real(clip_scale)


@for_c(types.void(*[types.intp] * 1, *[types.float64] * 6, *[REALS] * 4))
def each_3(count, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_C, dC, v_C, C):
    """Entry by entry, whatever the axes: done 6 times, and written as for the first of them."""
    m_C = carray(m_C, (count,), real)
    dC = carray(dC, (count,), real)
    v_C = carray(v_C, (count,), real)
    C = carray(C, (count,), real)
    m_C_new = m_C  # in the same array
    g_C = dC  # in the same array
    v_C_new = v_C  # in the same array
    C_new = C  # in the same array
    # (U6) m_C_new[v,d] = beta1*m_C[v,d] + g_C[v,d]*(1 - beta1)
    for entry in range(count):
        m_C_new[entry] = real(beta1) * m_C[entry] + g_C[entry] * (real(1.0) - real(beta1))
        # (U7) v_C_new[v,d] = g_C[v,d]**2*(1 - beta2) + beta2*v_C[v,d]
        v_C_new[entry] = g_C[entry] ** 2 * (real(1.0) - real(beta2)) + real(beta2) * v_C[entry]
        # (U8) C_new[v,d] = C[v,d] - lr*C_new_factor*m_C_new[v,d]/(eps + sqrt(C_new_factor2*v_C_new[v,d]))
        C_new[entry] = C[entry] - real(lr) * real(C_new_factor) * m_C_new[entry] / (real(eps) + sqrt(real(C_new_factor2) * v_C_new[entry]))


@for_c(types.void(*[types.intp] * 7, *[ADDRESSES] * 1))
def step_sweep_1(part, parts, V, D, H, B, T, at):
    """Part `part` of `parts`: some rows of the B, through all that goes row by row."""
    x = carray(pointer(at[0]), (B, T), np.int32)
    y = carray(pointer(at[1]), (B, T), np.int32)
    C = carray(pointer(at[2]), (V, D), real)
    W = carray(pointer(at[3]), (4, H, D), real)
    R = carray(pointer(at[4]), (4, H, H), real)
    c = carray(pointer(at[5]), (4, H), real)
    U = carray(pointer(at[6]), (V, H), real)
    k = carray(pointer(at[7]), (V,), real)
    h = carray(pointer(at[8]), (B, T, H), real)
    s = carray(pointer(at[9]), (B, T, H), real)
    f = carray(pointer(at[10]), (B, T, H), real)
    g = carray(pointer(at[11]), (B, T, H), real)
    q = carray(pointer(at[12]), (B, T, H), real)
    m = carray(pointer(at[13]), (B, T, H), real)
    o = carray(pointer(at[14]), (B, T, V), real)
    ds = carray(pointer(at[15]), (B, T, H), real)
    h_tanh = carray(pointer(at[16]), (B, T, H), real)
    a_given = carray(pointer(at[17]), (B, T, 4, H), real)
    dh_given = carray(pointer(at[18]), (B, T, H), real)
    dC_rows = carray(pointer(at[19]), (B, T, D), real)
    C_x = carray(pointer(at[20]), (B, T, D), real)
    a_operand = carray(pointer(at[21]), (B, T, H), real)
    dh_operand = carray(pointer(at[22]), (B, 4, H), real)
    R_turned = carray(pointer(at[23]), (H, 4, H), real)
    L_rows = carray(pointer(at[24]), (B,), real)
    dW_parts = carray(pointer(at[25]), (parts, 4, H, D), real)
    dR_parts = carray(pointer(at[26]), (parts, 4, H, H), real)
    dc_parts = carray(pointer(at[27]), (parts, 4, H), real)
    dU_parts = carray(pointer(at[28]), (parts, V, H), real)
    dk_parts = carray(pointer(at[29]), (parts, V), real)
    start, stop = B * part // parts, B * (part + 1) // parts
    dW = dW_parts[part]
    dR = dR_parts[part]
    dc = dc_parts[part]
    dU = dU_parts[part]
    dk = dk_parts[part]
    a = a_given
    do = o
    dh = dh_given
    da = a_given
    p_exp = o
    dW[...] = 0
    dR[...] = 0
    dc[...] = 0
    dU[...] = 0
    dk[...] = 0
    # C_x[b,t,d] = C[x[b,t],d]
    for b in range(start, stop):
        for t_ in range(T):
            x_b_t_ = x[b, t_]
            for d in range(D):
                C_x[b, t_, d] = C[x_b_t_, d]
    # a_given[b,t,n,i] = c[n,i] + sum_d C_x[b,t,d]*W[n,i,d]
    product(
        ((stop - start)*T, 4*H, D), (address(C_x, start), D, AS_IS), (address(W), D, TRANSPOSED),
        1.0, 0.0, (address(a_given, start), 4*H),
    )
    for b in range(start, stop):
        for t_ in range(T):
            for n in range(4):
                for i in range(H):
                    a_given[b, t_, n, i] += c[n, i]
    for t_ in range(T):
        # a_operand[b,t,j] = h[b,t - 1,j] if [0 <= t - 1] else 0
        for b in range(start, stop):
            for j in range(H):
                a_operand[b, t_, j] = (h[b, t_ - 1, j] if 0 <= t_ - 1 else real(0.0))
        # (F1) a[b,t,n,i] = a_given[b,t,n,i] + sum_j a_operand[b,t,j]*R_turned[j,n,i]
        product(
            (stop - start, 4*H, H), (address(a_operand, start, t_), T*H, AS_IS), (address(R_turned), 4*H, AS_IS),
            1.0, 1.0, (address(a, start, t_), T*4*H),
        )
        # (F2) f[b,t,i] = 1/(exp(-a[b,t,0,i]) + 1)
        for b in range(start, stop):
            for i in range(H):
                f[b, t_, i] = sigmoid(a[b, t_, 0, i])
                # (F3) g[b,t,i] = 1/(exp(-a[b,t,1,i]) + 1)
                g[b, t_, i] = sigmoid(a[b, t_, 1, i])
                # (F4) q[b,t,i] = 1/(exp(-a[b,t,2,i]) + 1)
                q[b, t_, i] = sigmoid(a[b, t_, 2, i])
                # (F5) m[b,t,i] = tanh(a[b,t,3,i])
                m[b, t_, i] = tanh(a[b, t_, 3, i])
                # (F6) s[b,t,i] = g[b,t,i]*m[b,t,i] + (s[b,t - 1,i] if [0 <= t - 1] else 0)*f[b,t,i]
                s[b, t_, i] = g[b, t_, i] * m[b, t_, i] + (s[b, t_ - 1, i] if 0 <= t_ - 1 else real(0.0)) * f[b, t_, i]
                # h_tanh[b,t,i] = tanh(s[b,t,i])
                h_tanh[b, t_, i] = tanh(s[b, t_, i])
                # (F7) h[b,t,i] = q[b,t,i]*h_tanh[b,t,i]
                h[b, t_, i] = q[b, t_, i] * h_tanh[b, t_, i]
    # (F8) o[b,t,v] = k[v] + sum_i U[v,i]*h[b,t,i]
    product(
        ((stop - start)*T, V, H), (address(h, start), H, AS_IS), (address(U), H, TRANSPOSED),
        1.0, 0.0, (address(o, start), V),
    )
    for b in range(start, stop):
        L_rows_total = real(0)
        for t_ in range(T):
            o_max = real(-np.inf)
            for v in range(V):
                o[b, t_, v] += k[v]
                # (o_max) o_max[b,t] = max_v2 o[b,t,v2]
                o_max = larger(o_max, o[b, t_, v])
            # o_y[b,t] = o[b,t,y[b,t]]
            o_y = o[b, t_, y[b, t_]]
            # p_exp[b,t,v] = exp(o[b,t,v] - o_max[b,t])
            p_sum = real(0)
            for v in range(V):
                p_exp[b, t_, v] = exp(o[b, t_, v] - o_max)
                # p_sum[b,t] = sum_v2 p_exp[b,t,v2]
                p_sum = plus(p_sum, p_exp[b, t_, v])
            # L_rows[b] = sum_t (o_y[b,t] - o_max[b,t] - log(p_sum[b,t]))
            L_rows_total = plus(L_rows_total, o_y - o_max - log(p_sum))
            # F9 was: p[b,t,v] = exp(o[b,t,v])/(sum_v2 exp(o[b,t,v2]))
            # (do) do[b,t,v] = p_exp[b,t,v]/(B*T*p_sum[b,t]) - [v == y[b,t]]/(B*T)
            for v in range(V):
                do[b, t_, v] = p_exp[b, t_, v] / (real(B) * real(T) * p_sum)
            do[b, t_, y[b, t_]] -= real(1.0) / (real(B) * real(T))
            # F8 was: o[b,t,v] = k[v] + sum_i U[v,i]*h[b,t,i]
            # (dk) dk[v] = sum_b,t do[b,t,v]
            for v in range(V):
                dk[v] += do[b, t_, v]
        L_rows[b] = L_rows_total
    # dh_given[b,t,i] = sum_v U[v,i]*do[b,t,v]
    product(
        ((stop - start)*T, H, V), (address(do, start), V, AS_IS), (address(U), H, AS_IS),
        1.0, 0.0, (address(dh_given, start), H),
    )
    for t_ in range(T - 1, -1, -1):
        # dh_operand[b,t,n,i2] = da[b,t + 1,n,i2] if [t + 1 < T] else 0
        for b in range(start, stop):
            for n in range(4):
                for i2 in range(H):
                    dh_operand[b, n, i2] = (da[b, t_ + 1, n, i2] if t_ + 1 < T else real(0.0))
        # F8 was: o[b,t,v] = k[v] + sum_i U[v,i]*h[b,t,i]
        # F1 was: a[b,t,n,i] = c[n,i] + (sum_d W[n,i,d]*C[x[b,t],d]) + sum_j R[n,i,j]*(h[b,t - 1,j] if [0 <= t - 1] else 0)
        # (dh) dh[b,t,i] = dh_given[b,t,i] + sum_n,i2 dh_operand[b,t,n,i2]*R[n,i2,i]
        product(
            (stop - start, H, 4*H), (address(dh_operand, start), 4*H, AS_IS), (address(R), H, AS_IS),
            1.0, 1.0, (address(dh, start, t_), T*H),
        )
        # F7 was: h[b,t,i] = q[b,t,i]*tanh(s[b,t,i])
        # F6 was: s[b,t,i] = g[b,t,i]*m[b,t,i] + (s[b,t - 1,i] if [0 <= t - 1] else 0)*f[b,t,i]
        # (ds) ds[b,t,i] = (1 - h_tanh[b,t,i]**2)*q[b,t,i]*dh[b,t,i] + (ds[b,t + 1,i]*f[b,t + 1,i] if [t + 1 < T] else 0)
        for b in range(start, stop):
            for i in range(H):
                ds[b, t_, i] = (real(1.0) - h_tanh[b, t_, i] ** 2) * q[b, t_, i] * dh[b, t_, i] + (ds[b, t_ + 1, i] * f[b, t_ + 1, i] if t_ + 1 < T else real(0.0))
                # F6 was: s[b,t,i] = g[b,t,i]*m[b,t,i] + (s[b,t - 1,i] if [0 <= t - 1] else 0)*f[b,t,i]
                # (dm) dm[b,t,i] = g[b,t,i]*ds[b,t,i]
                dm = g[b, t_, i] * ds[b, t_, i]
                # F7 was: h[b,t,i] = q[b,t,i]*tanh(s[b,t,i])
                # (dq) dq[b,t,i] = dh[b,t,i]*h_tanh[b,t,i]
                dq = dh[b, t_, i] * h_tanh[b, t_, i]
                # F6 was: s[b,t,i] = g[b,t,i]*m[b,t,i] + (s[b,t - 1,i] if [0 <= t - 1] else 0)*f[b,t,i]
                # (dg) dg[b,t,i] = ds[b,t,i]*m[b,t,i]
                dg = ds[b, t_, i] * m[b, t_, i]
                # F6 was: s[b,t,i] = g[b,t,i]*m[b,t,i] + (s[b,t - 1,i] if [0 <= t - 1] else 0)*f[b,t,i]
                # (df) df[b,t,i] = s[b,t - 1,i]*ds[b,t,i] if [0 <= t - 1] else 0
                df = (s[b, t_ - 1, i] * ds[b, t_, i] if 0 <= t_ - 1 else real(0.0))
                # F5 was: m[b,t,i] = tanh(a[b,t,3,i])
                # F4 was: q[b,t,i] = 1/(exp(-a[b,t,2,i]) + 1)
                # F3 was: g[b,t,i] = 1/(exp(-a[b,t,1,i]) + 1)
                # F2 was: f[b,t,i] = 1/(exp(-a[b,t,0,i]) + 1)
                # (da) da[b,t,n,i] = [n == 3]*(1 - m[b,t,i]**2)*dm[b,t,i] + [n == 2]*dq[b,t,i]*q[b,t,i]*(1 - q[b,t,i]) + [n == 1]*dg[b,t,i]*g[b,t,i]*(1 - g[b,t,i]) + [n == 0]*df[b,t,i]*f[b,t,i]*(1 - f[b,t,i])
                da[b, t_, 3, i] = (real(1.0) - m[b, t_, i] ** 2) * dm
                da[b, t_, 2, i] = dq * q[b, t_, i] * (real(1.0) - q[b, t_, i])
                da[b, t_, 1, i] = dg * g[b, t_, i] * (real(1.0) - g[b, t_, i])
                da[b, t_, 0, i] = df * f[b, t_, i] * (real(1.0) - f[b, t_, i])
    # dC_rows[b,t,d] = sum_n,i W[n,i,d]*da[b,t,n,i]
    product(
        ((stop - start)*T, D, 4*H), (address(da, start), 4*H, AS_IS), (address(W), D, AS_IS),
        1.0, 0.0, (address(dC_rows, start), D),
    )
    # F1 was: a[b,t,n,i] = c[n,i] + (sum_d W[n,i,d]*C[x[b,t],d]) + sum_j R[n,i,j]*(h[b,t - 1,j] if [0 <= t - 1] else 0)
    # (dW) dW[n,i,d] = sum_b,t da[b,t,n,i]*C_x[b,t,d]
    product(
        (4*H, D, (stop - start)*T), (address(da, start), 4*H, TRANSPOSED), (address(C_x, start), D, AS_IS),
        1.0, 1.0, (address(dW), D),
    )
    # F1 was: a[b,t,n,i] = c[n,i] + (sum_d W[n,i,d]*C[x[b,t],d]) + sum_j R[n,i,j]*(h[b,t - 1,j] if [0 <= t - 1] else 0)
    # (dR) dR[n,i,j] = sum_b,t da[b,t,n,i]*a_operand[b,t,j]
    product(
        (4*H, H, (stop - start)*T), (address(da, start), 4*H, TRANSPOSED), (address(a_operand, start), H, AS_IS),
        1.0, 1.0, (address(dR), H),
    )
    # F1 was: a[b,t,n,i] = c[n,i] + (sum_d W[n,i,d]*C[x[b,t],d]) + sum_j R[n,i,j]*(h[b,t - 1,j] if [0 <= t - 1] else 0)
    # (dc) dc[n,i] = sum_b,t da[b,t,n,i]
    for b in range(start, stop):
        for t_ in range(T):
            for n in range(4):
                for i in range(H):
                    dc[n, i] += da[b, t_, n, i]
    # F8 was: o[b,t,v] = k[v] + sum_i U[v,i]*h[b,t,i]
    # (dU) dU[v,i] = sum_b,t do[b,t,v]*h[b,t,i]
    product(
        (V, H, (stop - start)*T), (address(do, start), V, TRANSPOSED), (address(h, start), H, AS_IS),
        1.0, 1.0, (address(dU), H),
    )


@njit(cache=True, parallel=True)
def run_step_sweep_1(parts, V, D, H, B, T, at):
    if parts == 1:
        step_sweep_1(parts - 1, parts, V, D, H, B, T, at)
        return
    for part in prange(parts):
        step_sweep_1(np.int64(part), parts, V, D, H, B, T, at)


@for_c(types.float64(*[types.intp] * 6, *[types.float64] * 5, *[ADDRESSES] * 1))
def step(V, D, H, B, T, threads, lr, beta1, beta2, eps, t, at):
    """One step in place; the loss before it.  A loss that is not finite leaves everything untouched.

    Arrays: x (B,T), C (V,D), W (4,H,D), R (4,H,H), c (4,H), U (V,H), k (V), m_C (V,D), v_C (V,D), m_W (4,H,D), v_W
    (4,H,D), m_R (4,H,H), v_R (4,H,H), m_c (4,H), v_c (4,H), m_U (V,H), v_U (V,H), m_k (V), v_k (V), R_turned
    (H,4,H), L_rows (B), dC_rows (B,T,D), dC (V,D), dW (4,H,D), dR (4,H,H), dc (4,H), dU (V,H), dk (V)
    """
    x = carray(pointer(at[0]), (B, T), np.int32)
    C = at[1]
    W = at[2]
    c = at[3]
    U = at[4]
    k = at[5]
    dW = at[6]
    dR = at[7]
    dc = at[8]
    dU = at[9]
    dk = at[10]
    m_C = at[11]
    v_C = at[12]
    m_W = at[13]
    v_W = at[14]
    m_R = at[15]
    v_R = at[16]
    m_c = at[17]
    v_c = at[18]
    m_U = at[19]
    v_U = at[20]
    m_k = at[21]
    v_k = at[22]
    dW_parts = at[23]
    dR_parts = at[24]
    dc_parts = at[25]
    dU_parts = at[26]
    dk_parts = at[27]
    R = carray(pointer(at[28]), (4, H, H), real)
    dC = carray(pointer(at[29]), (V, D), real)
    dC_rows = carray(pointer(at[30]), (B, T, D), real)
    R_turned = carray(pointer(at[31]), (H, 4, H), real)
    L_rows = carray(pointer(at[32]), (B,), real)
    at_1 = at[33]
    # R_turned[j,n,i] = R[n,i,j]
    for j in range(H):
        for n in range(4):
            for i in range(H):
                R_turned[j, n, i] = R[n, i, j]
    zero(V * D, address(dC))
    zero(4 * H * D, dW)
    zero(4 * H ** 2, dR)
    zero(4 * H, dc)
    zero(V * H, dU)
    zero(V, dk)
    # C_new_factor = 1/(1 - beta1**t)
    C_new_factor = 1.0 / (1.0 - beta1 ** t)
    # C_new_factor2 = 1/(1 - beta2**t)
    C_new_factor2 = 1.0 / (1.0 - beta2 ** t)
    parts = parts_for(max(4 * B * T * H * D, 4 * T * B * H ** 2, B * T * V * H), threads)
    run_step_sweep_1(parts, V, D, H, B, T, at_1)
    add_parts(parts, 4 * H * D, dW, dW_parts)
    add_parts(parts, 4 * H ** 2, dR, dR_parts)
    add_parts(parts, 4 * H, dc, dc_parts)
    add_parts(parts, V * H, dU, dU_parts)
    add_parts(parts, V, dk, dk_parts)
    # (F10) L = -1/(B*T) * sum_b L_rows[b]
    L_total = 0.0
    for b in range(B):
        L_total = plus(L_total, L_rows[b])
    L = -L_total / (B * T)
    # F1 was: a[b,t,n,i] = c[n,i] + (sum_d W[n,i,d]*C[x[b,t],d]) + sum_j R[n,i,j]*(h[b,t - 1,j] if [0 <= t - 1] else 0)
    # (dC) dC[v,d] = sum_b,t dC_rows[b,t,d]*[v == x[b,t]]
    for b in range(B):
        for t_ in range(T):
            x_b_t_ = x[b, t_]
            for d in range(D):
                dC[x_b_t_, d] += dC_rows[b, t_, d]
    # grad_norm_sum = sum_v,d dC[v,d]**2
    grad_norm_sum = each_1(V * D, address(dC))
    # grad_norm_sum2 = sum_n,i,d dW[n,i,d]**2
    grad_norm_sum2 = each_1(4 * H * D, dW)
    # grad_norm_sum3 = sum_n,i,j dR[n,i,j]**2
    grad_norm_sum3 = each_1(4 * H ** 2, dR)
    # grad_norm_sum4 = sum_n,i dc[n,i]**2
    grad_norm_sum4 = each_1(4 * H, dc)
    # grad_norm_sum5 = sum_v,i dU[v,i]**2
    grad_norm_sum5 = each_1(V * H, dU)
    # grad_norm_sum6 = sum_v dk[v]**2
    grad_norm_sum6 = each_1(V, dk)
    # (U2) clip_scale = 1/max(1.0, sqrt(grad_norm_sum + grad_norm_sum2 + grad_norm_sum3 + grad_norm_sum4 + grad_norm_sum5 + grad_norm_sum6))
    clip_scale = 1.0 / max(1.0, sqrt(grad_norm_sum + grad_norm_sum2 + grad_norm_sum3 + grad_norm_sum4 + grad_norm_sum5 + grad_norm_sum6))
    # (U5) g_C[v,d] = dC[v,d]*clip_scale
    each_2(V * D, clip_scale, address(dC))
    # (U9) g_W[n,i,d] = dW[n,i,d]*clip_scale
    each_2(4 * H * D, clip_scale, dW)
    # (U13) g_R[n,i,j] = dR[n,i,j]*clip_scale
    each_2(4 * H ** 2, clip_scale, dR)
    # (U17) g_c[n,i] = dc[n,i]*clip_scale
    each_2(4 * H, clip_scale, dc)
    # (U21) g_U[v,i] = dU[v,i]*clip_scale
    each_2(V * H, clip_scale, dU)
    # (U25) g_k[v] = dk[v]*clip_scale
    each_2(V, clip_scale, dk)
    if not isfinite(L):
        return L
    # (U6) m_C_new[v,d] = beta1*m_C[v,d] + g_C[v,d]*(1 - beta1)
    # (U7) v_C_new[v,d] = g_C[v,d]**2*(1 - beta2) + beta2*v_C[v,d]
    # (U8) C_new[v,d] = C[v,d] - lr*C_new_factor*m_C_new[v,d]/(eps + sqrt(C_new_factor2*v_C_new[v,d]))
    each_3(V * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_C, address(dC), v_C, C)
    # (U10) m_W_new[n,i,d] = beta1*m_W[n,i,d] + g_W[n,i,d]*(1 - beta1)
    # (U11) v_W_new[n,i,d] = g_W[n,i,d]**2*(1 - beta2) + beta2*v_W[n,i,d]
    # (U12) W_new[n,i,d] = W[n,i,d] - lr*C_new_factor*m_W_new[n,i,d]/(eps + sqrt(C_new_factor2*v_W_new[n,i,d]))
    each_3(4 * H * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_W, dW, v_W, W)
    # (U14) m_R_new[n,i,j] = beta1*m_R[n,i,j] + g_R[n,i,j]*(1 - beta1)
    # (U15) v_R_new[n,i,j] = g_R[n,i,j]**2*(1 - beta2) + beta2*v_R[n,i,j]
    # (U16) R_new[n,i,j] = R[n,i,j] - lr*C_new_factor*m_R_new[n,i,j]/(eps + sqrt(C_new_factor2*v_R_new[n,i,j]))
    each_3(4 * H ** 2, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_R, dR, v_R, address(R))
    # (U18) m_c_new[n,i] = beta1*m_c[n,i] + g_c[n,i]*(1 - beta1)
    # (U19) v_c_new[n,i] = g_c[n,i]**2*(1 - beta2) + beta2*v_c[n,i]
    # (U20) c_new[n,i] = c[n,i] - lr*C_new_factor*m_c_new[n,i]/(eps + sqrt(C_new_factor2*v_c_new[n,i]))
    each_3(4 * H, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_c, dc, v_c, c)
    # (U22) m_U_new[v,i] = beta1*m_U[v,i] + g_U[v,i]*(1 - beta1)
    # (U23) v_U_new[v,i] = g_U[v,i]**2*(1 - beta2) + beta2*v_U[v,i]
    # (U24) U_new[v,i] = U[v,i] - lr*C_new_factor*m_U_new[v,i]/(eps + sqrt(C_new_factor2*v_U_new[v,i]))
    each_3(V * H, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_U, dU, v_U, U)
    # (U26) m_k_new[v] = beta1*m_k[v] + g_k[v]*(1 - beta1)
    # (U27) v_k_new[v] = g_k[v]**2*(1 - beta2) + beta2*v_k[v]
    # (U28) k_new[v] = k[v] - lr*C_new_factor*m_k_new[v]/(eps + sqrt(C_new_factor2*v_k_new[v]))
    each_3(V, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_k, dk, v_k, k)
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def train_steps(
    order, lr, beta1, beta2, eps, t, x, y, losses, threads, B, T, V, D, H, x_batch, y_batch, at,
):
    """The steps of `train_chunk`, when all is made."""
    for turn in range(order.shape[0]):
        for row in range(B):
            for axis1 in range(x.shape[1]):
                x_batch[row, axis1] = x[order[turn, row], axis1]
            for axis1 in range(y.shape[1]):
                y_batch[row, axis1] = y[order[turn, row], axis1]
        losses[turn] = step(
            V, D, H, B, T, threads, lr[turn], beta1[turn], beta2[turn], eps[turn], t[turn], address(at),
        )
        if not math.isfinite(losses[turn]):
            return turn
    return order.shape[0]


def train_chunk(
    order, lr, beta1, beta2, eps, t, x, y, C, W, R, c, U, k, m_C, v_C, m_W, v_W, m_R, v_R, m_c, v_c,
    m_U, v_U, m_k, v_k, losses, threads,
):
    """len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.

    Returns how many steps were done: all, or those before the first loss that is not finite.
    Sweeps run on at most `threads` threads.
    """
    B = order.shape[1]
    T = x.shape[1]
    V = C.shape[0]
    D = C.shape[1]
    H = W.shape[1]
    x_batch = workspace((B, x.shape[1]), np.int32)
    y_batch = workspace((B, y.shape[1]), np.int32)
    C_x = workspace((B, T, D))
    a_given = workspace((B, T, 4, H))
    R_turned = workspace((H, 4, H))
    a_operand = workspace((B, T, H))
    f = workspace((B, T, H))
    g = workspace((B, T, H))
    q = workspace((B, T, H))
    m = workspace((B, T, H))
    s = workspace((B, T, H))
    h_tanh = workspace((B, T, H))
    h = workspace((B, T, H))
    o = workspace((B, T, V))
    L_rows = workspace((B,))
    dh_given = workspace((B, T, H))
    dh_operand = workspace((B, 4, H))
    ds = workspace((B, T, H))
    dC_rows = workspace((B, T, D))
    dC = workspace((V, D))
    dW = workspace((4, H, D))
    dR = workspace((4, H, H))
    dc = workspace((4, H))
    dU = workspace((V, H))
    dk = workspace((V,))
    dW_parts = workspace((threads, 4, H, D))
    dR_parts = workspace((threads, 4, H, H))
    dc_parts = workspace((threads, 4, H))
    dU_parts = workspace((threads, V, H))
    dk_parts = workspace((threads, V))
    at_1 = addresses(np.int32, x_batch, y_batch)
    at_1 += addresses(
        real, C, W, R, c, U, k, h, s, f, g, q, m, o, ds, h_tanh, a_given, dh_given, dC_rows, C_x, a_operand,
        dh_operand, R_turned, L_rows, dW_parts, dR_parts, dc_parts, dU_parts, dk_parts,
    )
    at_1 = np.array(at_1, np.uintp)
    at = addresses(np.int32, x_batch)
    at += addresses(
        real, C, W, c, U, k, dW, dR, dc, dU, dk, m_C, v_C, m_W, v_W, m_R, v_R, m_c, v_c, m_U, v_U, m_k, v_k,
        dW_parts, dR_parts, dc_parts, dU_parts, dk_parts,
    )
    at += addresses(real, R, dC, dC_rows, R_turned, L_rows)
    at += addresses(np.uintp, at_1)
    at = np.array(at, np.uintp)
    link()
    steps = train_steps(
        order, lr, beta1, beta2, eps, t, x, y, losses, threads, B, T, V, D, H, x_batch, y_batch, at,
    )
    spare(
        x_batch, y_batch, C_x, a_given, R_turned, a_operand, f, g, q, m, s, h_tanh, h, o, L_rows, dh_given,
        dh_operand, ds, dC_rows, dC, dW, dR, dc, dU, dk, dW_parts, dR_parts, dc_parts, dU_parts, dk_parts,
    )
    return steps


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def mean_loss(x, y, C, W, R, c, U, k, batch):
    """The loss over all rows of the data, `batch` rows at a time, each row weighing the same."""
    rows = x.shape[0]
    total = 0.0
    for start in range(0, rows, batch):
        stop = min(start + batch, rows)
        total += (stop - start) * loss(x[start:stop], y[start:stop], C, W, R, c, U, k)
    return total / rows
