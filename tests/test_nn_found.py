"""What was silently wrong in training when it was looked for: gradients, states, precisions."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.errors import (
    ArgumentError,
    ArgumentTypeError,
    DTypeError,
    GraphError,
    ShapeError,
    StorageError,
)

X = np.random.default_rng(0).normal(size=(12, 2))
Y = X[:, :1]


def two_layers():
    """A body, and a head that is trained."""
    return nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=1))


def test_gradients_of_what_is_not_stepped_do_not_pile_up():
    """Each batch's are its own, also of layers that another optimizer steps, or none."""
    model, norms = two_layers(), nn.GradientNorms()
    nn.fit(model, [(X, Y)] * 4, nn.mse_loss, nn.SGD(model[1].parameters(), lr=0.0), 1,
           progress=False, callbacks=[norms])
    assert len(set(norms.norms["0.weight"])) == 1

    class Second(nn.Callback):
        def __init__(self, optimizer):
            self.optimizer = optimizer

        def after_step(self, run):
            self.optimizer.step()

    parts, whole = two_layers(), two_layers()
    nn.fit(parts, [(X, Y)] * 4, nn.mse_loss, nn.SGD(parts[0].parameters(), 0.1), 2, progress=False,
           callbacks=[Second(nn.SGD(parts[1].parameters(), 0.1))])
    nn.fit(whole, [(X, Y)] * 4, nn.mse_loss, nn.SGD(whole.parameters(), 0.1), 2, progress=False)
    for p, q in zip(parts.parameters(), whole.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_health_stores_no_gradient():
    """Not in parameters that `parameters()` leaves out, nor in an input, nor in an optimizer's."""
    class Head(nn.Module):
        def __init__(self):
            self.body, self.head = nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=1)

        def forward(self, x):
            return self.head(self.body(x))

        def parameters(self):
            return self.head.parameters()

    model, scale, x = Head(), Tensor([2.0]), Tensor(X)
    scale.grad = np.array([5.0])
    optimizer = nn.SGD([*model.parameters(), scale], 0.1)
    found = [nn.health(model, x, Y, lambda p, y: nn.mse_loss(p * scale, y), optimizer)
             for _ in range(3)]
    assert len({seen["body"].gradient for seen in found}) == 1 and found[0]["body"].gradient > 0
    assert model.body.weight.grad is None and x.grad is None and scale.grad.tolist() == [5.0]


@pytest.mark.parametrize(("name", "lower"), [
    ("val_loss", True), ("val_cross_entropy", True), ("perplexity", True), ("mae", True),
    ("binary_cross_entropy", True), ("val_accuracy", False), ("f1", False), ("R2", False)])
def test_names_say_what_is_better(name, lower):
    """The same rule for stopping and for what a history calls best."""
    assert nn.EarlyStopping(name).sign == (1 if lower else -1)
    history = nn.History(nn.Epoch(i, 0.0, {name: x}) for i, x in enumerate([3.0, 5.0, 4.0]))
    assert f" {3 if lower else 5} " in repr(history).splitlines()[-1]


class Scripted(nn.Callback):
    """Puts numbers into the history that a test has chosen."""

    def __init__(self, numbers):
        self.numbers = numbers

    def after_epoch(self, run):
        number = self.numbers[run.epoch - 1]
        run.history[-1] = nn.Epoch(run.epoch, run.history[-1].loss, {"score": number})


def test_a_run_that_had_stopped_stays_stopped(tmp_path):
    """Loaded again, it trains no further; the best comes back all the same."""
    def fit(model, stopping, history=(), more=()):
        return nn.fit(model, [(X, Y)], nn.mse_loss, optimizer, 9, progress=False, history=history,
                      callbacks=[Scripted([1, 2, 3, 2, 1, 9, 9, 9, 9]), stopping, *more])

    model, stopping = two_layers(), nn.EarlyStopping("score", 2)
    optimizer = nn.SGD(model.parameters(), 0.1)
    done = fit(model, stopping, more=[nn.Checkpoint(tmp_path / "run.npz")])
    assert len(done) == 5
    other, again = two_layers(), nn.EarlyStopping("score", 2)
    optimizer = nn.SGD(other.parameters(), 0.1)
    history = nn.load_checkpoint(tmp_path / "run.npz", other, optimizer, callbacks=[again])
    assert fit(other, again, history) == done
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_stopping_serves_one_training_after_the_other():
    """The second model doesn't get what was best of the first."""
    first, second = two_layers(), nn.Sequential(nn.Linear(2, 1, rng=5))
    stopping = nn.EarlyStopping("loss", patience=1, min_delta=10.0)
    for model in (first, second):
        nn.fit(model, [(X, Y)], nn.mse_loss, nn.SGD(model.parameters(), 0.1), 4, progress=False,
               callbacks=[stopping])
    assert list(stopping.kept) == ["0.weight", "0.bias"] == list(second.state_dict())
    assert stopping.best_epoch == 1


def test_a_loss_that_trains_nothing_is_refused():
    """Numbers were taken out of a node on the way: nothing has moved."""
    model = two_layers()
    for loss in (lambda p, y: ag.mean((Tensor(p.data) - y) ** 2), lambda p, y: Tensor(3.0)):
        with pytest.raises(GraphError, match="would train nothing"):
            nn.fit(model, [(X, Y)], loss, nn.SGD(model.parameters(), 0.1), 2, progress=False)


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_what_is_frozen_in_a_list_is_saved(tmp_path, suffix):
    """As the node was found there, so is the array; in dicts too; not behind an underscore."""
    class Net(nn.Module):
        def __init__(self, fill):
            self.ws = [Tensor(np.full(2, fill)), {"x": Tensor(np.full(3, fill))}]
            self.scale, self.count = Value(fill), np.array(int(fill), np.uint8)
            self._own = [np.full(2, fill)]

    model, other = Net(1.0), Net(5.0)
    for net in (model, other):
        net.ws[0], net.ws[1]["x"] = net.ws[0].data * 7, net.ws[1]["x"].data * 3
        net.scale = np.float64(net.scale.data)
    assert list(model.state_dict()) == ["ws.0", "ws.1.x", "scale", "count"]
    nn.save(model, tmp_path / f"m.{suffix}") if suffix == "npz" else None
    if suffix == "safetensors":
        model.count = other.count = np.array(1, np.int64)
        nn.save(model, tmp_path / f"m.{suffix}")
    nn.load(other, tmp_path / f"m.{suffix}")
    assert other.ws[0].tolist() == [7.0, 7.0] and other.ws[1]["x"].tolist() == [3.0] * 3
    assert other.scale == 1.0 and other.count == 1 and other._own[0].tolist() == [5.0, 5.0]


def test_generators_in_lists_are_part_of_a_run(tmp_path):
    """Whatever holds them, they go on where they were."""
    class Net(nn.Module):
        def __init__(self, seed):
            self.w, self.rngs = Tensor([1.0]), [np.random.default_rng(seed)]

    model, other = Net(0), Net(1)
    model.rngs[0].random(3)
    nn.save_checkpoint(tmp_path / "c.npz", model)
    nn.load_checkpoint(tmp_path / "c.npz", other)
    assert model.rngs[0].random() == other.rngs[0].random()


@pytest.mark.parametrize("make", [lambda p: nn.SGD(p, 0.1, momentum=0.9),
                                  lambda p: nn.RMSprop(p, 0.1), lambda p: nn.Adam(p, 0.1)])
def test_a_single_number_of_float32_resumes_exactly(tmp_path, make):
    """Its moments stay float32 in a file."""
    class Net(nn.Module):
        def __init__(self):
            self.w = Tensor(np.float32(0.3))

    def steps(net, optimizer, k):
        for i in range(k):
            net.w.grad = np.float32(0.1 + 0.37 * i)
            optimizer.step()

    nets = [Net() for _ in range(2)]
    one, other = (make(net.parameters()) for net in nets)
    steps(nets[0], one, 5)
    nn.save_checkpoint(tmp_path / "c.npz", nets[0], one)
    nn.load_checkpoint(tmp_path / "c.npz", nets[1], other)
    for net, optimizer in zip(nets, (one, other), strict=True):
        steps(net, optimizer, 7)
    assert nets[0].w.data == nets[1].w.data and nets[0].w.dtype == np.float32


def test_dropout_of_whole_numbers_and_in_programs():
    """What is kept grows by 1/(1 − p), also of integers; a program would keep one mask for ever."""
    assert set(nn.Dropout(0.2, rng=0)(np.ones(50, int))) == {0.0, 1.25}
    layer = nn.Dropout(0.5, rng=0)
    with pytest.raises(GraphError, match="call model.eval"):
        ag.compile(lambda z: ag.sum(layer(z)))(np.ones(4))


def test_standardize_does_not_broadcast():
    """Other columns are refused; tiny and huge data keep their spread; only real numbers."""
    for made, given in (((50, 3), (4, 1)), ((3, 1), (2, 5)), ((5, 2), (4, 3))):
        layer = nn.Standardize(np.random.default_rng(0).normal(size=made))
        with pytest.raises(ShapeError, match="was made of rows of shape"):
            layer(np.ones(given))
    for size in (1e-200, 1e200):
        data = np.array([[1.0], [3.0]]) * size
        np.testing.assert_allclose(nn.Standardize(data)(data), [[-1.0], [1.0]], rtol=1e-14)
    for bad in (X + 1j, X > 0, np.array([["a"]])):
        with pytest.raises(DTypeError, match="takes real numbers"):
            nn.Standardize(bad)
    with pytest.raises(DTypeError):
        nn.Standardize(X, dtype=int)


@pytest.mark.parametrize(("layer", "x"), [
    (nn.Linear(2, 1, dtype=np.float32), np.ones((3, 2), int)),
    (nn.Conv2d(1, 1, 2, dtype=np.float32), np.ones((1, 1, 3, 3))),
    (nn.LSTM(2, 3, dtype=np.float32), np.ones((1, 2, 2))),
    (nn.LayerNorm(2, dtype=np.float32), np.ones((3, 2), int)),
    (nn.BatchNorm1d(2, dtype=np.float32), np.ones((3, 2))),
    (nn.MultiheadAttention(2, 1, dtype=np.float32), np.ones((1, 2, 2))),
], ids=lambda x: type(x).__name__)
def test_layers_tell_of_what_widens_them(layer, x):
    """float64, and integers that become it; float32 and bytes are well."""
    with pytest.warns(UserWarning, match=r"holds float32 and is given .*astype\(np\.float32\)"):
        layer(x)
    layer(x.astype(np.float32))
    layer(x.astype(np.uint8))


def test_a_batch_norm_without_bias_keeps_its_weight():
    """And its statistics don't move if something in it fails."""
    layer = nn.BatchNorm1d(2)
    layer.bias, layer.weight.data = None, np.array([3.0, 5.0])
    np.testing.assert_allclose(layer(X).data.std(axis=0), [3.0, 5.0], rtol=1e-4)
    before = layer.state_dict()
    layer.weight = np.ones(3)
    with pytest.raises(ValueError, match="reshape|broadcast|shape"):
        layer(X)
    layer.weight = before["weight"]
    assert all(np.array_equal(before[n], a) for n, a in layer.state_dict().items())


def test_what_cannot_be_read_back_is_not_written(tmp_path):
    """A callback's state that has no place in a file is refused before there is one."""
    class Odd(nn.Callback):
        def __init__(self, state):
            self.state = state

        def state_dict(self):
            return self.state

        def load_state_dict(self, state):
            self.state = state

    model = two_layers()
    for state, kind in (({(1, 2): 3}, ArgumentTypeError), ({"x": object()}, ArgumentTypeError),
                        ({"x": np.ones(2, complex)}, DTypeError)):
        with pytest.raises(kind, match="a state that is saved"):
            nn.save_checkpoint(tmp_path / "c.npz", model, callbacks=[Odd(state)])
        assert not (tmp_path / "c.npz").exists()
    nn.save_checkpoint(tmp_path / "c.npz", model, callbacks=[Odd({"x": np.arange(5.0)})])
    other = Odd({"x": np.zeros(1)})
    nn.load_checkpoint(tmp_path / "c.npz", two_layers(), callbacks=[other])
    assert other.state["x"].tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(StorageError, match="nn.load_checkpoint"):
        nn.load(model, tmp_path / "c.npz")


def test_what_fit_cannot_do_is_told_before_it_trains(tmp_path):
    """A pair for a validation, a folder that isn't there: nothing has moved then."""
    model = two_layers()
    before = model.state_dict()
    for options, kind in (({"validation": (X, Y)}, ArgumentTypeError),
                          ({"callbacks": [nn.Checkpoint(tmp_path / "no" / "x.npz")]}, OSError)):
        with pytest.raises(kind):
            nn.fit(model, [(X, Y)], nn.mse_loss, nn.SGD(model.parameters(), 0.1), 2,
                   progress=False, **options)
        assert all(np.array_equal(before[n], a) for n, a in model.state_dict().items())


@pytest.mark.parametrize(("call", "kind", "match"), [
    (lambda: nn.cross_entropy(X, np.zeros(12, int), ignore_index="0"), ArgumentTypeError, "ignore"),
    (lambda: nn.init.constant_(Tensor(X), None), ArgumentTypeError, "val is a number"),
    (lambda: nn.init.uniform_(Tensor(X), 2, 1), ArgumentError, "b must be"),
    (lambda: nn.accuracy([], []), ArgumentError, "one a row"),
    (lambda: nn.accuracy(X, np.array(["a"] * 12)), ArgumentError, "whole numbers"),
    (lambda: nn.clip_grad_norm_(two_layers().named_parameters(), 1.0), ArgumentTypeError,
     "takes parameters"),
    (lambda: nn.evaluate(two_layers(), [(X, Y)], metrics={"m": lambda p, y: p}), ArgumentTypeError,
     "the metric 'm' gave an array of shape"),
    (lambda: two_layers().load_state_dict({"0.weight": np.ma.masked_array(np.ones((3, 2)))},
                                          strict=False), DTypeError, "mask would be lost"),
    (lambda: nn.SGD([Tensor(X)], 0.1).param_groups.append(3), AttributeError, "append"),
])
def test_more_arguments_that_mean_nothing(call, kind, match):
    """Each is refused where it is given."""
    with pytest.raises(kind, match=match):
        call()


def test_a_schedule_sets_all_rates_or_none():
    """One that can't be leaves the others, and its count, as they were."""
    a, b = Tensor([1.0]), Tensor([2.0])
    optimizer = nn.SGD([{"params": [a]}, {"params": [b], "lr": 1e308}], 1.0)
    schedule = nn.ExponentialLR(optimizer, 10.0)
    with pytest.raises(ArgumentError, match="lr must be a finite number"):
        schedule.step()
    assert schedule.get_last_lr() == [1.0, 1e308] and schedule.steps == 0


def test_parameters_that_are_nan_from_the_start():
    """There is no step before to look at: the error says so, and nothing else goes wrong."""
    model = two_layers()
    model[1].bias.data = np.array([np.nan])
    with pytest.raises(FloatingPointError, match=r"for 1\.bias isn't finite from the start"):
        nn.fit(model, [(X, Y)], nn.mse_loss, nn.SGD(model.parameters(), 0.1), 1, progress=False)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_sizes_whose_squares_have_no_number(size):
    """A gradient of 1e-200 vanishes and isn't 0; one of 1e200 is finite."""
    class Scaled(nn.Linear):
        def forward(self, x):
            return super().forward(x * size)

    model, norms = Scaled(2, 1, bias=False, rng=0), nn.GradientNorms()
    seen = nn.health(model, X, None, lambda p, y: np.mean(p))[0]
    expected = size * np.hypot(*np.mean(X, axis=0))
    assert seen.gradient == pytest.approx(expected, rel=1e-12)
    assert "its gradient is 0" not in seen.notes
    recorder = nn.Recorder()
    nn.fit(model, [(X, Y)], lambda p, y: np.mean(p), nn.SGD(model.parameters(), 0.0), 1,
           progress=False, callbacks=[norms, recorder])
    assert norms.norms["weight"] == [pytest.approx(expected, rel=1e-12)]
    assert recorder.gradients["weight"] == [pytest.approx(expected / 2**0.5, rel=1e-12)]


def test_numbers_that_an_optimizer_of_ones_own_remembers():
    """They come back as they are; a moment has an entry for each of its parameter's."""
    class Slower(nn.SGD):
        def moved(self, x, g, state):
            state["factor"] = 0.5 * state.get("factor", 1.0)
            return x - self.lr * state["factor"] * g

    p = Tensor([1.0, 2.0])
    optimizer, again = Slower([p], 1.0), Slower([p], 1.0)
    p.grad = np.ones(2)
    optimizer.step()
    again.load_state_dict(optimizer.state_dict())
    again.step()
    assert p.data.tolist() == [0.25, 1.25]
    state = {"state": {0: {"step": 1, "exp_avg": 0.5, "exp_avg_sq": np.ones(2)}},
             "param_groups": nn.Adam([p]).state_dict()["param_groups"]}
    with pytest.raises(StorageError, match="exp_avg of parameter 0 has shape"):
        nn.Adam([p]).load_state_dict(state)
