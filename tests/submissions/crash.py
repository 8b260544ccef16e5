import ctypes


def gradient(W, b, X, t):
    ctypes.string_at(0)
