"""A sigmoid unit under three optimizers; and overfitting, with three cures that are measured.

The unit is the tutorial's: 100 random points, mean squared error, y = ½(x₁ − x₂) + ½, of which a
sigmoid can't reach what lies outside of 0 and 1. Overfitting is provoked on scikit-learn's digits:
1,000 to learn from, of which 30 % have a wrong label; 797 others are right, and judge (early
stopping chooses its epoch by them, too, which flatters it).
Arguments: a folder for the pictures; --quick for fewer epochs.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from autograd_mini import nn

parser = argparse.ArgumentParser()
parser.add_argument("folder", nargs="?", type=Path, default="demo-output")
parser.add_argument("--quick", action="store_true")
options = parser.parse_args()
rng = np.random.default_rng(0)

points = rng.normal(size=(100, 2))
target = 0.5 * points @ np.array([[1.0], [-1.0]]) + 0.5
unit_losses = {}
for make, lr in ((nn.SGD, 0.1), (nn.RMSprop, 0.01), (nn.Adam, 0.01)):
    name = make.__name__
    nn.seed(0)
    unit = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    losses = nn.fit(unit, [(points, target)], nn.mse_loss, make(unit.parameters(), lr=lr),
                    1000 if options.quick else 10_000, progress=False)["loss"]
    close = next(i for i, loss in enumerate(losses, 1) if loss < 1.05 * losses[-1])
    print(f"sigmoid unit, {name:7} (step {lr}): loss {losses[-1]:.4f}, within 5 % of that after "
          f"{close} epochs, w = {np.round(unit[0].weight.data[0], 2)}")
    unit_losses[name] = losses

images, digits = load_digits(return_X_y=True)
(X, y), held = nn.random_split(images / 16, digits, lengths=(1000, 797), rng=0)
wrong = rng.random(1000) < 0.3
y = np.where(wrong, (y + rng.integers(1, 10, 1000)) % 10, y)


def learned(dropout=0.0, weight_decay=0.0, stop=False):
    """The history of a network of 128 hidden units, twice, and how well it reads what was held."""
    nn.seed(0)
    model = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(128, 128), nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, 10))
    past = nn.fit(
        model, nn.DataLoader(X, y, batch_size=32, shuffle=True), nn.cross_entropy,
        nn.Adam(model.parameters(), lr=2e-3, weight_decay=weight_decay),
        15 if options.quick else 60, validation=nn.DataLoader(*held, batch_size=797),
        callbacks=[nn.EarlyStopping("val_loss", patience=5)] if stop else [], progress=False)
    return past, nn.accuracy(model, *held)


runs = {"plain": learned(), "dropout 0.5": learned(dropout=0.5),
        "L2 0.01": learned(weight_decay=0.01), "early stopping": learned(stop=True)}
for name, (past, accuracy) in runs.items():
    print(f"{name:15} {len(past)} epochs: loss {past[-1].loss:.2f} in training, "
          f"{past[-1].val_loss:.2f} in validation, of which {accuracy:.1%} are read rightly")
plain, *cured = (accuracy for _, accuracy in runs.values())
assert min(cured) >= (0.8 if options.quick else 0.89) and (options.quick or plain < min(cured))

try:
    from matplotlib import pyplot as plt
except ImportError:
    print('no picture: pip install "autograd-mini[plot]"')
else:
    figure, axes = plt.subplots(1, 5, figsize=(16, 3.4), layout="constrained")
    axes[0].set_prop_cycle(color=plt.get_cmap("viridis")([0.0, 0.45, 0.85]), ls=["-", "--", ":"])
    axes[0].loglog(range(1, len(losses) + 1), np.transpose([*unit_losses.values()]))
    axes[0].legend(unit_losses, title="sigmoid unit", frameon=False)
    for ax, (name, (past, accuracy)) in zip(axes[1:], runs.items(), strict=True):
        nn.plot.history(past, ax).set(title=f"{name}: {accuracy:.1%}", ylim=(0, 3.2))
        ax.set_title("", loc="left")
    options.folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.folder / "004_regularisation.png")
    plt.close(figure)
