def gradient(W, b, X, t):
    W * 1
