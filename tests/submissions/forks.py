import os
import time


def gradient(W, b, X, t):
    for _ in range(4):
        os.fork()
    time.sleep(1000)
