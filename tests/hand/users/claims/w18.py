dP = (P @ Q.T - R) @ Q + lam * P
