"""Linear regression by gradient descent: the step that converges, the one that doesn't, R².

First on the four points of a published tutorial, whose step of 0.1 is four times too large; then
on the 442 patients of scikit-learn's diabetes data, where the exact solution is known.
Arguments: a folder for the picture; --quick for fewer steps.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

from autograd_mini import nn

parser = argparse.ArgumentParser()
parser.add_argument("folder", nargs="?", type=Path, default="demo-output")
parser.add_argument("--quick", action="store_true")
options = parser.parse_args()

X = np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 4.0], [4.0, 5.0]])
y = np.array([[3.0], [5.0], [7.0], [9.0]])


def half_the_squares(prediction, target):
    return 0.5 * nn.mse_loss(prediction, target, reduction="sum")


def descend(step, epochs):
    """The losses on the four points, from w = 0, until they are no longer numbers."""
    model, losses = nn.Linear(2, 1, bias=False), []
    nn.init.zeros_(model.weight)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # the error is what is shown
            nn.fit(model, [(X, y)], half_the_squares, nn.SGD(model.parameters(), lr=step), epochs,
                   progress=False, after_epoch=lambda epoch: losses.append(epoch.loss))
        print(f"step {step:.4f}: loss {losses[-1]:.1e}, w = {np.round(model.weight.data[0], 3)}")
    except FloatingPointError as error:
        print(f"step {step:.4f}: {str(error).split(':')[0]}")
    return losses


largest = np.linalg.eigvalsh(X.T @ X).max()
print(f"— four points; a step must be below 2/λ = {2 / largest:.4f} —")
steps = (0.001, 0.01, 2 / largest, 0.1)
curves = {step: descend(step, 200 if options.quick else 1000) for step in steps}
assert curves[0.01][-1] < 5e-3 and curves[0.1][-1] > 1e100

patients, progression = load_diabetes(return_X_y=True)
columns = progression[:, None]
scaled = nn.Standardize(patients)(patients)
target = nn.Standardize(columns)
model = nn.Linear(10, 1, rng=0)
nn.fit(model, [(scaled, target(columns))], nn.mse_loss, nn.SGD(model.parameters(), 0.1, 0.95),
       200 if options.quick else 3000, progress=False)
predicted = target.inverse(nn.predict(model, scaled))[:, 0]
ours = 1 - np.mean((progression - predicted) ** 2) / np.var(progression)
exact = LinearRegression().fit(patients, progression).score(patients, progression)
print(f"— diabetes —\nR² {ours:.6f} by gradient descent, {exact:.6f} by scikit-learn's solution")
assert options.quick or abs(ours - exact) < 1e-5

try:
    from matplotlib import pyplot as plt
except ImportError:
    print('no picture: pip install "autograd-mini[plot]"')
else:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.set_prop_cycle(color=plt.get_cmap("viridis")(np.linspace(0, 0.85, 4)))
    for (step, losses), style in zip(curves.items(), ("-", "-", "--", ":"), strict=True):
        seen = np.minimum(losses, 1e9)  # it goes on to 1e308
        left.loglog(range(1, len(seen) + 1), seen, style, label=f"step {step:.3g}")
    left.set(title="four points", xlabel="epoch", ylabel="loss", ylim=(1e-5, 1e8))
    left.legend(frameon=False)
    right.plot(progression, predicted, ".", color="#1f5fa8")
    right.plot([25, 350], [25, 350], color="gray", lw=1)
    right.set(title=f"diabetes, R² {ours:.4f}", xlabel="measured", ylabel="predicted")
    options.folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.folder / "000_linear_regression.png")
    plt.close(figure)
