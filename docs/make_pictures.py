"""Draws the pictures that the README shows, with the project itself: python docs/make_pictures.py"""

from pathlib import Path

import autograd_mini as ag
from autograd_mini import Value

HERE = Path(__file__).parent


def neuron() -> ag.Node:
    """tanh(w·x + b), differentiated."""
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-1.5, label="b")
    y = ag.tanh(w * x + b)
    y.label = "y"
    y.backward()
    return y


if __name__ == "__main__":
    print(ag.draw(neuron()).write(HERE / "neuron.svg"))
