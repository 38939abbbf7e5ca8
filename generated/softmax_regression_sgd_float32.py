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

import contextlib
import math
import mmap
import threading
from math import isfinite

import numpy as np
from llvmlite import binding
from numba import carray, cfunc, get_num_threads, njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic

real = np.float32
f32 = np.float32
FAST = {"contract", "nsz"}  # multiply and add in one rounding; NaN and infinity keep their meaning
DIGEST = "38857ab7e009"  # of what follows: functions of another file have other names
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


@njit(cache=True, fastmath=FAST, error_model="numpy")
def loss_sweep_1(part, parts, B, D, K, W, c, X, o_max_tile, L_sum_tile, o_parts):
    """Part `part` of `parts`: K, 512 at a time, and all that needs only these."""
    o = o_parts[part]
    tiles = (K + 511) // 512
    for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
        start, stop = tile * 512, min(tile * 512 + 512, K)
        # o_max_tile[tile,b] = max_k2 (o[k2,b] if [k2//512 == tile] else least)
        for b in range(B):
            o_max_tile[tile, b] = LEAST
        # L_sum_tile[tile,b] = sum_k2 exp(o[k2,b] - o_max_tile[k2//512,b])*[k2//512 == tile]
        for b in range(B):
            L_sum_tile[tile, b] = real(0.0)
        # (F1) o[k,b] = c[k] + sum_d W[d,k]*X[b,d]
        product(
            (stop - start, B, D), (address(W, 0, start), K, TRANSPOSED), (address(X), D, TRANSPOSED),
            1.0, 0.0, (address(o), B),
        )
        for k in range(start, stop):
            for b in range(B):
                o[k - start, b] += c[k]
                o_max_tile[tile, b] = larger(o_max_tile[tile, b], o[k - start, b])
        for k2 in range(start, stop):
            for b in range(B):
                L_sum_tile[tile, b] += exp(o[k2 - start, b] - o_max_tile[tile, b])


@njit(cache=True, fastmath=FAST, error_model="numpy")
def loss(X, y, W, c):
    """The loss L of one batch; nothing is changed.

    Arrays: X (B,D), y (B), W (D,K), c (K)
    """
    B = X.shape[0]
    D = X.shape[1]
    K = W.shape[1]
    o_y = np.empty((B,), real)
    o_max_tile = np.empty(((K + 511) // 512, B), real)
    o_max = np.empty((B,), real)
    L_sum_tile = np.empty(((K + 511) // 512, B), real)
    L_sum = np.empty((B,), real)
    o_parts = np.empty((1, 512, B), real)
    # c_y[b] = c[y[b]]
    for b in range(B):
        c_y = c[y[b]]
        # W_y[b,d] = W[d,y[b]]
        o_y_total = real(0)
        y_b = y[b]
        for d in range(D):
            W_y = W[d, y_b]
            # o_y[b] = c_y[b] + sum_d W_y[b,d]*X[b,d]
            o_y_total = plus(o_y_total, W_y * X[b, d])
        o_y[b] = c_y + o_y_total
    # L_sum[b] = sum_tile o_max_shift[tile,b]*L_sum_tile[tile,b]
    L_sum[...] = 0
    parts = 1
    loss_sweep_1(parts - 1, parts, B, D, K, W, c, X, o_max_tile, L_sum_tile, o_parts)
    # (o_max) o_max[b] = max_tile o_max_tile[tile,b]
    for b in range(B):
        o_max_total = real(-np.inf)
        for tile in range((K + 511) // 512):
            o_max_total = larger(o_max_total, o_max_tile[tile, b])
        o_max[b] = o_max_total
    # o_max_shift[tile,b] = exp(o_max_tile[tile,b] - o_max[b])
    for tile in range((K + 511) // 512):
        for b in range(B):
            o_max_shift = exp(o_max_tile[tile, b] - o_max[b])
            L_sum[b] += o_max_shift * L_sum_tile[tile, b]
    # (F3) L = -1/B * sum_b (o_y[b] - o_max[b] - log(L_sum[b]))
    L_total = 0.0
    for b in range(B):
        L_total = plus(L_total, o_y[b] - o_max[b] - log(L_sum[b]))
    L = -L_total / B
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def gradients_sweep_1(part, parts, B, D, K, W, c, X, o, o_max_tile, p_sum_tile):
    """Part `part` of `parts`: K, 512 at a time, and all that needs only these."""
    p_exp_tile = o
    tiles = (K + 511) // 512
    for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
        start, stop = tile * 512, min(tile * 512 + 512, K)
        # o_max_tile[tile,b] = max_k2 (o[k2,b] if [k2//512 == tile] else least)
        for b in range(B):
            o_max_tile[tile, b] = LEAST
        # p_sum_tile[tile,b] = sum_k2 p_exp_tile[k2,b]*[k2//512 == tile]
        for b in range(B):
            p_sum_tile[tile, b] = real(0.0)
        # (F1) o[k,b] = c[k] + sum_d W[d,k]*X[b,d]
        product(
            (stop - start, B, D), (address(W, 0, start), K, TRANSPOSED), (address(X), D, TRANSPOSED),
            1.0, 0.0, (address(o, start), B),
        )
        for k in range(start, stop):
            for b in range(B):
                o[k, b] += c[k]
                o_max_tile[tile, b] = larger(o_max_tile[tile, b], o[k, b])
        # p_exp_tile[k,b] = exp(o[k,b] - o_max_tile[k//512,b])
        for k in range(start, stop):
            for b in range(B):
                p_exp_tile[k, b] = exp(o[k, b] - o_max_tile[tile, b])
                p_sum_tile[tile, b] += p_exp_tile[k, b]


@njit(cache=True, fastmath=FAST, error_model="numpy")
def gradients_sweep_2(
    part, parts, B, D, K, y, W, X, o, X_do, o_max_tile, o_max_shift, dW, dc, X_do_tile_parts,
    dX_sum_tile_parts, dX_sum_parts,
):
    """Part `part` of `parts`: K, 512 at a time, from the last to the first, and all that needs only these."""
    X_do_tile = X_do_tile_parts[part]
    dX_sum_tile = dX_sum_tile_parts[part]
    dX_sum = dX_sum_parts[part]
    p_exp_tile = o
    dc_rows_tile = o_max_tile
    dX_sum[...] = 0
    tiles = (K + 511) // 512
    for tile in range(tiles * (part + 1) // parts - 1, tiles * part // parts - 1, -1):
        start, stop = tile * 512, min(tile * 512 + 512, K)
        # X_do_tile[tile,b,d] = o_max_shift[tile,b]*X_do[b,d]
        for b in range(B):
            for d in range(D):
                X_do_tile[b, d] = o_max_shift[tile, b] * X_do[b, d]
        # F1 was: o[b,k] = c[k] + sum_d W[d,k]*X[b,d]
        # (dW) dW[d,k] = (sum_b p_exp_tile[k,b]*X_do_tile[k//512,b,d]) - 1/B * sum_b [k == y[b]]*X[b,d]
        product(
            (D, stop - start, B), (address(X_do_tile), D, TRANSPOSED), (address(p_exp_tile, start), B, TRANSPOSED),
            1.0, 0.0, (address(dW, 0, start), K),
        )
        for b in range(B):
            if start <= y[b] < stop:
                y_b = y[b]
                for d in range(D):
                    dW[d, y_b] -= X[b, d] / real(B)
        # F1 was: o[b,k] = c[k] + sum_d W[d,k]*X[b,d]
        # (dc) dc[k] = (1/B * sum_b p_exp_tile[k,b]*dc_rows_tile[k//512,b]) - 1/B * sum_b [k == y[b]]
        for k in range(start, stop):
            dc_total = real(0)
            for b in range(B):
                dc_total = plus(dc_total, p_exp_tile[k, b] * dc_rows_tile[tile, b])
            dc[k] = dc_total / real(B)
        for b in range(B):
            if start <= y[b] < stop:
                dc[y[b]] -= real(1.0) / real(B)
        # dX_sum_tile[tile,b,d] = sum_k W[d,k]*p_exp_tile[k,b]*[k//512 == tile]
        product(
            (B, D, stop - start), (address(p_exp_tile, start), B, TRANSPOSED), (address(W, 0, start), K, TRANSPOSED),
            1.0, 0.0, (address(dX_sum_tile), D),
        )
        for b in range(B):
            for d in range(D):
                dX_sum[b, d] += o_max_shift[tile, b] * dX_sum_tile[b, d]


@njit(cache=True, fastmath=FAST, error_model="numpy")
def gradients(X, y, W, c):
    """The loss of one batch and its gradients: (L, dW, dc, dX).

    Arrays: X (B,D), y (B), W (D,K), c (K)
    """
    B = X.shape[0]
    D = X.shape[1]
    K = W.shape[1]
    o = np.empty((K, B), real)
    W_y = np.empty((B, D), real)
    o_y = np.empty((B,), real)
    o_max_tile = np.empty(((K + 511) // 512, B), real)
    o_max = np.empty((B,), real)
    o_max_shift = np.empty(((K + 511) // 512, B), real)
    p_sum_tile = np.empty(((K + 511) // 512, B), real)
    p_sum = np.empty((B,), real)
    X_do = np.empty((B, D), real)
    dX_sum = np.empty((B, D), real)
    dW = np.empty((D, K), real)
    dc = np.empty((K,), real)
    dX = np.empty((B, D), real)
    X_do_tile_parts = np.empty((1, B, D), real)
    dX_sum_tile_parts = np.empty((1, B, D), real)
    dX_sum_parts = np.empty((1, B, D), real)
    p_exp_tile = o  # in the same array
    dc_rows_tile = o_max_tile  # in the same array
    # c_y[b] = c[y[b]]
    for b in range(B):
        c_y = c[y[b]]
        # W_y[b,d] = W[d,y[b]]
        o_y_total = real(0)
        y_b = y[b]
        for d in range(D):
            W_y[b, d] = W[d, y_b]
            # o_y[b] = c_y[b] + sum_d W_y[b,d]*X[b,d]
            o_y_total = plus(o_y_total, W_y[b, d] * X[b, d])
        o_y[b] = c_y + o_y_total
    # p_sum[b] = sum_tile o_max_shift[tile,b]*p_sum_tile[tile,b]
    p_sum[...] = 0
    # dX_sum[b,d] = sum_tile o_max_shift[tile,b]*dX_sum_tile[tile,b,d]
    dX_sum[...] = 0
    parts = 1
    gradients_sweep_1(parts - 1, parts, B, D, K, W, c, X, o, o_max_tile, p_sum_tile)
    # (o_max) o_max[b] = max_tile o_max_tile[tile,b]
    for b in range(B):
        o_max_total = real(-np.inf)
        for tile in range((K + 511) // 512):
            o_max_total = larger(o_max_total, o_max_tile[tile, b])
        o_max[b] = o_max_total
    # o_max_shift[tile,b] = exp(o_max_tile[tile,b] - o_max[b])
    for tile in range((K + 511) // 512):
        for b in range(B):
            o_max_shift[tile, b] = exp(o_max_tile[tile, b] - o_max[b])
            p_sum[b] += o_max_shift[tile, b] * p_sum_tile[tile, b]
    # (F3) L = -1/B * sum_b (o_y[b] - o_max[b] - log(p_sum[b]))
    L_total = 0.0
    for b in range(B):
        L_total = plus(L_total, o_y[b] - o_max[b] - log(p_sum[b]))
        # X_do[b,d] = X[b,d]/(B*p_sum[b])
        for d in range(D):
            X_do[b, d] = X[b, d] / (real(B) * p_sum[b])
    L = -L_total / B
    # dc_rows_tile[tile,b] = o_max_shift[tile,b]/p_sum[b]
    for tile in range((K + 511) // 512):
        for b in range(B):
            dc_rows_tile[tile, b] = o_max_shift[tile, b] / p_sum[b]
    parts = 1
    gradients_sweep_2(
        parts - 1, parts, B, D, K, y, W, X, o, X_do, o_max_tile, o_max_shift, dW, dc, X_do_tile_parts,
        dX_sum_tile_parts, dX_sum_parts,
    )
    for part in range(parts):
        for b in range(B):
            for d in range(D):
                dX_sum[b, d] += dX_sum_parts[part, b, d]
    # (dX) dX[b,d] = dX_sum[b,d]/(B*p_sum[b]) - W_y[b,d]/B
    for b in range(B):
        for d in range(D):
            dX[b, d] = dX_sum[b, d] / (real(B) * p_sum[b]) - W_y[b, d] / real(B)
    return L, dW, dc, dX


@for_c(types.void(*[types.intp] * 5, *[ADDRESSES] * 1))
def step_sweep_1(part, parts, B, D, K, at):
    """Part `part` of `parts`: K, 512 at a time, and all that needs only these."""
    W = carray(pointer(at[0]), (D, K), real)
    c = carray(pointer(at[1]), (K,), real)
    X = carray(pointer(at[2]), (B, D), real)
    o = carray(pointer(at[3]), (K, B), real)
    o_max_tile = carray(pointer(at[4]), ((K + 511) // 512, B), real)
    p_sum_tile = carray(pointer(at[5]), ((K + 511) // 512, B), real)
    p_exp_tile = o
    tiles = (K + 511) // 512
    for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
        start, stop = tile * 512, min(tile * 512 + 512, K)
        # o_max_tile[tile,b] = max_k2 (o[k2,b] if [k2//512 == tile] else least)
        for b in range(B):
            o_max_tile[tile, b] = LEAST
        # p_sum_tile[tile,b] = sum_k2 p_exp_tile[k2,b]*[k2//512 == tile]
        for b in range(B):
            p_sum_tile[tile, b] = real(0.0)
        # (F1) o[k,b] = c[k] + sum_d W[d,k]*X[b,d]
        product(
            (stop - start, B, D), (address(W, 0, start), K, TRANSPOSED), (address(X), D, TRANSPOSED),
            1.0, 0.0, (address(o, start), B),
        )
        for k in range(start, stop):
            for b in range(B):
                o[k, b] += c[k]
                o_max_tile[tile, b] = larger(o_max_tile[tile, b], o[k, b])
        # p_exp_tile[k,b] = exp(o[k,b] - o_max_tile[k//512,b])
        for k in range(start, stop):
            for b in range(B):
                p_exp_tile[k, b] = exp(o[k, b] - o_max_tile[tile, b])
                p_sum_tile[tile, b] += p_exp_tile[k, b]


@njit(cache=True, parallel=True)
def run_step_sweep_1(parts, B, D, K, at):
    if parts == 1:
        step_sweep_1(parts - 1, parts, B, D, K, at)
        return
    for part in prange(parts):
        step_sweep_1(np.int64(part), parts, B, D, K, at)


@for_c(types.void(*[types.intp] * 5, *[types.float64] * 1, *[ADDRESSES] * 1))
def step_sweep_2(part, parts, B, D, K, lr, at):
    """Part `part` of `parts`: K, 512 at a time, from the last to the first, and all that needs only these."""
    y = carray(pointer(at[0]), (B,), np.int32)
    W = carray(pointer(at[1]), (D, K), real)
    c = carray(pointer(at[2]), (K,), real)
    X = carray(pointer(at[3]), (B, D), real)
    o = carray(pointer(at[4]), (K, B), real)
    X_do = carray(pointer(at[5]), (B, D), real)
    o_max_tile = carray(pointer(at[6]), ((K + 511) // 512, B), real)
    o_max_shift = carray(pointer(at[7]), ((K + 511) // 512, B), real)
    X_do_tile_parts = carray(pointer(at[8]), (parts, B, D), real)
    X_do_tile = X_do_tile_parts[part]
    W_new = W
    c_new = c
    p_exp_tile = o
    dc_rows_tile = o_max_tile
    tiles = (K + 511) // 512
    for tile in range(tiles * (part + 1) // parts - 1, tiles * part // parts - 1, -1):
        start, stop = tile * 512, min(tile * 512 + 512, K)
        # X_do_tile[tile,b,d] = o_max_shift[tile,b]*X_do[b,d]
        for b in range(B):
            for d in range(D):
                X_do_tile[b, d] = o_max_shift[tile, b] * X_do[b, d]
        # (U1) W_new[d,k] = W[d,k] - (lr * sum_b p_exp_tile[k,b]*X_do_tile[k//512,b,d]) + lr/B * sum_b2 [k == y[b2]]*X[b2,d]
        product(
            (D, stop - start, B), (address(X_do_tile), D, TRANSPOSED), (address(p_exp_tile, start), B, TRANSPOSED),
            -lr, 1.0, (address(W_new, 0, start), K),
        )
        for b2 in range(B):
            if start <= y[b2] < stop:
                y_b2 = y[b2]
                for d in range(D):
                    W_new[d, y_b2] += real(lr) * X[b2, d] / real(B)
        # (U2) c_new[k] = c[k] - (lr/B * sum_b p_exp_tile[k,b]*dc_rows_tile[k//512,b]) + lr/B * sum_b2 [k == y[b2]]
        for k in range(start, stop):
            c_new_total = real(0)
            for b in range(B):
                c_new_total = plus(c_new_total, p_exp_tile[k, b] * dc_rows_tile[tile, b])
            c_new[k] -= real(lr) * c_new_total / real(B)
        for b2 in range(B):
            if start <= y[b2] < stop:
                c_new[y[b2]] += real(lr) / real(B)


@njit(cache=True, parallel=True)
def run_step_sweep_2(parts, B, D, K, lr, at):
    if parts == 1:
        step_sweep_2(parts - 1, parts, B, D, K, lr, at)
        return
    for part in prange(parts):
        step_sweep_2(np.int64(part), parts, B, D, K, lr, at)


@for_c(types.float64(*[types.intp] * 4, *[types.float64] * 1, *[ADDRESSES] * 1))
def step(B, D, K, threads, lr, at):
    """One step in place; the loss before it.  A loss that is not finite leaves everything untouched.

    Arrays: X (B,D), y (B), W (D,K), c (K), o_y (B), o_max_tile ((K + 511)//512,B), o_max (B), o_max_shift ((K +
    511)//512,B), p_sum_tile ((K + 511)//512,B), p_sum (B), X_do (B,D)
    """
    y = carray(pointer(at[0]), (B,), np.int32)
    W = carray(pointer(at[1]), (D, K), real)
    c = carray(pointer(at[2]), (K,), real)
    X = carray(pointer(at[3]), (B, D), real)
    o_max = carray(pointer(at[4]), (B,), real)
    o_y = carray(pointer(at[5]), (B,), real)
    p_sum = carray(pointer(at[6]), (B,), real)
    X_do = carray(pointer(at[7]), (B, D), real)
    o_max_tile = carray(pointer(at[8]), ((K + 511) // 512, B), real)
    o_max_shift = carray(pointer(at[9]), ((K + 511) // 512, B), real)
    p_sum_tile = carray(pointer(at[10]), ((K + 511) // 512, B), real)
    at_1 = at[11]
    at_2 = at[12]
    dc_rows_tile = o_max_tile  # in the same array
    # c_y[b] = c[y[b]]
    for b in range(B):
        c_y = c[y[b]]
        # W_y[b,d] = W[d,y[b]]
        o_y_total = real(0)
        y_b = y[b]
        for d in range(D):
            W_y = W[d, y_b]
            # o_y[b] = c_y[b] + sum_d W_y[b,d]*X[b,d]
            o_y_total = plus(o_y_total, W_y * X[b, d])
        o_y[b] = c_y + o_y_total
    # p_sum[b] = sum_tile o_max_shift[tile,b]*p_sum_tile[tile,b]
    p_sum[...] = 0
    parts = parts_for(K * B * D, threads)
    run_step_sweep_1(parts, B, D, K, at_1)
    # (o_max) o_max[b] = max_tile o_max_tile[tile,b]
    for b in range(B):
        o_max_total = real(-np.inf)
        for tile in range((K + 511) // 512):
            o_max_total = larger(o_max_total, o_max_tile[tile, b])
        o_max[b] = o_max_total
    # o_max_shift[tile,b] = exp(o_max_tile[tile,b] - o_max[b])
    for tile in range((K + 511) // 512):
        for b in range(B):
            o_max_shift[tile, b] = exp(o_max_tile[tile, b] - o_max[b])
            p_sum[b] += o_max_shift[tile, b] * p_sum_tile[tile, b]
    # (F3) L = -1/B * sum_b (o_y[b] - o_max[b] - log(p_sum[b]))
    L_total = 0.0
    for b in range(B):
        L_total = plus(L_total, o_y[b] - o_max[b] - log(p_sum[b]))
        # X_do[b,d] = X[b,d]/(B*p_sum[b])
        for d in range(D):
            X_do[b, d] = X[b, d] / (real(B) * p_sum[b])
    L = -L_total / B
    # dc_rows_tile[tile,b] = o_max_shift[tile,b]/p_sum[b]
    for tile in range((K + 511) // 512):
        for b in range(B):
            dc_rows_tile[tile, b] = o_max_shift[tile, b] / p_sum[b]
    if not isfinite(L):
        return L
    parts = parts_for(D * K * B, threads)
    run_step_sweep_2(parts, B, D, K, lr, at_2)
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def train_steps(order, lr, X, y, losses, threads, B, D, K, X_batch, y_batch, at):
    """The steps of `train_chunk`, when all is made."""
    for turn in range(order.shape[0]):
        for row in range(B):
            for axis1 in range(X.shape[1]):
                X_batch[row, axis1] = X[order[turn, row], axis1]
            y_batch[row] = y[order[turn, row]]
        losses[turn] = step(B, D, K, threads, lr[turn], address(at))
        if not math.isfinite(losses[turn]):
            return turn
    return order.shape[0]


def train_chunk(order, lr, X, y, W, c, losses, threads):
    """len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.

    Returns how many steps were done: all, or those before the first loss that is not finite.
    Sweeps run on at most `threads` threads.
    """
    B = order.shape[1]
    D = X.shape[1]
    K = W.shape[1]
    X_batch = workspace((B, X.shape[1]))
    y_batch = workspace((B,), np.int32)
    o = workspace((K, B))
    o_y = workspace((B,))
    o_max_tile = workspace(((K + 511) // 512, B))
    o_max = workspace((B,))
    o_max_shift = workspace(((K + 511) // 512, B))
    p_sum_tile = workspace(((K + 511) // 512, B))
    p_sum = workspace((B,))
    X_do = workspace((B, D))
    X_do_tile_parts = workspace((threads, B, D))
    at_1 = addresses(real, W, c, X_batch, o, o_max_tile, p_sum_tile)
    at_1 = np.array(at_1, np.uintp)
    at_2 = addresses(np.int32, y_batch)
    at_2 += addresses(real, W, c, X_batch, o, X_do, o_max_tile, o_max_shift, X_do_tile_parts)
    at_2 = np.array(at_2, np.uintp)
    at = addresses(np.int32, y_batch)
    at += addresses(real, W, c, X_batch, o_max, o_y, p_sum, X_do, o_max_tile, o_max_shift, p_sum_tile)
    at += addresses(np.uintp, at_1, at_2)
    at = np.array(at, np.uintp)
    link()
    steps = train_steps(order, lr, X, y, losses, threads, B, D, K, X_batch, y_batch, at)
    spare(X_batch, y_batch, o, o_y, o_max_tile, o_max, o_max_shift, p_sum_tile, p_sum, X_do, X_do_tile_parts)
    return steps


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def mean_loss(X, y, W, c, batch):
    """The loss over all rows of the data, `batch` rows at a time, each row weighing the same."""
    rows = X.shape[0]
    total = 0.0
    for start in range(0, rows, batch):
        stop = min(start + batch, rows)
        total += (stop - start) * loss(X[start:stop], y[start:stop], W, c)
    return total / rows
