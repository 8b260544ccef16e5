"""One neuron by hand: forward, backward, the picture, and the same gradients from the formula."""

import math

import autograd_mini as ag
from autograd_mini import Value

x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
w1, w2 = Value(-3.0, label="w1"), Value(1.0, label="w2")
b = Value(6.88137, label="b")

n = x1 * w1 + x2 * w2 + b
o = n.tanh()
o.label = "o"
o.backward()

for leaf in (x1, w1, x2, w2, b):
    print(f"do/d{leaf.label} = {leaf.grad:+.6f}")

slope = 1 - math.tanh(n.data) ** 2  # by hand: do/dw1 = tanh'(n) · x1
assert abs(w1.grad - slope * x1.data) < 1e-12

ag.draw(o).write("one_neuron.dot")  # .svg and .png too, where Graphviz is installed
print("wrote one_neuron.dot")
