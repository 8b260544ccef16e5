"""What fit tells and lets happen: validation, metrics, callbacks, histories, births of nan."""

from __future__ import annotations

import csv
import functools

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, nn
from autograd_mini.errors import ArgumentError, ArgumentTypeError, ShapeError

X = np.random.default_rng(0).normal(size=(40, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
HALVES = (nn.DataLoader(X[:25], Y[:25], batch_size=10), nn.DataLoader(X[25:], Y[25:], batch_size=4))


def network(seed=0, classes=2):
    """A small network."""
    return nn.Sequential(nn.Linear(2, 8, rng=seed), nn.Tanh(), nn.Linear(8, classes, rng=seed + 1))


def fitted(model=None, loader=HALVES[0], loss=nn.cross_entropy, epochs=3, lr=0.05, **options):
    """The history of a short training."""
    model = network() if model is None else model
    return nn.fit(model, loader, loss, nn.Adam(model.parameters(), lr), epochs, progress=False,
                  **options)


def test_a_history_is_a_list_of_epochs_and_of_numbers():
    """By position an epoch, by name the numbers; all that was measured is there."""
    model = network()
    history = fitted(model, validation=HALVES[1], metrics=[nn.accuracy])
    assert history.names == ["loss", "accuracy", "val_loss", "val_accuracy"] and len(history) == 3
    assert history["val_loss"] == [epoch.val_loss for epoch in history]
    assert history[-1].number == 3 and history[-1]["accuracy"] == history[-1].accuracy
    assert isinstance(history[:2], nn.History) and history[:2]["loss"] == history["loss"][:2]
    x, y = X[25:], Y[25:]
    assert history[-1].val_accuracy == nn.accuracy(model, x, y)
    expected = float(nn.cross_entropy(model(x), y))
    assert history[-1].val_loss == pytest.approx(expected, rel=1e-12)
    with pytest.raises(KeyError, match="'f1' was not measured: an epoch has epoch, loss, acc"):
        history["f1"]
    with pytest.raises(AttributeError, match="'f1' was not measured"):
        history[0].f1
    assert history == fitted(validation=HALVES[1], metrics=[nn.accuracy]), "seconds don't count"


def test_a_history_shows_itself(tmp_path):
    """As text, as a table in a notebook, and as a file that csv reads back."""
    history = fitted(validation=HALVES[1])
    assert repr(history).startswith("History of 3 epochs\n") and "val_loss" in repr(history)
    assert "<table>" in history._repr_html_() and "█" in history._repr_html_()
    assert repr(nn.History()) == "History of no epochs"
    history.to_csv(tmp_path / "h.csv")
    with (tmp_path / "h.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["val_loss"]) for row in rows] == history["val_loss"]
    assert list(rows[0]) == ["epoch", "loss", "val_loss", "seconds"]


def test_a_metric_sees_all_predictions_at_once():
    """R² is no mean over batches: the number is that of the whole set."""
    def r2(prediction, y):
        return 1 - np.sum((y - prediction) ** 2) / np.sum((y - np.mean(y)) ** 2)

    target = (X @ [1.0, -2.0] + 0.1).reshape(-1, 1)
    model = nn.Linear(2, 1, rng=0)
    loader = nn.DataLoader(X, target, batch_size=7)
    fitted(model, loader, nn.mse_loss, metrics={"r2": r2})
    assert nn.evaluate(model, loader, metrics=[r2]) == {"r2": r2(nn.predict(model, X), target)}


def test_evaluate_and_predict_change_nothing():
    """Modes, parameters, gradients stay; batches only bound the memory."""
    model = network()
    model[1].eval()
    first = nn.predict(model, X, batch_size=7)
    np.testing.assert_allclose(first, model(X).data, rtol=1e-14, atol=1e-15)
    assert type(first) is np.ndarray and model.training and not model[1].training
    found = nn.evaluate(model, HALVES[1], nn.cross_entropy, [nn.accuracy])
    assert found == {"loss": pytest.approx(float(nn.cross_entropy(model(X[25:]), Y[25:]))),
                     "accuracy": nn.accuracy(model, X[25:], Y[25:])}
    single = nn.Linear(2, 1, rng=0, dtype=np.float32)
    assert nn.predict(single, X).dtype == np.float32
    scalars = nn.MLP(2, [3, 1])
    assert nn.predict(scalars, X[:3]).tolist() == [scalars(row.tolist()).data for row in X[:3]]
    single.weight, single.bias = single.weight.data, single.bias.data  # nothing is left to learn
    assert nn.predict(single, X).dtype == np.float32


def test_outputs_that_are_tuples():
    """Each part is put together; a state, which isn't a row a sample, is refused."""
    class Two(nn.Linear):
        def forward(self, x):
            return super().forward(x), np.asarray(x).sum(axis=1)

    model = Two(2, 3, rng=0)
    scores, sums = nn.predict(model, X, batch_size=15)
    assert scores.shape == (40, 3) and np.array_equal(sums, X.sum(axis=1))
    found = nn.evaluate(model, HALVES[1], lambda p, y: nn.cross_entropy(p[0], y),
                        {"first": lambda p, y: nn.accuracy(p[0], y)})
    assert found["first"] == nn.accuracy(scores[25:], Y[25:])
    with pytest.raises(ShapeError, match=r"of batches of \[4\] rows .*take the outputs"):
        nn.predict(nn.LSTM(2, 3), np.ones((4, 5, 2)))


def test_what_cannot_be_measured_is_refused():
    """A metric of the wrong kind, or with a loss's name, or of outputs that don't fit together."""
    for metrics, kind, message in [
            ("accuracy", ArgumentTypeError, "metrics is a list of functions"),
            ([3], ArgumentTypeError, "metrics is a list"), (nn.accuracy, ArgumentTypeError, "list"),
            ({"loss": nn.accuracy}, ArgumentError, "can't be called 'loss'"),
            ([nn.accuracy, functools.partial(nn.accuracy, threshold=0.5)], ArgumentError, "one na"),
    ]:
        with pytest.raises(kind, match=message):
            fitted(metrics=metrics)
    with pytest.raises(ArgumentTypeError, match="validation gives batches"):
        fitted(validation=3)
    with pytest.raises(ArgumentError, match="evaluate: the loader had no batches"):
        fitted(validation=[])
    with pytest.raises(ShapeError, match="predict takes rows"):
        nn.predict(network(), np.ones((0, 2)))


def test_a_metric_that_fails_does_so_before_a_step():
    """accuracy of one output needs a threshold: the parameters haven't moved when it says so."""
    model = network(classes=1)
    before = model.state_dict()
    with pytest.raises(ArgumentError, match="threshold=0.0"):
        fitted(model, nn.DataLoader(X, Y.reshape(-1, 1).astype(float)),
               nn.binary_cross_entropy_with_logits, metrics=[nn.accuracy])
    moved = [not np.array_equal(before[n], a) for n, a in model.state_dict().items()]
    assert not any(moved)
    history = fitted(model, nn.DataLoader(X, Y.reshape(-1, 1).astype(float)),
                     nn.binary_cross_entropy_with_logits,
                     metrics=[functools.partial(nn.accuracy, threshold=0.0)])
    assert history.names == ["loss", "accuracy"]


# ── callbacks ────────────────────────────────────────────────────────────────────────────────────

def test_callbacks_are_called_in_order():
    """Before an epoch, after a backward pass, a step, an epoch; with what there is then."""
    told = []

    class Told(nn.Callback):
        def before_epoch(self, run):
            told.append(("before", run.epoch, len(run.history)))

        def after_backward(self, run):
            grad = run.model[0].weight.grad
            told.append(("backward", run.batch, grad is not None, run.x.shape[0]))
            self.weight = run.model[0].weight.data.copy()

        def after_step(self, run):
            assert not np.array_equal(self.weight, run.model[0].weight.data)
            assert run.loss == float(nn.cross_entropy(Tensor(run.prediction.data), run.y))
            told.append(("step", run.batch))

        def after_epoch(self, run):
            told.append(("epoch", run.history[-1].number))
            run.stop = run.epoch == 2

        def after_fit(self, run):
            told.append(("fit", run.epoch))

    history = fitted(epochs=5, callbacks=[Told()])
    epoch = [("backward", 1, True, 10), ("step", 1), ("backward", 2, True, 10), ("step", 2),
             ("backward", 3, True, 5), ("step", 3)]
    assert len(history) == 2 and told == [
        ("before", 1, 0), *epoch, ("epoch", 1), ("before", 2, 1), *epoch, ("epoch", 2), ("fit", 2)]


@pytest.mark.parametrize(("given", "message"), [
    (print, "derive it from nn.Callback"), (nn.EarlyStopping, r"write EarlyStopping\(…\)"),
    ([3], "derive it"), ([nn.StepLR(nn.SGD([Tensor([1.0])], 0.1), 1)], r"give nn.Schedule\(sch"),
])
def test_what_is_no_callback_is_refused(given, message):
    """With the cure that fits."""
    with pytest.raises(ArgumentTypeError, match=message):
        fitted(callbacks=given)


def test_early_stopping_restores_the_best():
    """Training ends `patience` epochs after the best, whose numbers come back."""
    numbers = iter([5.0, 4.0, 4.5, 4.1, 3.0])
    model, states = network(), []

    class Seen(nn.Callback):
        def after_epoch(self, run):
            states.append(run.model.state_dict())

    history = fitted(model, epochs=9, metrics={"error": lambda p, y: 0.0},
                     validation=HALVES[1], callbacks=[
                         Seen(), Scripted(numbers), nn.EarlyStopping("score", 2, mode="min")])
    assert history["score"] == [5.0, 4.0, 4.5, 4.1]
    assert all(np.array_equal(a, states[1][n]) for n, a in model.state_dict().items())


class Scripted(nn.Callback):
    """Puts numbers into the history that a test has chosen."""

    def __init__(self, numbers):
        self.numbers = numbers

    def after_epoch(self, run):
        run.history[-1] = nn.Epoch(run.epoch, run.history[-1].loss, {"score": next(self.numbers)})


@pytest.mark.parametrize(("monitor", "mode", "numbers", "epochs"), [
    ("score", "auto", [1, 2, 3, 2, 1, 9], 5), ("score", "min", [3, 2, 2.5, 2.5, 1], 4),
    ("score", "max", [1, 1.05, 1.05, 9], 3),
])
def test_early_stopping_knows_what_is_better(monitor, mode, numbers, epochs):
    """More is better of a score, less of a loss; by how much is min_delta."""
    delta = 0.1 if mode == "max" else 0.0
    stopping = nn.EarlyStopping(monitor, 2, delta, mode)
    assert len(fitted(epochs=6, callbacks=[Scripted(iter(numbers)), stopping])) == epochs


def test_early_stopping_says_what_it_lacks():
    """A loss that nobody validates isn't nan forever: it is an error, with the names there are."""
    model = network()
    before = model.state_dict()
    with pytest.raises(ArgumentError, match="looks at 'val_loss', .*: give fit validation="):
        fitted(model, callbacks=[nn.EarlyStopping()])
    assert all(np.array_equal(before[n], a) for n, a in model.state_dict().items())
    with pytest.raises(ArgumentError, match="looks at 'val_los', and an epoch has epoch, loss"):
        fitted(validation=HALVES[1], callbacks=[nn.EarlyStopping("val_los", mode="min")])
    with pytest.raises(ArgumentError, match='name doesn\'t say: give mode="min"'):
        nn.EarlyStopping("val_thing")
    with pytest.raises(ArgumentError, match="mode is auto, min or max"):
        nn.EarlyStopping(mode="up")


def test_clipping_and_schedules_take_part():
    """Gradients are clipped before the step; rates fall a batch or an epoch at a time."""
    model = network()
    optimizer = nn.SGD(model.parameters(), 0.1)
    clip = nn.ClipGradNorm(1e-3)
    rates = []

    class Norm(nn.Callback):
        def after_backward(self, run):
            total = sum(float(np.sum(p.grad**2)) for p in run.model.parameters())
            assert np.sqrt(total) <= 1e-3 * (1 + 1e-12)

        def after_epoch(self, run):
            rates.append(run.optimizer.lr)

    plateau = nn.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=10.0,
                                   threshold_mode="abs")
    nn.fit(model, HALVES[0], nn.cross_entropy, optimizer, 3, progress=False, callbacks=[
        clip, nn.Schedule(nn.ExponentialLR(optimizer, 0.9), every="batch"),
        nn.Schedule(plateau, monitor="loss"), Norm()])
    assert len(clip.norms) == 9 and min(clip.norms) > 1e-3
    np.testing.assert_allclose(rates, [0.1 * 0.9**3, 0.5 * 0.1 * 0.9**6, 0.25 * 0.1 * 0.9**9])
    with pytest.raises(ArgumentError, match="every is epoch or batch"):
        nn.Schedule(plateau, every="step")
    with pytest.raises(ArgumentTypeError, match=r"Schedule takes nn.StepLR\(optimizer, 10\)"):
        nn.Schedule(optimizer)


# ── a loss that isn't finite ─────────────────────────────────────────────────────────────────────

def test_a_nan_says_where_it_was_born():
    """The operation and the user's line; nothing of the model has changed."""
    class Rooted(nn.Linear):
        def forward(self, x):
            return np.log(super().forward(x) - 1e3)

    model = Rooted(2, 1, rng=0)
    model.seen = np.zeros(2)
    before = model.state_dict()
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as caught:
        fitted(model, nn.DataLoader(X, X[:, :1]), nn.mse_loss)
    text = str(caught.value)
    assert "the loss is nan (epoch 1, batch 1): log gave nan at [0, 0]" in text
    assert "np.log(super().forward(x) - 1e3)" in text and "learning rate (it is 0.05)" in text
    assert all(np.array_equal(before[n], a) for n, a in model.state_dict().items())


def test_a_nan_of_the_backward_pass_is_traced_to_the_step_before():
    """The parameters are nan since a step, whose batch is looked at again with its numbers."""
    class Rooted(nn.Linear):
        def forward(self, x):
            return np.sqrt(super().forward(x) ** 2)

    model = Rooted(2, 1, bias=False, rng=0)
    zero = np.zeros((1, 2))  # the slope of the root is inf there, and of the square 0
    model.weight.data = np.array([[1.0, 1.0]])
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as caught:
        fitted(model, [(zero, np.ones((1, 1))), (X, X[:, :1])], nn.mse_loss)
    text = str(caught.value)
    assert "batch 2), for weight isn't finite since the step before: in the backward pass" in text
    assert "np.sqrt(super().forward(x) ** 2)" in text
    assert np.isnan(model.weight.data).all(), "it is left as training left it"


def test_a_diverging_run_says_so():
    """No operation is to blame where numbers grow from step to step."""
    model = nn.Linear(2, 1, rng=0)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="learning rate .it is"):
        nn.fit(model, nn.DataLoader(X, X[:, :1]), nn.mse_loss, nn.SGD(model.parameters(), 1e6),
               epochs=100, progress=False)


def test_three_arrays_and_a_tuple_are_told_apart():
    """What people give in a loader's place, or a third array, is named with the cure."""
    with pytest.raises(ArgumentTypeError, match=r"not 3 arrays: put two of them together"):
        fitted(loader=nn.DataLoader(X, Y, np.ones(40)))
    for pair in ((X.tolist(), Y.tolist()), (X[:2].tolist(), Y[:2].tolist()), (X, Y), [X, Y]):
        with pytest.raises(ArgumentTypeError, match=r"nn.DataLoader\(X, y\)"):
            fitted(loader=pair)


def test_history_goes_on():
    """fit counts the epochs that were trained before; none is trained where there are enough."""
    model = network()
    optimizer = nn.SGD(model.parameters(), 0.1)
    first = nn.fit(model, HALVES[0], nn.cross_entropy, optimizer, 2, progress=False)
    both = nn.fit(model, HALVES[0], nn.cross_entropy, optimizer, 5, progress=False, history=first)
    assert [epoch.number for epoch in both] == [1, 2, 3, 4, 5] and both[:2] == first
    assert nn.fit(model, HALVES[0], nn.cross_entropy, optimizer, 5, progress=False,
                  history=both) == both


def test_metrics_of_a_network_of_values():
    """Its predictions are lists, which become rows."""
    model = nn.MLP(2, [3, 2])
    history = nn.fit(model, nn.DataLoader(X[:6], Y[:6], batch_size=4), nn.cross_entropy,
                     nn.SGD(model.parameters(), 0.1), 2, progress=False, metrics=[nn.accuracy])
    assert 0 <= history[-1].accuracy <= 1 and ag.Value(1.0).data == 1.0
