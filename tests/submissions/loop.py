def gradient(W, b, X, t):
    while True:
        pass
