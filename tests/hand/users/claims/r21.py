live = (gap > 0)[:, None] * 2.0 / len(gap)
dW = (live * (fa - fp)).T @ (xa - xp) - (live * (fa - fn)).T @ (xa - xn)
