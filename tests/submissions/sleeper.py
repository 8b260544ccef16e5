import time


def gradient(W, b, X, t):
    time.sleep(1000)
