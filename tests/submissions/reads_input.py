def gradient(W, b, X, t):
    return input()
