from gauss_nll import X, d, model, mu, n, s, y
from sympy import exp

from symgrad import size, total, verify

result = verify(model, {"v": total((1 - (y[n] - mu[n]) ** 2 * exp(-s[n])) * X[n, d], n) / (2 * size(n))})
print(result)
