"""A variational autoencoder learns to draw digits: what it saw becomes two numbers, and comes back.

The model returns a tuple, and the loss takes it apart, so that `nn.fit` trains it as it trains
anything (Kingma and Welling 2014). Needs scikit-learn. With --quick: fewer epochs, for a test.
"""

import sys

import numpy as np
from sklearn.datasets import load_digits

from autograd_mini import nn

QUICK = "--quick" in sys.argv
PIXELS, HIDDEN, CODE = 64, 64, 2


class VAE(nn.Module):
    """An image ↦ where it lies in the plane, roughly ↦ the image again."""

    def __init__(self, rng):
        self.encoder = nn.Sequential(
            nn.Linear(PIXELS, HIDDEN, rng=rng), nn.ReLU(), nn.Linear(HIDDEN, 2 * CODE, rng=rng))
        self.decoder = nn.Sequential(
            nn.Linear(CODE, HIDDEN, rng=rng), nn.ReLU(), nn.Linear(HIDDEN, PIXELS, rng=rng))
        self.rng = rng

    def forward(self, x):
        """The image drawn again, as logits; the mean and the log variance of its place."""
        both = self.encoder(x)
        mean, log_var = both[:, :CODE], both[:, CODE:]
        noise = self.rng.normal(size=mean.shape)
        return self.decoder(mean + np.exp(0.5 * log_var) * noise), mean, log_var


def loss(prediction, image):
    """How unlikely the image is, and how far its place is from a standard normal distribution."""
    logits, mean, log_var = prediction
    drawn = nn.binary_cross_entropy_with_logits(logits, image, reduction="sum")
    apart = 0.5 * np.sum(mean**2 + np.exp(log_var) - 1 - log_var)
    return (drawn + apart) / len(image)


X = load_digits().data / 16
(train,), (test,) = nn.random_split(X, rng=0)
model = VAE(np.random.default_rng(1))
loader = nn.DataLoader(train, train, batch_size=64, shuffle=True, rng=0)
nn.fit(model, loader, loss, nn.Adam(model.parameters(), lr=3e-3), epochs=5 if QUICK else 60,
       validation=nn.DataLoader(test, test, batch_size=64), progress=False,
       after_epoch=lambda epoch: epoch.number % 5 or print(f"epoch {epoch.number:2}  {epoch}"))

places = [[x, y] for y in (1.2, 0.0, -1.2) for x in (-1.5, -0.75, 0.0, 0.75, 1.5)]
drawn = nn.Sigmoid()(nn.predict(model.decoder, np.array(places))).reshape(3, 5, 8, 8)
print("drawn from fifteen places in the plane:")
for band in drawn:
    for line in band.transpose(1, 0, 2):
        print("   ".join("".join(" ·▒█"[min(int(4 * p), 3)] * 2 for p in row) for row in line))
