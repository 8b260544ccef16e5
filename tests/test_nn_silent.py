"""What was silently wrong in training: accuracies, modes, precisions, a softmax too many."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, nn
from autograd_mini.errors import ArgumentError, ShapeError, StorageError


class Fixed(nn.Module):
    """A model that answers what it is told, whatever it is given."""

    def __init__(self, answers):
        self.answers = np.asarray(answers, float)
        self.scale = Tensor(np.ones(1))

    def forward(self, x):
        return Tensor(self.answers) * self.scale


X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
XOR = np.array([0, 1, 1, 0])


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
@pytest.mark.parametrize("labels", [XOR, XOR.astype(float), XOR > 0, XOR.reshape(4, 1)])
def test_accuracy_of_one_output(shape, labels):
    """By a threshold; labels of shape (n, 1) aren't broadcast against (n,)."""
    model = Fixed((2.0 * XOR - 1).reshape(shape))
    assert nn.accuracy(model, X, labels, threshold=0.0) == 1.0
    assert nn.accuracy(model, X, 1 - np.asarray(labels, int), threshold=0.0) == 0.0
    with pytest.raises(ArgumentError, match=r"one output.*threshold=0\.0"):
        nn.accuracy(model, X, labels)


def test_accuracy_of_one_output_of_values():
    """A network of Values gives numbers, not rows."""
    model = nn.MLP(2, [1])
    for p in model.parameters():
        p.data = 1.0
    assert nn.accuracy(model, X, [1, 1, 1, 1], threshold=0.5) == 1.0
    with pytest.raises(ArgumentError, match="threshold"):
        nn.accuracy(model, X, [1, 1, 1, 1])


@pytest.mark.parametrize(("labels", "options", "error", "message"), [
    (np.eye(2)[XOR], {}, ShapeError, "argmax"), ([0, 1], {}, ShapeError, "4 rows"),
    (XOR.reshape(4, 1), {}, ShapeError, "one a row"), (XOR + 0.5, {}, ArgumentError, "whole"),
    (XOR, {"threshold": 0.5}, ArgumentError, "2 outputs"),
])
def test_labels_that_do_not_fit(labels, options, error, message):
    """Nothing is broadcast, and no column chosen in silence."""
    with pytest.raises(error, match=message):
        nn.accuracy(Fixed(np.eye(2)[XOR]), X, labels, **options)


def test_accuracy_leaves_each_module_as_it_was():
    """One that was put into its mode on purpose stays in it."""
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Tanh())
    model[1].eval()
    nn.accuracy(model, X, XOR)
    assert model.training and model[0].training and not model[1].training


def test_each_epoch_trains():
    """Although after_epoch looked at how the model answers."""
    seen = []

    class Watched(nn.Linear):
        def forward(self, x):
            seen.append(self.training)
            return super().forward(x)

    model = Watched(2, 1, rng=0)
    y = XOR.reshape(4, 1).astype(float)
    nn.fit(model, [(X, y)], nn.mse_loss, nn.SGD(model.parameters(), 0.1), epochs=3,
           progress=False, after_epoch=lambda epoch: model.eval())
    assert seen == [True] * 3


def test_a_softmax_too_many():
    """cross_entropy has one itself; so has the binary one its sigmoid."""
    z = Tensor(np.random.default_rng(0).normal(size=(4, 3)))
    t = np.array([0, 1, 2, 0])
    by_hand = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    for probabilities in (ag.softmax(z), by_hand):
        with pytest.warns(UserWarning, match="leave that out"):
            nn.cross_entropy(probabilities, t)
    softmax = ag.softmax(z)
    for hidden in (softmax[:3], np.clip(softmax, 1e-7, 1.0)[:3], (softmax + 1e-9)[:3],
                   np.maximum(1e-12, softmax)[:3], np.clip(by_hand, 1e-7, 1 - 1e-7)[:3]):
        with pytest.warns(UserWarning, match="leave that out"):
            nn.cross_entropy(hidden, t[:3])
    p = ag.sigmoid(z)
    for probabilities in (ag.sigmoid(z[:, 0]), p[:, 0], p[:, :1].reshape(-1)):
        with pytest.warns(UserWarning, match="takes the sigmoid itself"):
            nn.binary_cross_entropy_with_logits(probabilities, [0, 1, 1, 0])
    nn.binary_cross_entropy_with_logits(z[:, 0], [0, 1, 1, 0])
    for logits in (z, z * 2, np.exp(z), ag.softmax(z) * 3, ag.log_softmax(z), softmax + z,
                   np.log(softmax + 1e-9), softmax + 0.5):
        nn.cross_entropy(logits, t)


def test_single_precision_stays_single():
    """fit gives a model of float32 batches of float32; a layer says when it isn't given them."""
    model = nn.Sequential(nn.Linear(2, 3, rng=0, dtype=np.float32), nn.Tanh(),
                          nn.Linear(3, 1, rng=1, dtype=np.float32))
    y = XOR.reshape(4, 1).astype(float)
    nn.fit(model, [(X, y)], nn.mse_loss, nn.SGD(model.parameters(), 0.1), epochs=1, progress=False)
    assert all(p.grad.dtype == np.float32 for p in model.parameters())
    with pytest.warns(UserWarning, match=r"astype\(np\.float32\)"):
        assert model(X).dtype == np.float64
    assert model(X.astype(np.float32)).dtype == np.float32


class Normalised(nn.Module):
    """A layer with a running mean, as users write it."""

    def __init__(self):
        self.weight = Tensor(np.ones(2))
        self.running_mean = np.zeros(2)
        self._scratch = np.zeros(2)
        self.steps = 0

    def forward(self, x):
        if self.training:
            self.running_mean *= 0.9
            self.running_mean += 0.1 * np.asarray(x).mean(axis=0)
        return (x - self.running_mean) * self.weight


def test_buffers_are_saved(tmp_path):
    """What isn't learned but belongs to the model comes back, too; into arrays of its own."""
    model, fresh = (nn.Sequential(Normalised(), nn.Linear(2, 1, rng=0)) for _ in range(2))
    model(X + 5.0)
    model[0].count = np.float64(3.0)
    fresh[0].count = np.float64(0.0)
    assert [name for name, _ in model.named_buffers()] == ["0.running_mean", "0.count"]
    nn.save(model, tmp_path / "m.npz")
    mine = fresh[0].running_mean
    nn.load(fresh, tmp_path / "m.npz")
    assert (mine == 0.0).all(), "an array that may be the user's isn't written to"
    assert np.array_equal(fresh[0].running_mean, model[0].running_mean)
    assert fresh[0].count == 3.0 and isinstance(fresh[0].count, np.floating)
    assert np.array_equal(fresh.eval()(X).data, model.eval()(X).data)


def test_what_two_modules_share_stays_shared(tmp_path):
    """And read-only arrays, which may be snapshots, come back as well."""
    def made(value):
        first, second = Normalised(), Normalised()
        first.running_mean = second.running_mean = np.full(2, value)
        first.best = np.full(2, value)
        first.best.flags.writeable = False
        return nn.Sequential(first, second)

    model, fresh = made(3.0), made(0.0)
    nn.save(model, tmp_path / "m.npz")
    nn.load(fresh, tmp_path / "m.npz")
    assert fresh[0].running_mean is fresh[1].running_mean and (fresh[0].best == 3.0).all()
    assert (fresh[0].running_mean == 3.0).all()


def test_files_without_buffers_still_load(tmp_path):
    """As they were written before; it is told, and the arrays stay."""
    model = Normalised()
    np.savez(tmp_path / "old.npz", **{"parameters/weight": np.full(2, 3.0)})
    with pytest.warns(RuntimeWarning, match="running_mean stays as before"):
        nn.load(model, tmp_path / "old.npz")
    assert (model.weight.data == 3.0).all() and (model.running_mean == 0.0).all()


def test_a_buffer_of_another_shape_stays(tmp_path):
    """A module may hold its data, of which there is more today; an infinite mask is no alarm."""
    model = Normalised()
    model.data, model.mask = np.ones(3), np.full(2, -np.inf)
    nn.save(model, tmp_path / "m.npz")
    model.data = np.zeros(5)
    model.weight.data = np.full(2, 7.0)
    with pytest.warns(RuntimeWarning, match="data stays as before") as told:
        nn.load(model, tmp_path / "m.npz")
    assert len(told) == 1 and model.data.shape == (5,) and (model.weight.data == 1.0).all()


def test_buffers_of_one_name_are_refused(tmp_path):
    """Of a model, when it is saved; of a file, when it is loaded. Nothing is written or changed."""
    model = nn.Sequential(Normalised())
    model.parts = {1: Fixed([1.0]), "1": Fixed([2.0])}
    for part in model.parts.values():
        del part.scale  # two parameters of one name are refused, too
    with pytest.raises(StorageError, match=r"two buffers of the model have the name 'parts\.1"):
        nn.save(model, tmp_path / "m.npz")
    assert not (tmp_path / "m.npz").exists()
    model = Normalised()
    nn.save(model, tmp_path / "m.npz")
    with zipfile.ZipFile(tmp_path / "m.npz", "a") as file:
        again = file.read("buffers/running_mean.npy")
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("buffers/running_mean.npy", again)
    mine = model.running_mean
    with pytest.raises(StorageError, match="two arrays for the buffer 'running_mean'"):
        nn.load(model, tmp_path / "m.npz")
    assert model.running_mean is mine


def test_a_buffer_that_the_model_has_not_is_told(tmp_path):
    """What is left in the file isn't left in silence."""
    model = Normalised()
    model.spread = np.ones(2)
    nn.save(model, tmp_path / "m.npz")
    with pytest.warns(RuntimeWarning, match="spread of the file is left out") as told:
        nn.load(Normalised(), tmp_path / "m.npz")
    assert len(told) == 1


@pytest.mark.parametrize(("labels", "threshold", "message"), [
    ([-1, -1, 1, 1], 0.0, "0 and 1"), ([1, 2, 1, 2], 0.0, "0 and 1"),
    (XOR, float("nan"), "threshold"), (XOR, True, "threshold"), (XOR, np.ones(2), "threshold"),
])
def test_thresholds_and_labels_that_have_no_meaning(labels, threshold, message):
    """They are refused, rather than counted as wrong answers."""
    with pytest.raises(ArgumentError, match=message):
        nn.accuracy(Fixed(2.0 * XOR - 1), X, labels, threshold=threshold)


def test_accuracy_of_nan():
    """The largest of nan is no answer."""
    with pytest.raises(ArgumentError, match="nan"):
        nn.accuracy(Fixed(np.full((4, 2), np.nan)), X, XOR)


def test_dividing_by_a_number_is_no_softmax():
    """Rows that sum to 1 by chance give no alarm."""
    nn.cross_entropy(Tensor(np.eye(3)) / 1.0, np.array([0, 1, 2]))
    nn.cross_entropy(Tensor([[2.0, 2.0], [1.0, 3.0]]) / 4.0, np.array([0, 1]))
