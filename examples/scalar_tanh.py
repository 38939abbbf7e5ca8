"""Two weights and two tanh: o = tanh(w2*tanh(w1*x)), L = (y - o)**2/2, the smallest backpropagation by hand.

The classical board exercise (Rumelhart, Hinton & Williams 1986, one unit a layer), at the training pair (3, 0.4).

    symgrad derive examples/scalar_tanh.py --at w1=0.5,w2=-0.3,x=3,y=0.4 --rate 0.1 --updates 3
"""

from sympy import tanh

from symgrad import Model, constant
from symgrad.training import Arrays, Training

model = Model("scalar_tanh")
w1, w2 = model.parameters(w1=constant((), 0.5), w2=constant((), -0.3))
x, y = model.inputs(x=(), y=())

b = model.define("b", (), w1 * x)
h = model.define("h", (), tanh(b))
a = model.define("a", (), w2 * h)
o = model.define("o", (), tanh(a))
model.minimize("L", (y - o) ** 2 / 2)

training = Training(Arrays({"x": [3.0], "y": [0.4]}), rate=0.1, batch=1, steps=3)
