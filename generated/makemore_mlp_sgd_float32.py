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
DIGEST = "75cf31876303"  # of what follows: functions of another file have other names
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
def loss_sweep_1(part, parts, B, H, V, W2, b2, h_turned, o_max_tile, L_sum_tile, o_parts):
    """Part `part` of `parts`: V, 512 at a time, and all that needs only these."""
    o = o_parts[part]
    tiles = (V + 511) // 512
    for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
        start, stop = tile * 512, min(tile * 512 + 512, V)
        # o_max_tile[tile,b] = max_v2 (o[v2,b] if [v2//512 == tile] else least)
        for b in range(B):
            o_max_tile[tile, b] = LEAST
        # L_sum_tile[tile,b] = sum_v2 exp(o[v2,b] - o_max_tile[v2//512,b])*[v2//512 == tile]
        for b in range(B):
            L_sum_tile[tile, b] = real(0.0)
        # (F3) o[v,b] = b2[v] + sum_i W2[v,i]*h_turned[i,b]
        product(
            (stop - start, B, H), (address(W2, start), H, AS_IS), (address(h_turned), B, AS_IS),
            1.0, 0.0, (address(o), B),
        )
        for v in range(start, stop):
            for b in range(B):
                o[v - start, b] += b2[v]
                o_max_tile[tile, b] = larger(o_max_tile[tile, b], o[v - start, b])
        for v2 in range(start, stop):
            for b in range(B):
                L_sum_tile[tile, b] += exp(o[v2 - start, b] - o_max_tile[tile, b])


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
    h_turned = np.empty((H, B), real)
    o_y = np.empty((B,), real)
    o_max_tile = np.empty(((V + 511) // 512, B), real)
    o_max = np.empty((B,), real)
    L_sum_tile = np.empty(((V + 511) // 512, B), real)
    L_sum = np.empty((B,), real)
    o_parts = np.empty((1, 512, B), real)
    h = a  # in the same array
    # C_x[b,t,d] = C[x[b,t],d]
    for b in range(B):
        for t in range(N):
            x_b_t = x[b, t]
            for d in range(D):
                C_x[b, t, d] = C[x_b_t, d]
    # (F1) a[b,i] = b1[i] + sum_t,d C_x[b,t,d]*W1[i,t,d]
    product((B, H, N*D), (address(C_x), N*D, AS_IS), (address(W1), N*D, TRANSPOSED), 1.0, 0.0, (address(a), H))
    for b in range(B):
        for i in range(H):
            a[b, i] += b1[i]
            # (F2) h[b,i] = tanh(a[b,i])
            h[b, i] = tanh(a[b, i])
    # h_turned[i,b] = h[b,i]
    for i in range(H):
        for b in range(B):
            h_turned[i, b] = h[b, i]
    # b2_y[b] = b2[y[b]]
    for b in range(B):
        b2_y = b2[y[b]]
        # W2_y[b,i] = W2[y[b],i]
        o_y_total = real(0)
        y_b = y[b]
        for i in range(H):
            W2_y = W2[y_b, i]
            # o_y[b] = b2_y[b] + sum_i W2_y[b,i]*h[b,i]
            o_y_total = plus(o_y_total, W2_y * h[b, i])
        o_y[b] = b2_y + o_y_total
    # L_sum[b] = sum_tile o_max_shift[tile,b]*L_sum_tile[tile,b]
    L_sum[...] = 0
    parts = 1
    loss_sweep_1(parts - 1, parts, B, H, V, W2, b2, h_turned, o_max_tile, L_sum_tile, o_parts)
    # (o_max) o_max[b] = max_tile o_max_tile[tile,b]
    for b in range(B):
        o_max_total = real(-np.inf)
        for tile in range((V + 511) // 512):
            o_max_total = larger(o_max_total, o_max_tile[tile, b])
        o_max[b] = o_max_total
    # o_max_shift[tile,b] = exp(o_max_tile[tile,b] - o_max[b])
    for tile in range((V + 511) // 512):
        for b in range(B):
            o_max_shift = exp(o_max_tile[tile, b] - o_max[b])
            L_sum[b] += o_max_shift * L_sum_tile[tile, b]
    # (F5) L = -1/B * sum_b (o_y[b] - o_max[b] - log(L_sum[b]))
    L_total = 0.0
    for b in range(B):
        L_total = plus(L_total, o_y[b] - o_max[b] - log(L_sum[b]))
    L = -L_total / B
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def gradients_sweep_1(part, parts, B, H, V, W2, b2, o, h_turned, o_max_tile, p_sum_tile):
    """Part `part` of `parts`: V, 512 at a time, and all that needs only these."""
    p_exp_tile = o
    tiles = (V + 511) // 512
    for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
        start, stop = tile * 512, min(tile * 512 + 512, V)
        # o_max_tile[tile,b] = max_v2 (o[v2,b] if [v2//512 == tile] else least)
        for b in range(B):
            o_max_tile[tile, b] = LEAST
        # p_sum_tile[tile,b] = sum_v2 p_exp_tile[v2,b]*[v2//512 == tile]
        for b in range(B):
            p_sum_tile[tile, b] = real(0.0)
        # (F3) o[v,b] = b2[v] + sum_i W2[v,i]*h_turned[i,b]
        product(
            (stop - start, B, H), (address(W2, start), H, AS_IS), (address(h_turned), B, AS_IS),
            1.0, 0.0, (address(o, start), B),
        )
        for v in range(start, stop):
            for b in range(B):
                o[v, b] += b2[v]
                o_max_tile[tile, b] = larger(o_max_tile[tile, b], o[v, b])
        # p_exp_tile[v,b] = exp(o[v,b] - o_max_tile[v//512,b])
        for v in range(start, stop):
            for b in range(B):
                p_exp_tile[v, b] = exp(o[v, b] - o_max_tile[tile, b])
                p_sum_tile[tile, b] += p_exp_tile[v, b]


@njit(cache=True, fastmath=FAST, error_model="numpy")
def gradients_sweep_2(
    part, parts, B, H, V, y, W2, a, o, h_do, o_max_tile, o_max_shift, dW2, db2, dh_sum_tile_parts,
    h_do_tile_parts, dh_sum_parts,
):
    """Part `part` of `parts`: V, 512 at a time, from the last to the first, and all that needs only these."""
    dh_sum_tile = dh_sum_tile_parts[part]
    h_do_tile = h_do_tile_parts[part]
    dh_sum = dh_sum_parts[part]
    h = a
    p_exp_tile = o
    db2_rows_tile = o_max_tile
    dh_sum[...] = 0
    tiles = (V + 511) // 512
    for tile in range(tiles * (part + 1) // parts - 1, tiles * part // parts - 1, -1):
        start, stop = tile * 512, min(tile * 512 + 512, V)
        # dh_sum_tile[tile,b,i] = sum_v W2[v,i]*p_exp_tile[v,b]*[v//512 == tile]
        product(
            (B, H, stop - start), (address(p_exp_tile, start), B, TRANSPOSED), (address(W2, start), H, AS_IS),
            1.0, 0.0, (address(dh_sum_tile), H),
        )
        for b in range(B):
            for i in range(H):
                dh_sum[b, i] += o_max_shift[tile, b] * dh_sum_tile[b, i]
                # h_do_tile[tile,b,i] = o_max_shift[tile,b]*h_do[b,i]
                h_do_tile[b, i] = o_max_shift[tile, b] * h_do[b, i]
        # F3 was: o[b,v] = b2[v] + sum_i W2[v,i]*h[b,i]
        # (dW2) dW2[v,i] = (sum_b p_exp_tile[v,b]*h_do_tile[v//512,b,i]) - 1/B * sum_b [v == y[b]]*h[b,i]
        product(
            (stop - start, H, B), (address(p_exp_tile, start), B, AS_IS), (address(h_do_tile), H, AS_IS),
            1.0, 0.0, (address(dW2, start), H),
        )
        for b in range(B):
            if start <= y[b] < stop:
                y_b = y[b]
                for i in range(H):
                    dW2[y_b, i] -= h[b, i] / real(B)
        # F3 was: o[b,v] = b2[v] + sum_i W2[v,i]*h[b,i]
        # (db2) db2[v] = (1/B * sum_b p_exp_tile[v,b]*db2_rows_tile[v//512,b]) - 1/B * sum_b [v == y[b]]
        for v in range(start, stop):
            db2_total = real(0)
            for b in range(B):
                db2_total = plus(db2_total, p_exp_tile[v, b] * db2_rows_tile[tile, b])
            db2[v] = db2_total / real(B)
        for b in range(B):
            if start <= y[b] < stop:
                db2[y[b]] -= real(1.0) / real(B)


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
    h_turned = np.empty((H, B), real)
    o = np.empty((V, B), real)
    W2_y = np.empty((B, H), real)
    o_y = np.empty((B,), real)
    o_max_tile = np.empty(((V + 511) // 512, B), real)
    o_max = np.empty((B,), real)
    o_max_shift = np.empty(((V + 511) // 512, B), real)
    p_sum_tile = np.empty(((V + 511) // 512, B), real)
    p_sum = np.empty((B,), real)
    dh_sum = np.empty((B, H), real)
    dC_rows = np.empty((B, N, D), real)
    h_do = np.empty((B, H), real)
    dC = np.empty((V, D), real)
    dW1 = np.empty((H, N, D), real)
    db1 = np.empty((H,), real)
    dW2 = np.empty((V, H), real)
    db2 = np.empty((V,), real)
    dh_sum_tile_parts = np.empty((1, B, H), real)
    h_do_tile_parts = np.empty((1, B, H), real)
    dh_sum_parts = np.empty((1, B, H), real)
    h = a  # in the same array
    p_exp_tile = o  # in the same array
    dh = dh_sum  # in the same array
    da = dh_sum  # in the same array
    db2_rows_tile = o_max_tile  # in the same array
    # C_x[b,t,d] = C[x[b,t],d]
    for b in range(B):
        for t in range(N):
            x_b_t = x[b, t]
            for d in range(D):
                C_x[b, t, d] = C[x_b_t, d]
    # (F1) a[b,i] = b1[i] + sum_t,d C_x[b,t,d]*W1[i,t,d]
    product((B, H, N*D), (address(C_x), N*D, AS_IS), (address(W1), N*D, TRANSPOSED), 1.0, 0.0, (address(a), H))
    for b in range(B):
        for i in range(H):
            a[b, i] += b1[i]
            # (F2) h[b,i] = tanh(a[b,i])
            h[b, i] = tanh(a[b, i])
    # h_turned[i,b] = h[b,i]
    for i in range(H):
        for b in range(B):
            h_turned[i, b] = h[b, i]
    # b2_y[b] = b2[y[b]]
    for b in range(B):
        b2_y = b2[y[b]]
        # W2_y[b,i] = W2[y[b],i]
        o_y_total = real(0)
        y_b = y[b]
        for i in range(H):
            W2_y[b, i] = W2[y_b, i]
            # o_y[b] = b2_y[b] + sum_i W2_y[b,i]*h[b,i]
            o_y_total = plus(o_y_total, W2_y[b, i] * h[b, i])
        o_y[b] = b2_y + o_y_total
    # p_sum[b] = sum_tile o_max_shift[tile,b]*p_sum_tile[tile,b]
    p_sum[...] = 0
    # dh_sum[b,i] = sum_tile o_max_shift[tile,b]*dh_sum_tile[tile,b,i]
    dh_sum[...] = 0
    # F1 was: a[b,i] = b1[i] + sum_t,d W1[i,t,d]*C[x[b,t],d]
    # (dC) dC[v,d] = sum_b,t dC_rows[b,t,d]*[v == x[b,t]]
    dC[...] = 0
    # F1 was: a[b,i] = b1[i] + sum_t,d W1[i,t,d]*C[x[b,t],d]
    # (db1) db1[i] = sum_b da[b,i]
    db1[...] = 0
    parts = 1
    gradients_sweep_1(parts - 1, parts, B, H, V, W2, b2, o, h_turned, o_max_tile, p_sum_tile)
    # (o_max) o_max[b] = max_tile o_max_tile[tile,b]
    for b in range(B):
        o_max_total = real(-np.inf)
        for tile in range((V + 511) // 512):
            o_max_total = larger(o_max_total, o_max_tile[tile, b])
        o_max[b] = o_max_total
    # o_max_shift[tile,b] = exp(o_max_tile[tile,b] - o_max[b])
    for tile in range((V + 511) // 512):
        for b in range(B):
            o_max_shift[tile, b] = exp(o_max_tile[tile, b] - o_max[b])
            p_sum[b] += o_max_shift[tile, b] * p_sum_tile[tile, b]
    # (F5) L = -1/B * sum_b (o_y[b] - o_max[b] - log(p_sum[b]))
    L_total = 0.0
    for b in range(B):
        L_total = plus(L_total, o_y[b] - o_max[b] - log(p_sum[b]))
        # h_do[b,i] = h[b,i]/(B*p_sum[b])
        for i in range(H):
            h_do[b, i] = h[b, i] / (real(B) * p_sum[b])
    L = -L_total / B
    # db2_rows_tile[tile,b] = o_max_shift[tile,b]/p_sum[b]
    for tile in range((V + 511) // 512):
        for b in range(B):
            db2_rows_tile[tile, b] = o_max_shift[tile, b] / p_sum[b]
    parts = 1
    gradients_sweep_2(
        parts - 1, parts, B, H, V, y, W2, a, o, h_do, o_max_tile, o_max_shift, dW2, db2, dh_sum_tile_parts,
        h_do_tile_parts, dh_sum_parts,
    )
    for part in range(parts):
        for b in range(B):
            for i in range(H):
                dh_sum[b, i] += dh_sum_parts[part, b, i]
    # F3 was: o[b,v] = b2[v] + sum_i W2[v,i]*h[b,i]
    # (dh) dh[b,i] = dh_sum[b,i]/(B*p_sum[b]) - W2_y[b,i]/B
    for b in range(B):
        for i in range(H):
            dh[b, i] = dh_sum[b, i] / (real(B) * p_sum[b]) - W2_y[b, i] / real(B)
            # F2 was: h[b,i] = tanh(a[b,i])
            # (da) da[b,i] = (1 - h[b,i]**2)*dh[b,i]
            da[b, i] = (real(1.0) - h[b, i] ** 2) * dh[b, i]
            db1[i] += da[b, i]
    # dC_rows[b,t,d] = sum_i W1[i,t,d]*da[b,i]
    product((B, N*D, H), (address(da), H, AS_IS), (address(W1), N*D, AS_IS), 1.0, 0.0, (address(dC_rows), N*D))
    for b in range(B):
        for t in range(N):
            x_b_t = x[b, t]
            for d in range(D):
                dC[x_b_t, d] += dC_rows[b, t, d]
    # F1 was: a[b,i] = b1[i] + sum_t,d W1[i,t,d]*C[x[b,t],d]
    # (dW1) dW1[i,t,d] = sum_b da[b,i]*C_x[b,t,d]
    product(
        (H, N*D, B), (address(da), H, TRANSPOSED), (address(C_x), N*D, AS_IS),
        1.0, 0.0, (address(dW1), N*D),
    )
    return L, dC, dW1, db1, dW2, db2


@for_c(types.void(*[types.intp] * 5, *[ADDRESSES] * 1))
def step_sweep_1(part, parts, B, H, V, at):
    """Part `part` of `parts`: V, 512 at a time, and all that needs only these."""
    W2 = carray(pointer(at[0]), (V, H), real)
    b2 = carray(pointer(at[1]), (V,), real)
    o = carray(pointer(at[2]), (V, B), real)
    h_turned = carray(pointer(at[3]), (H, B), real)
    o_max_tile = carray(pointer(at[4]), ((V + 511) // 512, B), real)
    p_sum_tile = carray(pointer(at[5]), ((V + 511) // 512, B), real)
    p_exp_tile = o
    tiles = (V + 511) // 512
    for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
        start, stop = tile * 512, min(tile * 512 + 512, V)
        # o_max_tile[tile,b] = max_v2 (o[v2,b] if [v2//512 == tile] else least)
        for b in range(B):
            o_max_tile[tile, b] = LEAST
        # p_sum_tile[tile,b] = sum_v2 p_exp_tile[v2,b]*[v2//512 == tile]
        for b in range(B):
            p_sum_tile[tile, b] = real(0.0)
        # (F3) o[v,b] = b2[v] + sum_i W2[v,i]*h_turned[i,b]
        product(
            (stop - start, B, H), (address(W2, start), H, AS_IS), (address(h_turned), B, AS_IS),
            1.0, 0.0, (address(o, start), B),
        )
        for v in range(start, stop):
            for b in range(B):
                o[v, b] += b2[v]
                o_max_tile[tile, b] = larger(o_max_tile[tile, b], o[v, b])
        # p_exp_tile[v,b] = exp(o[v,b] - o_max_tile[v//512,b])
        for v in range(start, stop):
            for b in range(B):
                p_exp_tile[v, b] = exp(o[v, b] - o_max_tile[tile, b])
                p_sum_tile[tile, b] += p_exp_tile[v, b]


@njit(cache=True, parallel=True)
def run_step_sweep_1(parts, B, H, V, at):
    if parts == 1:
        step_sweep_1(parts - 1, parts, B, H, V, at)
        return
    for part in prange(parts):
        step_sweep_1(np.int64(part), parts, B, H, V, at)


@for_c(types.void(*[types.intp] * 5, *[types.float64] * 1, *[ADDRESSES] * 1))
def step_sweep_2(part, parts, B, H, V, lr, at):
    """Part `part` of `parts`: V, 512 at a time, from the last to the first, and all that needs only these."""
    y = carray(pointer(at[0]), (B,), np.int32)
    W2 = carray(pointer(at[1]), (V, H), real)
    b2 = carray(pointer(at[2]), (V,), real)
    a = carray(pointer(at[3]), (B, H), real)
    o = carray(pointer(at[4]), (V, B), real)
    h_do = carray(pointer(at[5]), (B, H), real)
    o_max_tile = carray(pointer(at[6]), ((V + 511) // 512, B), real)
    o_max_shift = carray(pointer(at[7]), ((V + 511) // 512, B), real)
    dh_sum_tile_parts = carray(pointer(at[8]), (parts, B, H), real)
    h_do_tile_parts = carray(pointer(at[9]), (parts, B, H), real)
    dh_sum_parts = carray(pointer(at[10]), (parts, B, H), real)
    dh_sum_tile = dh_sum_tile_parts[part]
    h_do_tile = h_do_tile_parts[part]
    dh_sum = dh_sum_parts[part]
    h = a
    W2_new = W2
    b2_new = b2
    p_exp_tile = o
    db2_rows_tile = o_max_tile
    dh_sum[...] = 0
    tiles = (V + 511) // 512
    for tile in range(tiles * (part + 1) // parts - 1, tiles * part // parts - 1, -1):
        start, stop = tile * 512, min(tile * 512 + 512, V)
        # dh_sum_tile[tile,b,i] = sum_v W2[v,i]*p_exp_tile[v,b]*[v//512 == tile]
        product(
            (B, H, stop - start), (address(p_exp_tile, start), B, TRANSPOSED), (address(W2, start), H, AS_IS),
            1.0, 0.0, (address(dh_sum_tile), H),
        )
        for b in range(B):
            for i in range(H):
                dh_sum[b, i] += o_max_shift[tile, b] * dh_sum_tile[b, i]
                # h_do_tile[tile,b,i] = o_max_shift[tile,b]*h_do[b,i]
                h_do_tile[b, i] = o_max_shift[tile, b] * h_do[b, i]
        # (U4) W2_new[v,i] = W2[v,i] - (lr * sum_b p_exp_tile[v,b]*h_do_tile[v//512,b,i]) + lr/B * sum_b2 [v == y[b2]]*h[b2,i]
        product(
            (stop - start, H, B), (address(p_exp_tile, start), B, AS_IS), (address(h_do_tile), H, AS_IS),
            -lr, 1.0, (address(W2_new, start), H),
        )
        for b2_ in range(B):
            if start <= y[b2_] < stop:
                y_b2_ = y[b2_]
                for i in range(H):
                    W2_new[y_b2_, i] += real(lr) * h[b2_, i] / real(B)
        # (U5) b2_new[v] = b2[v] - (lr/B * sum_b p_exp_tile[v,b]*db2_rows_tile[v//512,b]) + lr/B * sum_b2 [v == y[b2]]
        for v in range(start, stop):
            b2_new_total = real(0)
            for b in range(B):
                b2_new_total = plus(b2_new_total, p_exp_tile[v, b] * db2_rows_tile[tile, b])
            b2_new[v] -= real(lr) * b2_new_total / real(B)
        for b2_ in range(B):
            if start <= y[b2_] < stop:
                b2_new[y[b2_]] += real(lr) / real(B)


@njit(cache=True, parallel=True)
def run_step_sweep_2(parts, B, H, V, lr, at):
    if parts == 1:
        step_sweep_2(parts - 1, parts, B, H, V, lr, at)
        return
    for part in prange(parts):
        step_sweep_2(np.int64(part), parts, B, H, V, lr, at)


@for_c(types.float64(*[types.intp] * 6, *[types.float64] * 1, *[ADDRESSES] * 1))
def step(B, H, V, N, D, threads, lr, at):
    """One step in place; the loss before it.  A loss that is not finite leaves everything untouched.

    Arrays: x (B,N), y (B), C (V,D), W1 (H,N,D), b1 (H), W2 (V,H), b2 (V), C_x (B,N,D), a (B,H), h_turned (H,B),
    W2_y (B,H), o_y (B), o_max_tile ((V + 511)//512,B), o_max (B), o_max_shift ((V + 511)//512,B), p_sum_tile ((V +
    511)//512,B), p_sum (B), dh_sum (B,H), dC_rows (B,N,D), h_do (B,H)
    """
    x = carray(pointer(at[0]), (B, N), np.int32)
    y = carray(pointer(at[1]), (B,), np.int32)
    dh_sum_parts = at[2]
    C = carray(pointer(at[3]), (V, D), real)
    W1 = carray(pointer(at[4]), (H, N, D), real)
    b1 = carray(pointer(at[5]), (H,), real)
    W2 = carray(pointer(at[6]), (V, H), real)
    b2 = carray(pointer(at[7]), (V,), real)
    a = carray(pointer(at[8]), (B, H), real)
    o_max = carray(pointer(at[9]), (B,), real)
    o_y = carray(pointer(at[10]), (B,), real)
    p_sum = carray(pointer(at[11]), (B,), real)
    dC_rows = carray(pointer(at[12]), (B, N, D), real)
    C_x = carray(pointer(at[13]), (B, N, D), real)
    W2_y = carray(pointer(at[14]), (B, H), real)
    h_turned = carray(pointer(at[15]), (H, B), real)
    dh_sum = carray(pointer(at[16]), (B, H), real)
    h_do = carray(pointer(at[17]), (B, H), real)
    o_max_tile = carray(pointer(at[18]), ((V + 511) // 512, B), real)
    o_max_shift = carray(pointer(at[19]), ((V + 511) // 512, B), real)
    p_sum_tile = carray(pointer(at[20]), ((V + 511) // 512, B), real)
    at_1 = at[21]
    at_2 = at[22]
    h = a  # in the same array
    dh = dh_sum  # in the same array
    da = dh_sum  # in the same array
    db2_rows_tile = o_max_tile  # in the same array
    C_new = C  # in the same array
    W1_new = W1  # in the same array
    b1_new = b1  # in the same array
    # C_x[b,t,d] = C[x[b,t],d]
    for b in range(B):
        for t in range(N):
            x_b_t = x[b, t]
            for d in range(D):
                C_x[b, t, d] = C[x_b_t, d]
    # (F1) a[b,i] = b1[i] + sum_t,d C_x[b,t,d]*W1[i,t,d]
    product((B, H, N*D), (address(C_x), N*D, AS_IS), (address(W1), N*D, TRANSPOSED), 1.0, 0.0, (address(a), H))
    for b in range(B):
        for i in range(H):
            a[b, i] += b1[i]
            # (F2) h[b,i] = tanh(a[b,i])
            h[b, i] = tanh(a[b, i])
    # h_turned[i,b] = h[b,i]
    for i in range(H):
        for b in range(B):
            h_turned[i, b] = h[b, i]
    # b2_y[b] = b2[y[b]]
    for b in range(B):
        b2_y = b2[y[b]]
        # W2_y[b,i] = W2[y[b],i]
        o_y_total = real(0)
        y_b = y[b]
        for i in range(H):
            W2_y[b, i] = W2[y_b, i]
            # o_y[b] = b2_y[b] + sum_i W2_y[b,i]*h[b,i]
            o_y_total = plus(o_y_total, W2_y[b, i] * h[b, i])
        o_y[b] = b2_y + o_y_total
    # p_sum[b] = sum_tile o_max_shift[tile,b]*p_sum_tile[tile,b]
    p_sum[...] = 0
    # dh_sum[b,i] = sum_tile o_max_shift[tile,b]*dh_sum_tile[tile,b,i]
    dh_sum[...] = 0
    parts = parts_for(V * B * H, threads)
    run_step_sweep_1(parts, B, H, V, at_1)
    # (o_max) o_max[b] = max_tile o_max_tile[tile,b]
    for b in range(B):
        o_max_total = real(-np.inf)
        for tile in range((V + 511) // 512):
            o_max_total = larger(o_max_total, o_max_tile[tile, b])
        o_max[b] = o_max_total
    # o_max_shift[tile,b] = exp(o_max_tile[tile,b] - o_max[b])
    for tile in range((V + 511) // 512):
        for b in range(B):
            o_max_shift[tile, b] = exp(o_max_tile[tile, b] - o_max[b])
            p_sum[b] += o_max_shift[tile, b] * p_sum_tile[tile, b]
    # (F5) L = -1/B * sum_b (o_y[b] - o_max[b] - log(p_sum[b]))
    L_total = 0.0
    for b in range(B):
        L_total = plus(L_total, o_y[b] - o_max[b] - log(p_sum[b]))
        # h_do[b,i] = h[b,i]/(B*p_sum[b])
        for i in range(H):
            h_do[b, i] = h[b, i] / (real(B) * p_sum[b])
    L = -L_total / B
    # db2_rows_tile[tile,b] = o_max_shift[tile,b]/p_sum[b]
    for tile in range((V + 511) // 512):
        for b in range(B):
            db2_rows_tile[tile, b] = o_max_shift[tile, b] / p_sum[b]
    if not isfinite(L):
        return L
    parts = parts_for(B * H * V, threads)
    run_step_sweep_2(parts, B, H, V, lr, at_2)
    add_parts(parts, B * H, address(dh_sum), dh_sum_parts)
    # F3 was: o[b,v] = b2[v] + sum_i W2[v,i]*h[b,i]
    # (dh) dh[b,i] = dh_sum[b,i]/(B*p_sum[b]) - W2_y[b,i]/B
    for b in range(B):
        for i in range(H):
            dh[b, i] = dh_sum[b, i] / (real(B) * p_sum[b]) - W2_y[b, i] / real(B)
            # F2 was: h[b,i] = tanh(a[b,i])
            # (da) da[b,i] = (1 - h[b,i]**2)*dh[b,i]
            da[b, i] = (real(1.0) - h[b, i] ** 2) * dh[b, i]
            # (U3) b1_new[i] = b1[i] - lr * sum_b da[b,i]
            b1_new[i] -= real(lr) * da[b, i]
    # dC_rows[b,t,d] = sum_i W1[i,t,d]*da[b,i]
    product((B, N*D, H), (address(da), H, AS_IS), (address(W1), N*D, AS_IS), 1.0, 0.0, (address(dC_rows), N*D))
    # (U1) C_new[v,d] = C[v,d] - lr * sum_b,t dC_rows[b,t,d]*[v == x[b,t]]
    for b in range(B):
        for t in range(N):
            x_b_t = x[b, t]
            for d in range(D):
                C_new[x_b_t, d] -= real(lr) * dC_rows[b, t, d]
    # (U2) W1_new[i,t,d] = W1[i,t,d] - lr * sum_b da[b,i]*C_x[b,t,d]
    product(
        (H, N*D, B), (address(da), H, TRANSPOSED), (address(C_x), N*D, AS_IS),
        -lr, 1.0, (address(W1_new), N*D),
    )
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def train_steps(order, lr, x, y, losses, threads, B, N, V, D, H, x_batch, y_batch, at):
    """The steps of `train_chunk`, when all is made."""
    for turn in range(order.shape[0]):
        for row in range(B):
            for axis1 in range(x.shape[1]):
                x_batch[row, axis1] = x[order[turn, row], axis1]
            y_batch[row] = y[order[turn, row]]
        losses[turn] = step(B, H, V, N, D, threads, lr[turn], address(at))
        if not math.isfinite(losses[turn]):
            return turn
    return order.shape[0]


def train_chunk(order, lr, x, y, C, W1, b1, W2, b2, losses, threads):
    """len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.

    Returns how many steps were done: all, or those before the first loss that is not finite.
    Sweeps run on at most `threads` threads.
    """
    B = order.shape[1]
    N = x.shape[1]
    V = C.shape[0]
    D = C.shape[1]
    H = W1.shape[0]
    x_batch = workspace((B, x.shape[1]), np.int32)
    y_batch = workspace((B,), np.int32)
    C_x = workspace((B, N, D))
    a = workspace((B, H))
    h_turned = workspace((H, B))
    o = workspace((V, B))
    W2_y = workspace((B, H))
    o_y = workspace((B,))
    o_max_tile = workspace(((V + 511) // 512, B))
    o_max = workspace((B,))
    o_max_shift = workspace(((V + 511) // 512, B))
    p_sum_tile = workspace(((V + 511) // 512, B))
    p_sum = workspace((B,))
    dh_sum = workspace((B, H))
    dC_rows = workspace((B, N, D))
    h_do = workspace((B, H))
    dh_sum_tile_parts = workspace((threads, B, H))
    h_do_tile_parts = workspace((threads, B, H))
    dh_sum_parts = workspace((threads, B, H))
    at_1 = addresses(real, W2, b2, o, h_turned, o_max_tile, p_sum_tile)
    at_1 = np.array(at_1, np.uintp)
    at_2 = addresses(np.int32, y_batch)
    at_2 += addresses(
        real, W2, b2, a, o, h_do, o_max_tile, o_max_shift, dh_sum_tile_parts, h_do_tile_parts, dh_sum_parts,
    )
    at_2 = np.array(at_2, np.uintp)
    at = addresses(np.int32, x_batch, y_batch)
    at += addresses(real, dh_sum_parts)
    at += addresses(
        real, C, W1, b1, W2, b2, a, o_max, o_y, p_sum, dC_rows, C_x, W2_y, h_turned, dh_sum, h_do,
        o_max_tile, o_max_shift, p_sum_tile,
    )
    at += addresses(np.uintp, at_1, at_2)
    at = np.array(at, np.uintp)
    link()
    steps = train_steps(order, lr, x, y, losses, threads, B, N, V, D, H, x_batch, y_batch, at)
    spare(
        x_batch, y_batch, C_x, a, h_turned, o, W2_y, o_y, o_max_tile, o_max, o_max_shift, p_sum_tile, p_sum,
        dh_sum, dC_rows, h_do, dh_sum_tile_parts, h_do_tile_parts, dh_sum_parts,
    )
    return steps


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def mean_loss(x, y, C, W1, b1, W2, b2, batch):
    """The loss over all rows of the data, `batch` rows at a time, each row weighing the same."""
    rows = x.shape[0]
    total = 0.0
    for start in range(0, rows, batch):
        stop = min(start + batch, rows)
        total += (stop - start) * loss(x[start:stop], y[start:stop], C, W1, b1, W2, b2)
    return total / rows
