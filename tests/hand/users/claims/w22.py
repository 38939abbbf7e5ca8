from logreg_map import model, n, p, y

from symgrad import size, verify

result = verify(model, {"z": (y[n] - p[n]) / size(n)})
print(result)
