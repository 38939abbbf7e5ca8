dW2 = dW2
