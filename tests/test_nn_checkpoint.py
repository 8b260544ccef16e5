"""A run that was cut and goes on equals the one that wasn't, to the last bit."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from autograd_mini import Tensor, nn
from autograd_mini.errors import ArgumentTypeError, StorageError

X = np.random.default_rng(0).normal(size=(50, 3))
Y = (X[:, 0] > X[:, 1]).astype(int)


class Noisy(nn.Module):
    """A layer with a generator of its own and a running mean, as dropout and batch norm have."""

    def __init__(self, rng):
        self.rng, self.scale, self.mean = rng, Tensor(np.ones(4)), np.zeros(4)

    def forward(self, x):
        if self.training:
            x = x * (self.rng.random(x.shape) > 0.2)
            self.mean = 0.9 * self.mean + 0.1 * x.data.mean(axis=0)
        return (x - self.mean) * self.scale


OPTIMIZERS = [
    lambda p: nn.SGD(p, 0.1, momentum=0.9, nesterov=True), lambda p: nn.Adam(p, 0.05),
    lambda p: nn.AdamW(p, 0.05), lambda p: nn.RMSprop(p, 0.01, momentum=0.5, centered=True),
    lambda p: nn.Adagrad(p, 0.1, lr_decay=0.1),
    lambda p: nn.Adam([{"params": p[:1], "lr": 0.01}, {"params": p[1:]}], 0.05),
]


def run(seed, make, own=None):
    """A model, its optimizer, loader and callbacks, all drawn with this seed."""
    rng = np.random.default_rng(seed)
    model = nn.Sequential(nn.Linear(3, 4, rng=rng), Noisy(rng), nn.Tanh(), nn.Linear(4, 2, rng=rng))
    optimizer = make(model.parameters())
    loader = nn.DataLoader(X, Y, batch_size=16, shuffle=True, rng=own)
    callbacks = [nn.Schedule(nn.CosineAnnealingLR(optimizer, 6)),
                 nn.EarlyStopping("loss", patience=5)]
    return model, optimizer, loader, callbacks


def train(parts, epochs, history=(), more=()):
    """Go on up to this many epochs."""
    model, optimizer, loader, callbacks = parts
    return nn.fit(model, loader, nn.cross_entropy, optimizer, epochs, progress=False,
                  callbacks=[*more, *callbacks], history=history)


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("own", [None, 5], ids=["nn.seed", "rng"])
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path, make, own):
    """Losses and weights, with dropout, shuffling, running means, a schedule and early stopping."""
    nn.seed(1)
    whole = run(0, make, own)
    wanted = train(whole, 6)
    nn.seed(1)
    train(run(0, make, own), 3, more=[nn.Checkpoint(tmp_path / "run.npz")])
    nn.seed(99)  # another process, another seed
    resumed = run(77, make, None if own is None else 78)
    history = nn.load_checkpoint(tmp_path / "run.npz", *resumed[:2], loader=resumed[2],
                                 callbacks=resumed[3])
    assert len(history) == 3
    assert train(resumed, 6, history) == wanted
    for name, array in whole[0].state_dict().items():
        np.testing.assert_array_equal(array, resumed[0].state_dict()[name], err_msg=name)
    assert [g.lr for g in whole[1].param_groups] == [g.lr for g in resumed[1].param_groups]


def test_a_loop_of_ones_own_resumes_too(tmp_path):
    """save_checkpoint takes what there is: here a model and an optimizer of Values."""
    def steps(model, optimizer, n):
        losses = []
        for _ in range(n):
            optimizer.zero_grad()
            loss = nn.mse_loss([model(row) for row in X[:5].tolist()], X[:5, 0].tolist())
            loss.backward()
            optimizer.step()
            losses.append(loss.data)
        return losses

    nn.seed(3)
    model = nn.MLP(3, [2, 1])
    optimizer = nn.Adam(model.parameters(), 0.05)
    steps(model, optimizer, 2)
    nn.save_checkpoint(tmp_path / "run.npz", model, optimizer)
    wanted = steps(model, optimizer, 3)
    other = nn.MLP(3, [2, 1])
    again = nn.Adam(other.parameters(), 1.0)
    assert nn.load_checkpoint(tmp_path / "run.npz", other, again) == []
    assert steps(other, again, 3) == wanted


def test_parameters_that_rarely_have_a_gradient(tmp_path):
    """What each parameter counted by itself comes back, though others are ahead."""
    def stepped(optimizer, a, b, n):
        for i in range(n):
            a.grad, b.grad = np.full(2, 1.0 + i), np.ones(2) if i == 0 else None
            optimizer.step()

    class Two(nn.Module):
        def __init__(self):
            self.a, self.b = Tensor(np.zeros(2)), Tensor(np.zeros(2))

    def made():
        model = Two()
        return model, nn.Adam(model.parameters(), 0.1)

    model, optimizer = made()
    stepped(optimizer, model.a, model.b, 3)
    nn.save_checkpoint(tmp_path / "c.npz", model, optimizer)
    other, again = made()
    nn.load_checkpoint(tmp_path / "c.npz", other, again)
    for m, o in ((model, optimizer), (other, again)):
        stepped(o, m.a, m.b, 2)
    np.testing.assert_array_equal(model.a.data, other.a.data)
    np.testing.assert_array_equal(model.b.data, other.b.data)


def test_another_run_is_refused_and_nothing_changes(tmp_path):
    """Of another form, of other parts, or damaged: one error, before anything has changed."""
    path, make = tmp_path / "run.npz", OPTIMIZERS[1]
    train(run(0, make, 1), 2, more=[nn.Checkpoint(path)])
    model, optimizer, loader, callbacks = run(5, make, 1)
    before = model.state_dict()

    def refused(match, *things, **more):
        with pytest.raises(StorageError, match=match):
            nn.load_checkpoint(path, *things, **more)
        assert all(np.array_equal(before[n], a) for n, a in model.state_dict().items())

    refused("to be loaded into model, optimizer Adam: give", model, optimizer)
    refused("of groups of", model, nn.Adam([Tensor(np.ones(7))]), loader=loader,
            callbacks=callbacks)
    for other in (nn.SGD(model.parameters(), 0.1), nn.AdamW(model.parameters())):
        refused("optimizer Adam, .* into model, optimizer", model, other, loader=loader,
                callbacks=callbacks)
    with pytest.raises(StorageError, match="no state of SGD"):
        nn.SGD(model.parameters()).load_state_dict(optimizer.state_dict())
    refused("one has an rng", model, optimizer, loader=nn.DataLoader(X, Y), callbacks=callbacks)
    other = nn.Sequential(nn.Linear(3, 9), nn.Linear(9, 2))
    with pytest.raises(StorageError, match="generators of .'1.rng'., and the model of"):
        nn.load_checkpoint(path, other, nn.Adam(other.parameters()), loader=loader,
                           callbacks=callbacks)
    nn.save(model, path)
    with pytest.raises(StorageError, match="is no checkpoint"):
        nn.load_checkpoint(path, model)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    refused("damaged", model)
    path.write_bytes(b"")
    refused("is empty", model)


def test_a_checkpoint_is_never_unpickled_or_blown_up(tmp_path):
    """An array of objects is damage, one of another shape doesn't fit, a packed one isn't read."""
    path, (model, optimizer, *_) = tmp_path / "run.npz", run(0, OPTIMIZERS[1])
    nn.save_checkpoint(path, model, optimizer)
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    name = next(name for name in members if name.startswith("array"))
    for array, method, match in (
            (np.zeros((300, 300)), zipfile.ZIP_STORED, r"has shape \(300, 300\) in the state"),
            (np.zeros((3000, 3000)), zipfile.ZIP_DEFLATED, "may unpack to gigabytes"),
            (np.array([None] * 4), zipfile.ZIP_STORED, "dtype object")):
        with zipfile.ZipFile(path, "w", method) as file:
            for other, content in members.items():
                if other != name:
                    file.writestr(other, content)
            with file.open(name, "w") as member:
                np.save(member, array, allow_pickle=True)
        with pytest.raises(StorageError, match=match):
            nn.load_checkpoint(path, model, optimizer)


@pytest.mark.parametrize("tree", [
    b"{}", b"[1]", b'{"dict": [["things", 3]]}', b'{"array": "none"}', b"{", b'{"dict": 3}',
    b'{"dict": [["things", {"dict": []}], ["history", {"list": [{"dict": [["a", 1]]}]}]]}',
])
def test_a_tree_that_says_something_else_is_damage(tmp_path, tree):
    """It is one error, too, whatever stands in the place of states."""
    path = tmp_path / "run.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("checkpoint.json", tree)
    with pytest.raises(StorageError, match="damaged"):
        nn.load_checkpoint(path, nn.Linear(1, 1))


def test_what_has_no_state_is_refused():
    """A list of batches has no order to go on from; say so when it is asked for."""
    model = nn.Linear(1, 1)
    with pytest.raises(ArgumentTypeError, match="the loader has no state to save"):
        nn.save_checkpoint("x.npz", model, loader=[(X, Y)])
    with pytest.raises(ArgumentTypeError, match=r"\(path, model, optimizer\)"):
        nn.save_checkpoint("x.npz", "model")


def test_checkpoints_may_be_numbered(tmp_path):
    """{epoch} in the path becomes the number; every second one, and the last."""
    train(run(0, OPTIMIZERS[0], 1), 5, more=[nn.Checkpoint(tmp_path / "{epoch}.npz", every=2)])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2.npz", "4.npz", "5.npz"]
