"""A small GPT learns letter by letter how first names are spelled, and makes up new ones.

Needs the package `names`. With --quick: one epoch, for a test.
"""

import sys
from pathlib import Path

import names
import numpy as np

import autograd_mini as ag
from autograd_mini import nn

EPOCHS = 1 if "--quick" in sys.argv else 8
LETTERS, T, C = ".abcdefghijklmnopqrstuvwxyz", 12, 48  # a dot stands before and after a name


class Block(nn.Module):
    """Look at the letters before; think about what was seen. Both add to what is there already."""

    def __init__(self, rng):
        self.norm1, self.norm2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.attention = nn.MultiheadAttention(C, 4, rng=rng)
        self.wide, self.narrow = nn.Linear(C, 4 * C, rng=rng), nn.Linear(4 * C, C, rng=rng)

    def forward(self, x):
        """x, with what the block adds."""
        x = x + self.attention(self.norm1(x), causal=True)
        return x + self.narrow(ag.relu(self.wide(self.norm2(x))))


class GPT(nn.Module):
    """Letters, and where they stand ↦ at each place how likely each letter is to come next."""

    def __init__(self, rng):
        self.letters, self.places = nn.Embedding(27, C, rng=rng), nn.Embedding(T, C, rng=rng)
        self.blocks = nn.Sequential(Block(rng), Block(rng))
        self.norm, self.head = nn.LayerNorm(C), nn.Linear(C, 27, rng=rng)

    def forward(self, x):
        """(n, T) letters ↦ (n, T, 27) scores."""
        x = self.letters(x) + self.places(np.arange(np.shape(x)[1]))
        return self.head(self.norm(self.blocks(x)))


words = sorted({line.split()[0].lower() for file in Path(names.__file__).parent.glob("*.first")
                for line in file.read_text(encoding="utf-8").splitlines()})
rows = np.array([[LETTERS.index(x) for x in f".{word}.".ljust(T + 1, ".")] for word in words])
after = np.cumsum(rows[:, 1:] == 0, axis=1) > 1  # the dots after the first, which don't count
train, test = nn.random_split(rows[:, :-1], np.where(after, -100, rows[:, 1:]), rng=0)
model = GPT(rng := np.random.default_rng(1))
nn.fit(model, nn.DataLoader(*train, batch_size=32, shuffle=True, rng=0), nn.cross_entropy,
       nn.AdamW(model.parameters(), lr=2e-3), EPOCHS, validation=nn.DataLoader(*test),
       callbacks=[nn.ClipGradNorm(1.0), nn.EarlyStopping()])
made = np.zeros((12, 1), int)  # twelve names at once, each a dot so far
while made.shape[1] < T:
    likely = ag.softmax(nn.predict(model, made)[:, -1])
    made = np.c_[made, [rng.choice(27, p=p) for p in likely]]
print("made up:", *("".join(LETTERS[i] for i in row[1:]).split(".")[0] for row in made))
