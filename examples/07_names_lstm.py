"""A recurrent network reads first names letter by letter, and says whether a woman or a man has it.

Needs the package `names`. With --quick: fewer epochs, for a test.
"""

import sys
from pathlib import Path

import names
import numpy as np

from autograd_mini import nn

QUICK = "--quick" in sys.argv
LONGEST = 11


def first_names(file):
    """The names in a file of the package; each line begins with one."""
    lines = (Path(names.__file__).parent / file).read_text(encoding="utf-8").splitlines()
    return {line.split()[0].lower() for line in lines}


def letters(name):
    """A name as numbers, a = 1 … z = 26, with zeros before it, so that it ends where all end."""
    return [0] * (LONGEST - len(name)) + [ord(letter) - 96 for letter in name]


class NameNet(nn.Module):
    """Each letter becomes a row of numbers; an LSTM reads these; its last output decides."""

    def __init__(self, rng):
        self.letters = nn.Embedding(27, 16, rng=rng)
        self.lstm = nn.LSTM(16, 32, rng=rng)
        self.output = nn.Linear(32, 2, rng=rng)

    def forward(self, x):
        """Letters ↦ a score for a woman, and one for a man."""
        outputs, _ = self.lstm(self.letters(x))
        return self.output(outputs[:, -1])


women, men = first_names("dist.female.first"), first_names("dist.male.first")
women, men = sorted(women - men), sorted(men - women)  # without those that both have
X = np.array([letters(name) for name in women + men])
y = np.array([0] * len(women) + [1] * len(men))
train, test = nn.random_split(X, y, lengths=(0.83, 0.17), rng=0)

model = NameNet(np.random.default_rng(1))
optimizer = nn.Adam(model.parameters(), lr=0.005)
loader = nn.DataLoader(*train, batch_size=32, shuffle=True, rng=0)
nn.fit(model, loader, nn.cross_entropy, optimizer, epochs=1 if QUICK else 8,
       validation=nn.DataLoader(*test), metrics=[nn.accuracy])

print(f"{len(X)} names; a test accuracy of {nn.accuracy(model, *test):.3f}, where always saying "
      f"the majority gives {1 - np.mean(test[1]):.3f}")
for name in ("ada", "alan", "grace", "linus"):
    print(f"{name:6}", ["a woman", "a man"][np.argmax(nn.predict(model, [letters(name)]))])
