dz = (p.astype(int) - y) / N
