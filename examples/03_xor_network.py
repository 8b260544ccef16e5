"""A 2-4-1 network learns XOR: arrays, PyTorch's names, and the loss from logits."""

import numpy as np

from autograd_mini import nn

rng = np.random.default_rng(1)
X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0.0], [1], [1], [0]])

model = nn.Sequential(nn.Linear(2, 4, rng=rng), nn.Tanh(), nn.Linear(4, 1, rng=rng))
optimizer = nn.Adam(model.parameters(), lr=0.05)
loader = nn.DataLoader(X, y, batch_size=4)
history = nn.fit(model, loader, nn.binary_cross_entropy_with_logits, optimizer, epochs=300,
                 progress=False)

for epoch in history[::60]:
    print(f"epoch {epoch.number:3}  loss {epoch.loss:.4f}")
print("predictions", (model(X).data > 0).astype(int).ravel().tolist(), "targets", [0, 1, 1, 0])
assert ((model(X).data > 0) == (y > 0)).all()
