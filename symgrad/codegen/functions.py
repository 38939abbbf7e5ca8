"""The functions that emitted files carry along: Python source, only what a file uses.

In float32 the polynomial forms below replace libm's: they have no branch and are inlined by force, for in a long
function LLVM would not, so it turns loops over them into vector code.  Each states its error bound, and the tests hold
it against mpmath.  In float64 libm is used.
"""

from __future__ import annotations

ADDRESS = '''
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
'''

STORED = '''
@intrinsic
def stored(context, number):
    """Where the number is put, for as long as the function runs that asks."""

    def emitted(context, builder, signature, values):
        return builder.ptrtoint(cgutils.alloca_once_value(builder, values[0]), cgutils.intp_t)

    return types.uintp(number), emitted
'''

PRODUCT = '''
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
'''

WORTH_A_THREAD = 400_000

THREADS = f'''
@njit(cache=True)
def parts_for(work, threads):
    """In how many parts, one a thread, so many multiplications are done: waking a thread takes some microseconds."""
    return threads if work > {WORTH_A_THREAD:_} else 1
'''

FOR_C = '''
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
'''

ADD_PARTS = '''
@for_c(types.void(types.intp, types.intp, REALS, REALS))
def add_parts(parts, count, total, of_parts):
    """total += what each part has summed; arrays of `count` entries, and of as many for each part."""
    total = carray(total, (count,), real)
    of_parts = carray(of_parts, (parts, count), real)
    for part in range(parts):
        for k in range(count):
            total[k] += of_parts[part, k]
'''

WORKSPACE = '''
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
'''

LEAST = """
LEAST = real(np.finfo(real).min)
"""

LARGER = '''
@njit(cache=True, fastmath={"nnan", "nsz"}, forceinline=True)
def larger(a, b):
    """The greater of two numbers; a NaN shows in the exponentials that follow."""
    return a if a > b else b
'''

EXP_32 = '''
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
'''

LOG_32 = '''
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
'''

TANH_32 = '''
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
'''

SIGMOID = '''
@njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True)
def sigmoid(x):
    """1/(1 + exp(-x)), from e = exp(-abs(x)): e/(1 + e) or 1 - e/(1 + e); in float32 within 2 ulp, 0 below -86.98."""
    e = exp(-abs(x))
    part = e / (real(1.0) + e)
    part = e - e * part if e < real(0.5) else part  # the errors of the sum and of the quotient are halved, or less
    return real(1.0) - part if x >= real(0.0) else part
'''

PLUS = '''
@njit(cache=True, fastmath={"reassoc", "nsz"}, forceinline=True)
def plus(a, b):
    """a + b, where a collects a sum whose order is free: a loop over it becomes vector code."""
    return a + b
'''

DRAW_MASK = '''
@njit(cache=True)
def draw_mask(mask, keep, key, number):
    """Each entry 1/keep with probability keep, else 0: splitmix64 from the step's key, a stream for each number."""
    golden, first, second = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
    z = np.uint64(key) + np.uint64(number << 53)
    z = (z ^ (z >> np.uint64(30))) * first
    z = (z ^ (z >> np.uint64(27))) * second
    state = z ^ (z >> np.uint64(31))
    least, kept, flat = np.uint64(math.ceil(keep * 2.0**53)), real(1.0 / keep), mask.reshape(mask.size)
    for k in range(flat.size):
        state += golden
        z = (state ^ (state >> np.uint64(30))) * first
        z = (z ^ (z >> np.uint64(27))) * second
        z ^= z >> np.uint64(31)
        flat[k] = kept if (z >> np.uint64(11)) < least else real(0.0)
'''

OWN = {"exp", "log", "tanh", "sigmoid"}  # of a number too they have a shorter latency than libm's
FLOAT32 = {"exp": EXP_32, "log": LOG_32, "tanh": TANH_32}
PLAIN = {  # the same in each dtype
    "LEAST": LEAST,
    "address": ADDRESS,
    "stored": STORED,
    "product": PRODUCT,
    "larger": LARGER,
    "sigmoid": SIGMOID,
    "plus": PLUS,
    "draw_mask": DRAW_MASK,
    "parts_for": THREADS,
    "for_c": FOR_C,
    "add_parts": ADD_PARTS,
    "workspace": WORKSPACE,
}
FROM_NUMBA = ("carray", "prange")


def support(used: set[str], dtype: str) -> tuple[list[str], list[str]]:
    """(names to import from math, sources in order) for the functions that a file uses."""
    used = used | ({"exp"} if "sigmoid" in used else set())
    carried = PLAIN | (FLOAT32 if dtype == "float32" else {})
    imported = sorted(used - carried.keys() - set(FROM_NUMBA))
    return imported, [source for name, source in carried.items() if name in used]
