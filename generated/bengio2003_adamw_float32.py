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
DIGEST = "a47fa63057ca"  # of what follows: functions of another file have other names
# Functions for C get the addresses of arrays, and carray makes arrays of them, of a shape.
REALS = types.CPointer(types.float32)
IDS = types.CPointer(types.int32)
ADDRESSES = types.CPointer(types.uintp)


LEAST = real(np.finfo(real).min)


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
def loss_sweep_1(part, parts, B, J, V, U, b, a_turned, y_max_tile, L_sum_tile, y_parts):
    """Part `part` of `parts`: V, 512 at a time, and all that needs only these."""
    y = y_parts[part]
    tiles = (V + 511) // 512
    for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
        start, stop = tile * 512, min(tile * 512 + 512, V)
        # y_max_tile[tile,e] = max_v2 (y[v2,e] if [v2//512 == tile] else least)
        for e in range(B):
            y_max_tile[tile, e] = LEAST
        # L_sum_tile[tile,e] = sum_v2 exp(y[v2,e] - y_max_tile[v2//512,e])*[v2//512 == tile]
        for e in range(B):
            L_sum_tile[tile, e] = real(0.0)
        # (F4) y[v,e] = b[v] + sum_j U[v,j]*a_turned[j,e]
        product(
            (stop - start, B, J), (address(U, start), J, AS_IS), (address(a_turned), B, AS_IS),
            1.0, 0.0, (address(y), B),
        )
        for v in range(start, stop):
            for e in range(B):
                y[v - start, e] += b[v]
                y_max_tile[tile, e] = larger(y_max_tile[tile, e], y[v - start, e])
        for v2 in range(start, stop):
            for e in range(B):
                L_sum_tile[tile, e] += exp(y[v2 - start, e] - y_max_tile[tile, e])


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
    a_turned = np.empty((J, B), real)
    y_word = np.empty((B,), real)
    y_max_tile = np.empty(((V + 511) // 512, B), real)
    y_max = np.empty((B,), real)
    L_sum_tile = np.empty(((V + 511) // 512, B), real)
    L_sum = np.empty((B,), real)
    y_parts = np.empty((1, 512, B), real)
    a = o  # in the same array
    # (F1) x[e,t,m] = C[context[e,t],m]
    for e in range(B):
        for t_ in range(N):
            context_e_t_ = context[e, t_]
            for m in range(M):
                x[e, t_, m] = C[context_e_t_, m]
    # (F2) o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    product((B, J, N*M), (address(x), N*M, AS_IS), (address(H), N*M, TRANSPOSED), 1.0, 0.0, (address(o), J))
    for e in range(B):
        for j in range(J):
            o[e, j] += d[j]
            # (F3) a[e,j] = tanh(o[e,j])
            a[e, j] = tanh(o[e, j])
    # a_turned[j,e] = a[e,j]
    for j in range(J):
        for e in range(B):
            a_turned[j, e] = a[e, j]
    # b_word[e] = b[word[e]]
    for e in range(B):
        b_word = b[word[e]]
        # U_word[e,j] = U[word[e],j]
        y_word_total = real(0)
        word_e = word[e]
        for j in range(J):
            U_word = U[word_e, j]
            # y_word[e] = b_word[e] + sum_j U_word[e,j]*a[e,j]
            y_word_total = plus(y_word_total, U_word * a[e, j])
        y_word[e] = b_word + y_word_total
    # L_sum[e] = sum_tile y_max_shift[tile,e]*L_sum_tile[tile,e]
    L_sum[...] = 0
    parts = 1
    loss_sweep_1(parts - 1, parts, B, J, V, U, b, a_turned, y_max_tile, L_sum_tile, y_parts)
    # (y_max) y_max[e] = max_tile y_max_tile[tile,e]
    for e in range(B):
        y_max_total = real(-np.inf)
        for tile in range((V + 511) // 512):
            y_max_total = larger(y_max_total, y_max_tile[tile, e])
        y_max[e] = y_max_total
    # y_max_shift[tile,e] = exp(y_max_tile[tile,e] - y_max[e])
    for tile in range((V + 511) // 512):
        for e in range(B):
            y_max_shift = exp(y_max_tile[tile, e] - y_max[e])
            L_sum[e] += y_max_shift * L_sum_tile[tile, e]
    # (F6) L = -1/B * sum_e (y_word[e] - y_max[e] - log(L_sum[e]))
    L_total = 0.0
    for e in range(B):
        L_total = plus(L_total, y_word[e] - y_max[e] - log(L_sum[e]))
    L = -L_total / B
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def gradients_sweep_1(part, parts, B, J, V, U, b, y, a_turned, y_max_tile, p_sum_tile):
    """Part `part` of `parts`: V, 512 at a time, and all that needs only these."""
    p_exp_tile = y
    tiles = (V + 511) // 512
    for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
        start, stop = tile * 512, min(tile * 512 + 512, V)
        # y_max_tile[tile,e] = max_v2 (y[v2,e] if [v2//512 == tile] else least)
        for e in range(B):
            y_max_tile[tile, e] = LEAST
        # p_sum_tile[tile,e] = sum_v2 p_exp_tile[v2,e]*[v2//512 == tile]
        for e in range(B):
            p_sum_tile[tile, e] = real(0.0)
        # (F4) y[v,e] = b[v] + sum_j U[v,j]*a_turned[j,e]
        product(
            (stop - start, B, J), (address(U, start), J, AS_IS), (address(a_turned), B, AS_IS),
            1.0, 0.0, (address(y, start), B),
        )
        for v in range(start, stop):
            for e in range(B):
                y[v, e] += b[v]
                y_max_tile[tile, e] = larger(y_max_tile[tile, e], y[v, e])
        # p_exp_tile[v,e] = exp(y[v,e] - y_max_tile[v//512,e])
        for v in range(start, stop):
            for e in range(B):
                p_exp_tile[v, e] = exp(y[v, e] - y_max_tile[tile, e])
                p_sum_tile[tile, e] += p_exp_tile[v, e]


@njit(cache=True, fastmath=FAST, error_model="numpy")
def gradients_sweep_2(
    part, parts, B, J, V, word, U, o, y, dU, db, a_dy, y_max_tile, y_max_shift, da_sum_tile_parts,
    a_dy_tile_parts, da_sum_parts,
):
    """Part `part` of `parts`: V, 512 at a time, from the last to the first, and all that needs only these."""
    da_sum_tile = da_sum_tile_parts[part]
    a_dy_tile = a_dy_tile_parts[part]
    da_sum = da_sum_parts[part]
    a = o
    p_exp_tile = y
    db_rows_tile = y_max_tile
    da_sum[...] = 0
    tiles = (V + 511) // 512
    for tile in range(tiles * (part + 1) // parts - 1, tiles * part // parts - 1, -1):
        start, stop = tile * 512, min(tile * 512 + 512, V)
        # da_sum_tile[tile,e,j] = sum_v U[v,j]*p_exp_tile[v,e]*[v//512 == tile]
        product(
            (B, J, stop - start), (address(p_exp_tile, start), B, TRANSPOSED), (address(U, start), J, AS_IS),
            1.0, 0.0, (address(da_sum_tile), J),
        )
        for e in range(B):
            for j in range(J):
                da_sum[e, j] += y_max_shift[tile, e] * da_sum_tile[e, j]
                # a_dy_tile[tile,e,j] = y_max_shift[tile,e]*a_dy[e,j]
                a_dy_tile[e, j] = y_max_shift[tile, e] * a_dy[e, j]
        # F4 was: y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
        # (dU) dU[v,j] = (sum_e p_exp_tile[v,e]*a_dy_tile[v//512,e,j]) - 1/B * sum_e [v == word[e]]*a[e,j]
        product(
            (stop - start, J, B), (address(p_exp_tile, start), B, AS_IS), (address(a_dy_tile), J, AS_IS),
            1.0, 0.0, (address(dU, start), J),
        )
        for e in range(B):
            if start <= word[e] < stop:
                word_e = word[e]
                for j in range(J):
                    dU[word_e, j] -= a[e, j] / real(B)
        # F4 was: y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
        # (db) db[v] = (1/B * sum_e p_exp_tile[v,e]*db_rows_tile[v//512,e]) - 1/B * sum_e [v == word[e]]
        for v in range(start, stop):
            db_total = real(0)
            for e in range(B):
                db_total = plus(db_total, p_exp_tile[v, e] * db_rows_tile[tile, e])
            db[v] = db_total / real(B)
        for e in range(B):
            if start <= word[e] < stop:
                db[word[e]] -= real(1.0) / real(B)


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
    a_turned = np.empty((J, B), real)
    y = np.empty((V, B), real)
    U_word = np.empty((B, J), real)
    y_word = np.empty((B,), real)
    y_max_tile = np.empty(((V + 511) // 512, B), real)
    y_max = np.empty((B,), real)
    y_max_shift = np.empty(((V + 511) // 512, B), real)
    p_sum_tile = np.empty(((V + 511) // 512, B), real)
    p_sum = np.empty((B,), real)
    da_sum = np.empty((B, J), real)
    dx = np.empty((B, N, M), real)
    a_dy = np.empty((B, J), real)
    dC = np.empty((V, M), real)
    dH = np.empty((J, N, M), real)
    dd = np.empty((J,), real)
    dU = np.empty((V, J), real)
    db = np.empty((V,), real)
    da_sum_tile_parts = np.empty((1, B, J), real)
    a_dy_tile_parts = np.empty((1, B, J), real)
    da_sum_parts = np.empty((1, B, J), real)
    a = o  # in the same array
    p_exp_tile = y  # in the same array
    da = da_sum  # in the same array
    do = da_sum  # in the same array
    db_rows_tile = y_max_tile  # in the same array
    # (F1) x[e,t,m] = C[context[e,t],m]
    for e in range(B):
        for t_ in range(N):
            context_e_t_ = context[e, t_]
            for m in range(M):
                x[e, t_, m] = C[context_e_t_, m]
    # (F2) o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    product((B, J, N*M), (address(x), N*M, AS_IS), (address(H), N*M, TRANSPOSED), 1.0, 0.0, (address(o), J))
    for e in range(B):
        for j in range(J):
            o[e, j] += d[j]
            # (F3) a[e,j] = tanh(o[e,j])
            a[e, j] = tanh(o[e, j])
    # a_turned[j,e] = a[e,j]
    for j in range(J):
        for e in range(B):
            a_turned[j, e] = a[e, j]
    # b_word[e] = b[word[e]]
    for e in range(B):
        b_word = b[word[e]]
        # U_word[e,j] = U[word[e],j]
        y_word_total = real(0)
        word_e = word[e]
        for j in range(J):
            U_word[e, j] = U[word_e, j]
            # y_word[e] = b_word[e] + sum_j U_word[e,j]*a[e,j]
            y_word_total = plus(y_word_total, U_word[e, j] * a[e, j])
        y_word[e] = b_word + y_word_total
    # p_sum[e] = sum_tile y_max_shift[tile,e]*p_sum_tile[tile,e]
    p_sum[...] = 0
    # da_sum[e,j] = sum_tile y_max_shift[tile,e]*da_sum_tile[tile,e,j]
    da_sum[...] = 0
    # F1 was: x[e,t,m] = C[context[e,t],m]
    # (dC) dC[v,m] = sum_e,t dx[e,t,m]*[v == context[e,t]]
    dC[...] = 0
    # F2 was: o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    # (dd) dd[j] = sum_e do[e,j]
    dd[...] = 0
    parts = 1
    gradients_sweep_1(parts - 1, parts, B, J, V, U, b, y, a_turned, y_max_tile, p_sum_tile)
    # (y_max) y_max[e] = max_tile y_max_tile[tile,e]
    for e in range(B):
        y_max_total = real(-np.inf)
        for tile in range((V + 511) // 512):
            y_max_total = larger(y_max_total, y_max_tile[tile, e])
        y_max[e] = y_max_total
    # y_max_shift[tile,e] = exp(y_max_tile[tile,e] - y_max[e])
    for tile in range((V + 511) // 512):
        for e in range(B):
            y_max_shift[tile, e] = exp(y_max_tile[tile, e] - y_max[e])
            p_sum[e] += y_max_shift[tile, e] * p_sum_tile[tile, e]
    # (F6) L = -1/B * sum_e (y_word[e] - y_max[e] - log(p_sum[e]))
    L_total = 0.0
    for e in range(B):
        L_total = plus(L_total, y_word[e] - y_max[e] - log(p_sum[e]))
        # a_dy[e,j] = a[e,j]/(B*p_sum[e])
        for j in range(J):
            a_dy[e, j] = a[e, j] / (real(B) * p_sum[e])
    L = -L_total / B
    # db_rows_tile[tile,e] = y_max_shift[tile,e]/p_sum[e]
    for tile in range((V + 511) // 512):
        for e in range(B):
            db_rows_tile[tile, e] = y_max_shift[tile, e] / p_sum[e]
    parts = 1
    gradients_sweep_2(
        parts - 1, parts, B, J, V, word, U, o, y, dU, db, a_dy, y_max_tile, y_max_shift, da_sum_tile_parts,
        a_dy_tile_parts, da_sum_parts,
    )
    for part in range(parts):
        for e in range(B):
            for j in range(J):
                da_sum[e, j] += da_sum_parts[part, e, j]
    # F4 was: y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
    # (da) da[e,j] = da_sum[e,j]/(B*p_sum[e]) - U_word[e,j]/B
    for e in range(B):
        for j in range(J):
            da[e, j] = da_sum[e, j] / (real(B) * p_sum[e]) - U_word[e, j] / real(B)
            # F3 was: a[e,j] = tanh(o[e,j])
            # (do) do[e,j] = (1 - a[e,j]**2)*da[e,j]
            do[e, j] = (real(1.0) - a[e, j] ** 2) * da[e, j]
            dd[j] += do[e, j]
    # F2 was: o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    # (dx) dx[e,t,m] = sum_j H[j,t,m]*do[e,j]
    product((B, N*M, J), (address(do), J, AS_IS), (address(H), N*M, AS_IS), 1.0, 0.0, (address(dx), N*M))
    for e in range(B):
        for t_ in range(N):
            context_e_t_ = context[e, t_]
            for m in range(M):
                dC[context_e_t_, m] += dx[e, t_, m]
    # F2 was: o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    # (dH) dH[j,t,m] = sum_e do[e,j]*x[e,t,m]
    product((J, N*M, B), (address(do), J, TRANSPOSED), (address(x), N*M, AS_IS), 1.0, 0.0, (address(dH), N*M))
    return L, dC, dH, dd, dU, db


@for_c(types.void(*[types.intp] * 5, *[ADDRESSES] * 1))
def step_sweep_1(part, parts, B, J, V, at):
    """Part `part` of `parts`: V, 512 at a time, and all that needs only these."""
    U = carray(pointer(at[0]), (V, J), real)
    b = carray(pointer(at[1]), (V,), real)
    y = carray(pointer(at[2]), (V, B), real)
    a_turned = carray(pointer(at[3]), (J, B), real)
    y_max_tile = carray(pointer(at[4]), ((V + 511) // 512, B), real)
    p_sum_tile = carray(pointer(at[5]), ((V + 511) // 512, B), real)
    p_exp_tile = y
    tiles = (V + 511) // 512
    for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
        start, stop = tile * 512, min(tile * 512 + 512, V)
        # y_max_tile[tile,e] = max_v2 (y[v2,e] if [v2//512 == tile] else least)
        for e in range(B):
            y_max_tile[tile, e] = LEAST
        # p_sum_tile[tile,e] = sum_v2 p_exp_tile[v2,e]*[v2//512 == tile]
        for e in range(B):
            p_sum_tile[tile, e] = real(0.0)
        # (F4) y[v,e] = b[v] + sum_j U[v,j]*a_turned[j,e]
        product(
            (stop - start, B, J), (address(U, start), J, AS_IS), (address(a_turned), B, AS_IS),
            1.0, 0.0, (address(y, start), B),
        )
        for v in range(start, stop):
            for e in range(B):
                y[v, e] += b[v]
                y_max_tile[tile, e] = larger(y_max_tile[tile, e], y[v, e])
        # p_exp_tile[v,e] = exp(y[v,e] - y_max_tile[v//512,e])
        for v in range(start, stop):
            for e in range(B):
                p_exp_tile[v, e] = exp(y[v, e] - y_max_tile[tile, e])
                p_sum_tile[tile, e] += p_exp_tile[v, e]


@njit(cache=True, parallel=True)
def run_step_sweep_1(parts, B, J, V, at):
    if parts == 1:
        step_sweep_1(parts - 1, parts, B, J, V, at)
        return
    for part in prange(parts):
        step_sweep_1(np.int64(part), parts, B, J, V, at)


@for_c(types.void(*[types.intp] * 5, *[types.float64] * 7, *[ADDRESSES] * 1))
def step_sweep_2(
    part, parts, B, J, V, lr, weight_decay, beta1, beta2, eps, C_new_factor, C_new_factor2, at,
):
    """Part `part` of `parts`: V, 512 at a time, from the last to the first, and all that needs only these."""
    word = carray(pointer(at[0]), (B,), np.int32)
    U = carray(pointer(at[1]), (V, J), real)
    b = carray(pointer(at[2]), (V,), real)
    o = carray(pointer(at[3]), (B, J), real)
    y = carray(pointer(at[4]), (V, B), real)
    m_U = carray(pointer(at[5]), (V, J), real)
    v_U = carray(pointer(at[6]), (V, J), real)
    m_b = carray(pointer(at[7]), (V,), real)
    v_b = carray(pointer(at[8]), (V,), real)
    a_dy = carray(pointer(at[9]), (B, J), real)
    y_max_tile = carray(pointer(at[10]), ((V + 511) // 512, B), real)
    y_max_shift = carray(pointer(at[11]), ((V + 511) // 512, B), real)
    da_sum_tile_parts = carray(pointer(at[12]), (parts, B, J), real)
    a_dy_tile_parts = carray(pointer(at[13]), (parts, B, J), real)
    da_sum_parts = carray(pointer(at[14]), (parts, B, J), real)
    dU_parts = carray(pointer(at[15]), (parts, 512, J), real)
    db_parts = carray(pointer(at[16]), (parts, 512), real)
    da_sum_tile = da_sum_tile_parts[part]
    a_dy_tile = a_dy_tile_parts[part]
    da_sum = da_sum_parts[part]
    dU = dU_parts[part]
    db = db_parts[part]
    a = o
    m_U_new = m_U
    v_U_new = v_U
    U_new = U
    m_b_new = m_b
    v_b_new = v_b
    b_new = b
    p_exp_tile = y
    db_rows_tile = y_max_tile
    da_sum[...] = 0
    tiles = (V + 511) // 512
    for tile in range(tiles * (part + 1) // parts - 1, tiles * part // parts - 1, -1):
        start, stop = tile * 512, min(tile * 512 + 512, V)
        # da_sum_tile[tile,e,j] = sum_v U[v,j]*p_exp_tile[v,e]*[v//512 == tile]
        product(
            (B, J, stop - start), (address(p_exp_tile, start), B, TRANSPOSED), (address(U, start), J, AS_IS),
            1.0, 0.0, (address(da_sum_tile), J),
        )
        for e in range(B):
            for j in range(J):
                da_sum[e, j] += y_max_shift[tile, e] * da_sum_tile[e, j]
                # a_dy_tile[tile,e,j] = y_max_shift[tile,e]*a_dy[e,j]
                a_dy_tile[e, j] = y_max_shift[tile, e] * a_dy[e, j]
        # F4 was: y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
        # (dU) dU[v,j] = (sum_e p_exp_tile[v,e]*a_dy_tile[v//512,e,j]) - 1/B * sum_e [v == word[e]]*a[e,j]
        product(
            (stop - start, J, B), (address(p_exp_tile, start), B, AS_IS), (address(a_dy_tile), J, AS_IS),
            1.0, 0.0, (address(dU), J),
        )
        for e in range(B):
            if start <= word[e] < stop:
                word_e = word[e]
                for j in range(J):
                    dU[word_e - start, j] -= a[e, j] / real(B)
        # F4 was: y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
        # (db) db[v] = (1/B * sum_e p_exp_tile[v,e]*db_rows_tile[v//512,e]) - 1/B * sum_e [v == word[e]]
        for v in range(start, stop):
            db_total = real(0)
            for e in range(B):
                db_total = plus(db_total, p_exp_tile[v, e] * db_rows_tile[tile, e])
            db[v - start] = db_total / real(B)
        for e in range(B):
            if start <= word[e] < stop:
                db[word[e] - start] -= real(1.0) / real(B)
        # (U12) m_U_new[v,j] = beta1*m_U[v,j] + dU[v,j]*(1 - beta1)
        for v in range(start, stop):
            for j in range(J):
                m_U_new[v, j] = real(beta1) * m_U[v, j] + dU[v - start, j] * (real(1.0) - real(beta1))
                # (U13) v_U_new[v,j] = dU[v,j]**2*(1 - beta2) + beta2*v_U[v,j]
                v_U_new[v, j] = dU[v - start, j] ** 2 * (real(1.0) - real(beta2)) + real(beta2) * v_U[v, j]
                # (U14) U_new[v,j] = U[v,j]*(1 - lr*weight_decay) - lr*C_new_factor*m_U_new[v,j]/(eps + sqrt(C_new_factor2*v_U_new[v,j]))
                U_new[v, j] = U[v, j] * (real(1.0) - real(lr) * real(weight_decay)) - real(lr) * real(C_new_factor) * m_U_new[v, j] / (real(eps) + sqrt(real(C_new_factor2) * v_U_new[v, j]))
        # (U15) m_b_new[v] = beta1*m_b[v] + db[v]*(1 - beta1)
        for v in range(start, stop):
            m_b_new[v] = real(beta1) * m_b[v] + db[v - start] * (real(1.0) - real(beta1))
            # (U16) v_b_new[v] = db[v]**2*(1 - beta2) + beta2*v_b[v]
            v_b_new[v] = db[v - start] ** 2 * (real(1.0) - real(beta2)) + real(beta2) * v_b[v]
            # (U17) b_new[v] = b[v]*(1 - lr*weight_decay) - lr*C_new_factor*m_b_new[v]/(eps + sqrt(C_new_factor2*v_b_new[v]))
            b_new[v] = b[v] * (real(1.0) - real(lr) * real(weight_decay)) - real(lr) * real(C_new_factor) * m_b_new[v] / (real(eps) + sqrt(real(C_new_factor2) * v_b_new[v]))


@njit(cache=True, parallel=True)
def run_step_sweep_2(parts, B, J, V, lr, weight_decay, beta1, beta2, eps, C_new_factor, C_new_factor2, at):
    if parts == 1:
        step_sweep_2(
            parts - 1, parts, B, J, V, lr, weight_decay, beta1, beta2, eps, C_new_factor, C_new_factor2, at,
        )
        return
    for part in prange(parts):
        step_sweep_2(
            np.int64(part), parts, B, J, V, lr, weight_decay, beta1, beta2, eps, C_new_factor, C_new_factor2,
            at,
        )


@for_c(types.void(*[types.intp] * 6, *[types.float64] * 7, *[ADDRESSES] * 1))
def step_sweep_3(
    part, parts, B, V, M, N, lr, weight_decay, beta1, beta2, eps, C_new_factor, C_new_factor2, at,
):
    """Part `part` of `parts`: V, 512 at a time, and all that needs only these."""
    context = carray(pointer(at[0]), (B, N), np.int32)
    C = carray(pointer(at[1]), (V, M), real)
    dx = carray(pointer(at[2]), (B, N, M), real)
    m_C = carray(pointer(at[3]), (V, M), real)
    v_C = carray(pointer(at[4]), (V, M), real)
    dC_parts = carray(pointer(at[5]), (parts, 512, M), real)
    dC = dC_parts[part]
    m_C_new = m_C
    v_C_new = v_C
    C_new = C
    tiles = (V + 511) // 512
    for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
        start, stop = tile * 512, min(tile * 512 + 512, V)
        # F1 was: x[e,t,m] = C[context[e,t],m]
        # (dC) dC[v,m] = sum_e,t dx[e,t,m]*[v == context[e,t]]
        for v in range(start, stop):
            for m in range(M):
                dC[v - start, m] = real(0.0)
        for e in range(B):
            for t_ in range(N):
                if start <= context[e, t_] < stop:
                    context_e_t_ = context[e, t_]
                    for m in range(M):
                        dC[context_e_t_ - start, m] += dx[e, t_, m]
        # (U3) m_C_new[v,m] = beta1*m_C[v,m] + dC[v,m]*(1 - beta1)
        for v in range(start, stop):
            for m in range(M):
                m_C_new[v, m] = real(beta1) * m_C[v, m] + dC[v - start, m] * (real(1.0) - real(beta1))
                # (U4) v_C_new[v,m] = dC[v,m]**2*(1 - beta2) + beta2*v_C[v,m]
                v_C_new[v, m] = dC[v - start, m] ** 2 * (real(1.0) - real(beta2)) + real(beta2) * v_C[v, m]
                # (U5) C_new[v,m] = C[v,m]*(1 - lr*weight_decay) - lr*C_new_factor*m_C_new[v,m]/(eps + sqrt(C_new_factor2*v_C_new[v,m]))
                C_new[v, m] = C[v, m] * (real(1.0) - real(lr) * real(weight_decay)) - real(lr) * real(C_new_factor) * m_C_new[v, m] / (real(eps) + sqrt(real(C_new_factor2) * v_C_new[v, m]))


@njit(cache=True, parallel=True)
def run_step_sweep_3(
    parts, B, V, M, N, lr, weight_decay, beta1, beta2, eps, C_new_factor, C_new_factor2, at,
):
    if parts == 1:
        step_sweep_3(
            parts - 1, parts, B, V, M, N, lr, weight_decay, beta1, beta2, eps, C_new_factor, C_new_factor2, at,
        )
        return
    for part in prange(parts):
        step_sweep_3(
            np.int64(part), parts, B, V, M, N, lr, weight_decay, beta1, beta2, eps, C_new_factor, C_new_factor2,
            at,
        )


@for_c(types.float64(*[types.intp] * 6, *[types.float64] * 6, *[ADDRESSES] * 1))
def step(B, J, V, M, N, threads, lr, weight_decay, beta1, beta2, eps, t, at):
    """One step in place; the loss before it.  A loss that is not finite leaves everything untouched.

    Arrays: context (B,N), word (B), C (V,M), H (J,N,M), d (J), U (V,J), b (V), m_H (J,N,M), v_H (J,N,M), m_d (J),
    v_d (J), x (B,N,M), o (B,J), a_turned (J,B), U_word (B,J), y_word (B), y_max_tile ((V + 511)//512,B), y_max (B),
    y_max_shift ((V + 511)//512,B), p_sum_tile ((V + 511)//512,B), p_sum (B), da_sum (B,J), dx (B,N,M), dH (J,N,M),
    dd (J), a_dy (B,J)
    """
    context = carray(pointer(at[0]), (B, N), np.int32)
    word = carray(pointer(at[1]), (B,), np.int32)
    da_sum_parts = at[2]
    C = carray(pointer(at[3]), (V, M), real)
    H = carray(pointer(at[4]), (J, N, M), real)
    d = carray(pointer(at[5]), (J,), real)
    U = carray(pointer(at[6]), (V, J), real)
    b = carray(pointer(at[7]), (V,), real)
    x = carray(pointer(at[8]), (B, N, M), real)
    o = carray(pointer(at[9]), (B, J), real)
    dx = carray(pointer(at[10]), (B, N, M), real)
    dH = carray(pointer(at[11]), (J, N, M), real)
    dd = carray(pointer(at[12]), (J,), real)
    m_H = carray(pointer(at[13]), (J, N, M), real)
    v_H = carray(pointer(at[14]), (J, N, M), real)
    m_d = carray(pointer(at[15]), (J,), real)
    v_d = carray(pointer(at[16]), (J,), real)
    y_max = carray(pointer(at[17]), (B,), real)
    y_word = carray(pointer(at[18]), (B,), real)
    p_sum = carray(pointer(at[19]), (B,), real)
    U_word = carray(pointer(at[20]), (B, J), real)
    a_turned = carray(pointer(at[21]), (J, B), real)
    da_sum = carray(pointer(at[22]), (B, J), real)
    a_dy = carray(pointer(at[23]), (B, J), real)
    y_max_tile = carray(pointer(at[24]), ((V + 511) // 512, B), real)
    y_max_shift = carray(pointer(at[25]), ((V + 511) // 512, B), real)
    p_sum_tile = carray(pointer(at[26]), ((V + 511) // 512, B), real)
    at_1 = at[27]
    at_2 = at[28]
    at_3 = at[29]
    a = o  # in the same array
    da = da_sum  # in the same array
    do = da_sum  # in the same array
    db_rows_tile = y_max_tile  # in the same array
    m_H_new = m_H  # in the same array
    v_H_new = v_H  # in the same array
    H_new = H  # in the same array
    m_d_new = m_d  # in the same array
    v_d_new = v_d  # in the same array
    d_new = d  # in the same array
    # (F1) x[e,t,m] = C[context[e,t],m]
    for e in range(B):
        for t_ in range(N):
            context_e_t_ = context[e, t_]
            for m in range(M):
                x[e, t_, m] = C[context_e_t_, m]
    # (F2) o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    product((B, J, N*M), (address(x), N*M, AS_IS), (address(H), N*M, TRANSPOSED), 1.0, 0.0, (address(o), J))
    for e in range(B):
        for j in range(J):
            o[e, j] += d[j]
            # (F3) a[e,j] = tanh(o[e,j])
            a[e, j] = tanh(o[e, j])
    # a_turned[j,e] = a[e,j]
    for j in range(J):
        for e in range(B):
            a_turned[j, e] = a[e, j]
    # b_word[e] = b[word[e]]
    for e in range(B):
        b_word = b[word[e]]
        # U_word[e,j] = U[word[e],j]
        y_word_total = real(0)
        word_e = word[e]
        for j in range(J):
            U_word[e, j] = U[word_e, j]
            # y_word[e] = b_word[e] + sum_j U_word[e,j]*a[e,j]
            y_word_total = plus(y_word_total, U_word[e, j] * a[e, j])
        y_word[e] = b_word + y_word_total
    # p_sum[e] = sum_tile y_max_shift[tile,e]*p_sum_tile[tile,e]
    p_sum[...] = 0
    # da_sum[e,j] = sum_tile y_max_shift[tile,e]*da_sum_tile[tile,e,j]
    da_sum[...] = 0
    # F2 was: o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    # (dd) dd[j] = sum_e do[e,j]
    dd[...] = 0
    # C_new_factor = 1/(1 - beta1**t)
    C_new_factor = 1.0 / (1.0 - beta1 ** t)
    # C_new_factor2 = 1/(1 - beta2**t)
    C_new_factor2 = 1.0 / (1.0 - beta2 ** t)
    parts = parts_for(V * B * J, threads)
    run_step_sweep_1(parts, B, J, V, at_1)
    # (y_max) y_max[e] = max_tile y_max_tile[tile,e]
    for e in range(B):
        y_max_total = real(-np.inf)
        for tile in range((V + 511) // 512):
            y_max_total = larger(y_max_total, y_max_tile[tile, e])
        y_max[e] = y_max_total
    # y_max_shift[tile,e] = exp(y_max_tile[tile,e] - y_max[e])
    for tile in range((V + 511) // 512):
        for e in range(B):
            y_max_shift[tile, e] = exp(y_max_tile[tile, e] - y_max[e])
            p_sum[e] += y_max_shift[tile, e] * p_sum_tile[tile, e]
    # (F6) L = -1/B * sum_e (y_word[e] - y_max[e] - log(p_sum[e]))
    L_total = 0.0
    for e in range(B):
        L_total = plus(L_total, y_word[e] - y_max[e] - log(p_sum[e]))
        # a_dy[e,j] = a[e,j]/(B*p_sum[e])
        for j in range(J):
            a_dy[e, j] = a[e, j] / (real(B) * p_sum[e])
    L = -L_total / B
    # db_rows_tile[tile,e] = y_max_shift[tile,e]/p_sum[e]
    for tile in range((V + 511) // 512):
        for e in range(B):
            db_rows_tile[tile, e] = y_max_shift[tile, e] / p_sum[e]
    if not isfinite(L):
        return L
    parts = parts_for(B * J * V, threads)
    run_step_sweep_2(parts, B, J, V, lr, weight_decay, beta1, beta2, eps, C_new_factor, C_new_factor2, at_2)
    add_parts(parts, B * J, address(da_sum), da_sum_parts)
    # F4 was: y[e,v] = b[v] + sum_j U[v,j]*a[e,j]
    # (da) da[e,j] = da_sum[e,j]/(B*p_sum[e]) - U_word[e,j]/B
    for e in range(B):
        for j in range(J):
            da[e, j] = da_sum[e, j] / (real(B) * p_sum[e]) - U_word[e, j] / real(B)
            # F3 was: a[e,j] = tanh(o[e,j])
            # (do) do[e,j] = (1 - a[e,j]**2)*da[e,j]
            do[e, j] = (real(1.0) - a[e, j] ** 2) * da[e, j]
            dd[j] += do[e, j]
    # F2 was: o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    # (dx) dx[e,t,m] = sum_j H[j,t,m]*do[e,j]
    product((B, N*M, J), (address(do), J, AS_IS), (address(H), N*M, AS_IS), 1.0, 0.0, (address(dx), N*M))
    # F2 was: o[e,j] = d[j] + sum_t,m H[j,t,m]*x[e,t,m]
    # (dH) dH[j,t,m] = sum_e do[e,j]*x[e,t,m]
    product((J, N*M, B), (address(do), J, TRANSPOSED), (address(x), N*M, AS_IS), 1.0, 0.0, (address(dH), N*M))
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
    parts = parts_for(max(B * N * M, V * M), threads)
    run_step_sweep_3(parts, B, V, M, N, lr, weight_decay, beta1, beta2, eps, C_new_factor, C_new_factor2, at_3)
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def train_steps(
    order, lr, weight_decay, beta1, beta2, eps, t, context, word, losses, threads, B, N, V, M, J,
    context_batch, word_batch, at,
):
    """The steps of `train_chunk`, when all is made."""
    for turn in range(order.shape[0]):
        for row in range(B):
            for axis1 in range(context.shape[1]):
                context_batch[row, axis1] = context[order[turn, row], axis1]
            word_batch[row] = word[order[turn, row]]
        losses[turn] = step(
            B, J, V, M, N, threads, lr[turn], weight_decay[turn], beta1[turn], beta2[turn], eps[turn], t[turn],
            address(at),
        )
        if not math.isfinite(losses[turn]):
            return turn
    return order.shape[0]


def train_chunk(
    order, lr, weight_decay, beta1, beta2, eps, t, context, word, C, H, d, U, b, m_C, v_C, m_H, v_H,
    m_d, v_d, m_U, v_U, m_b, v_b, losses, threads,
):
    """len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.

    Returns how many steps were done: all, or those before the first loss that is not finite.
    Sweeps run on at most `threads` threads.
    """
    B = order.shape[1]
    N = context.shape[1]
    V = C.shape[0]
    M = C.shape[1]
    J = H.shape[0]
    context_batch = workspace((B, context.shape[1]), np.int32)
    word_batch = workspace((B,), np.int32)
    x = workspace((B, N, M))
    o = workspace((B, J))
    a_turned = workspace((J, B))
    y = workspace((V, B))
    U_word = workspace((B, J))
    y_word = workspace((B,))
    y_max_tile = workspace(((V + 511) // 512, B))
    y_max = workspace((B,))
    y_max_shift = workspace(((V + 511) // 512, B))
    p_sum_tile = workspace(((V + 511) // 512, B))
    p_sum = workspace((B,))
    da_sum = workspace((B, J))
    dx = workspace((B, N, M))
    dH = workspace((J, N, M))
    dd = workspace((J,))
    a_dy = workspace((B, J))
    da_sum_tile_parts = workspace((threads, B, J))
    a_dy_tile_parts = workspace((threads, B, J))
    da_sum_parts = workspace((threads, B, J))
    dU_parts = workspace((threads, 512, J))
    db_parts = workspace((threads, 512))
    dC_parts = workspace((threads, 512, M))
    at_1 = addresses(real, U, b, y, a_turned, y_max_tile, p_sum_tile)
    at_1 = np.array(at_1, np.uintp)
    at_2 = addresses(np.int32, word_batch)
    at_2 += addresses(
        real, U, b, o, y, m_U, v_U, m_b, v_b, a_dy, y_max_tile, y_max_shift, da_sum_tile_parts,
        a_dy_tile_parts, da_sum_parts, dU_parts, db_parts,
    )
    at_2 = np.array(at_2, np.uintp)
    at_3 = addresses(np.int32, context_batch)
    at_3 += addresses(real, C, dx, m_C, v_C, dC_parts)
    at_3 = np.array(at_3, np.uintp)
    at = addresses(np.int32, context_batch, word_batch)
    at += addresses(real, da_sum_parts)
    at += addresses(
        real, C, H, d, U, b, x, o, dx, dH, dd, m_H, v_H, m_d, v_d, y_max, y_word, p_sum, U_word, a_turned,
        da_sum, a_dy, y_max_tile, y_max_shift, p_sum_tile,
    )
    at += addresses(np.uintp, at_1, at_2, at_3)
    at = np.array(at, np.uintp)
    link()
    steps = train_steps(
        order, lr, weight_decay, beta1, beta2, eps, t, context, word, losses, threads, B, N, V, M, J,
        context_batch, word_batch, at,
    )
    spare(
        context_batch, word_batch, x, o, a_turned, y, U_word, y_word, y_max_tile, y_max, y_max_shift,
        p_sum_tile, p_sum, da_sum, dx, dH, dd, a_dy, da_sum_tile_parts, a_dy_tile_parts, da_sum_parts,
        dU_parts, db_parts, dC_parts,
    )
    return steps


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def mean_loss(context, word, C, H, d, U, b, batch):
    """The loss over all rows of the data, `batch` rows at a time, each row weighing the same."""
    rows = context.shape[0]
    total = 0.0
    for start in range(0, rows, batch):
        stop = min(start + batch, rows)
        total += (stop - start) * loss(context[start:stop], word[start:stop], C, H, d, U, b)
    return total / rows
