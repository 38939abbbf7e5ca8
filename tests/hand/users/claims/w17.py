dfn = 2 * (fa - fn) / N
