dout = (out - Y) / N
dh = dout[:, :, None] * w
