"""The picture in the README: tanh(w·x + b), differentiated. (A copy is docs/neuron.svg.)"""

import autograd_mini as ag
from autograd_mini import Value

w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-1.5, label="b")
y = ag.tanh(w * x + b)
y.label = "y"
y.backward()

print(ag.draw(y).write("neuron.svg"))
