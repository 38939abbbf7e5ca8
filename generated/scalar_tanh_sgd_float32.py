"""scalar_tanh: loss, gradients and sgd step.  Emitted by symgrad 0.1.0; do not edit.

Inputs     x   y
Parameters w1   w2
Settings   lr
Saved      h   o   forward values that the backward reads
Notation   dX is dL/dX, with the shape of X;  [v == y] is 1 if true, else 0

Forward    (F1) b = w1*x
           (F2) h = tanh(b)
           (F3) a = w2*h
           (F4) o = tanh(a)
           (F5) L = (y - o)**2/2
Backward   do = -(y - o)
           da = (1 - o**2)*do
           dh = w2*da
           db = (1 - h**2)*dh
Gradients  dw1 = db*x
           dw2 = da*h
Update     (U1) w1_new = w1 - lr*dw1
           (U2) w2_new = w2 - lr*dw2

Program 84b0d896, sgd, float32, C-contiguous arrays
"""

import math
from math import isfinite

import numpy as np
from numba import njit

real = np.float32
f32 = np.float32
FAST = {"contract", "nsz"}  # multiply and add in one rounding; NaN and infinity keep their meaning


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
def loss(x, y, w1, w2):
    """The loss L of one batch; nothing is changed."""
    # (F5) L = (y - tanh(w2*tanh(w1*x)))**2/2
    L = (1 / 2) * (y - tanh(w2[()] * tanh(w1[()] * x))) ** 2
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def gradients(x, y, w1, w2):
    """The loss of one batch and its gradients: (L, dw1, dw2, dx, dy)."""
    # (F2) h = tanh(w1*x)
    h = tanh(w1[()] * x)
    # (F4) o = tanh(w2*h)
    o = tanh(w2[()] * h)
    # (F5) L = (y - o)**2/2
    L = (1 / 2) * (y - o) ** 2
    # F4 was: o = tanh(a)
    # (da) da = -(1 - o**2)*(y - o)
    da = -(1.0 - o ** 2) * (y - o)
    # F2 was: h = tanh(b)
    # (db) db = (1 - h**2)*w2*da
    db = (1.0 - h ** 2) * w2[()] * da
    # F1 was: b = w1*x
    # (dw1) dw1 = db*x
    dw1 = db * x
    # F3 was: a = w2*h
    # (dw2) dw2 = da*h
    dw2 = da * h
    # (dx) dx = w1*db
    dx = w1[()] * db
    # (dy) dy = y - o
    dy = y - o
    return L, dw1, dw2, dx, dy


@njit(cache=True, fastmath=FAST, error_model="numpy")
def step(x, y, lr, w1, w2):
    """One step in place; the loss before it.  A loss that is not finite leaves everything untouched."""
    # (F2) h = tanh(w1*x)
    h = tanh(w1[()] * x)
    # (F4) o = tanh(w2*h)
    o = tanh(w2[()] * h)
    # (F5) L = (y - o)**2/2
    L = (1 / 2) * (y - o) ** 2
    # F4 was: o = tanh(a)
    # (da) da = -(1 - o**2)*(y - o)
    da = -(1.0 - o ** 2) * (y - o)
    if not isfinite(L):
        return L
    # (U1) w1_new = w1 - lr*(1 - h**2)*w2*da*x
    w1[()] = w1[()] - lr * (1.0 - h ** 2) * w2[()] * da * x
    # (U2) w2_new = w2 - lr*da*h
    w2[()] = w2[()] - lr * da * h
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def train_chunk(order, lr, x, y, w1, w2, losses):
    """len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.

    Returns how many steps were done: all, or those before the first loss that is not finite.
    """
    for turn in range(order.shape[0]):
        losses[turn] = step(x[order[turn, 0]], y[order[turn, 0]], lr[turn], w1, w2)
        if not math.isfinite(losses[turn]):
            return turn
    return order.shape[0]


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def mean_loss(x, y, w1, w2, batch):
    """The mean loss over all rows of the data; each is one example, so `batch` changes nothing."""
    rows = x.shape[0]
    total = 0.0
    for row in range(rows):
        total += loss(x[row], y[row], w1, w2)
    return total / rows
