"""XOR learned by a 2-4-1 network; and why deep networks and long sequences are hard to train.

Vanishing gradients, of which the tutorial tells, are measured: in networks of 20 layers on digits,
and in an RNN and an LSTM over 100 steps. Arguments: a folder for the picture; --quick for less.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from autograd_mini import Tensor, nn

parser = argparse.ArgumentParser()
parser.add_argument("folder", nargs="?", type=Path, default="demo-output")
parser.add_argument("--quick", action="store_true")
options = parser.parse_args()

nn.seed(0)
X, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
xor = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1), nn.Sigmoid())
history = nn.fit(xor, [(X, y[:, None])], nn.binary_cross_entropy, nn.SGD(xor.parameters(), 0.5),
                 1000 if options.quick else 3000, progress=False)
print(f"XOR: loss {history[-1].loss:.4f}, answers {np.round(nn.predict(xor, X)[:, 0], 2)}")
assert nn.accuracy(xor, X, y, threshold=0.5) == 1.0

images, digits = load_digits(return_X_y=True)


def gradients_by_layer(activation, start=None, normalised=False):
    """How large the weight gradient of each of 20 layers of 32 units is, before any training."""
    layers = []
    for linear in map(nn.Linear, [64] + 19 * [32], 20 * [32]):
        if start is not None:
            start(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        layers += [linear, *([nn.BatchNorm1d(32)] if normalised else []), activation()]
    model = nn.Sequential(*layers, nn.Linear(32, 10))
    nn.cross_entropy(model(images[:256] / 16), digits[:256]).backward()
    return [np.linalg.norm(part.weight.grad) for part in model if isinstance(part, nn.Linear)]


def gradients_by_step(layer):
    """How large ∂(the last output)/∂x is at each of 100 steps, the last one first."""
    x = Tensor(np.random.default_rng(0).normal(size=(16, 100, 8)))
    layer(x)[0][:, -1].sum().backward()
    return np.linalg.norm(x.grad, axis=(0, 2))[::-1]


deep = {"sigmoid": gradients_by_layer(nn.Sigmoid), "ReLU": gradients_by_layer(nn.ReLU),
        "ReLU, He's start": gradients_by_layer(nn.ReLU, nn.init.kaiming_normal_),
        "sigmoid, batch norm": gradients_by_layer(nn.Sigmoid, normalised=True)}
for name, sizes in deep.items():
    print(f"{name:20} first layer {sizes[0]:.1e}, last {sizes[-1]:.1e}")
lstm = nn.LSTM(8, 32)
lstm.bias_ih_l0.data[32:64] = 2.0  # the forget gates start open
long = {"RNN": gradients_by_step(nn.RNN(8, 32)), "LSTM": gradients_by_step(lstm)}
for name, norms in long.items():
    print(f"{name:5} 0 steps back {norms[0]:.1e}, 50 back {norms[50]:.1e}, 99 back {norms[99]:.1e}")
assert deep["sigmoid"][0] < 1e-10 < 1e-2 < deep["ReLU, He's start"][0]
assert long["RNN"][99] < 1e-15 < 1e-6 < long["LSTM"][99]

try:
    from matplotlib import pyplot as plt
except ImportError:
    print('no picture: pip install "autograd-mini[plot]"')
else:
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    nn.plot.boundary(xor, X, y, axes[0])
    for ax, lines, x, first in ((axes[1], deep, "layer", 1), (axes[2], long, "steps back", 0)):
        ax.set_prop_cycle(color=plt.get_cmap("viridis")(np.linspace(0, 0.85, len(lines))))
        for (name, norms), marker in zip(lines.items(), "o^s+", strict=False):
            at = range(first, first + len(norms))
            ax.semilogy(at, norms, marker=marker, ms=3, lw=1, label=name)
        ax.set(xlabel=x, title="norm of the gradient")
        ax.legend(frameon=False)
    options.folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.folder / "002_xor_and_depth.png")
    plt.close(figure)
