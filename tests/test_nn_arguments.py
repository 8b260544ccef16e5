"""Arguments of networks, optimizers and losses: wrong ones are refused before anything changes."""

from __future__ import annotations

import copy
import pickle
import random

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.errors import (
    ArgumentError,
    ArgumentTypeError,
    AutogradError,
    DTypeError,
    GraphError,
    ShapeError,
)

INF, NAN = np.inf, np.nan
NAMES = {"nn": nn, "np": np, "Value": Value, "Tensor": Tensor, "v": Value(1.0), "inf": INF,
         "nan": NAN, "X": np.ones((4, 2)), "y": np.zeros((4, 1)), "f32": Tensor(np.ones(1, "f4"))}
KIND, RANGE, SHAPE, DTYPE = ArgumentTypeError, ArgumentError, ShapeError, DTypeError

REFUSED = [
    # scalar networks
    ("nn.Neuron(-1)", RANGE, "nin must be at least 0, not -1"),
    ("nn.Neuron(2.0)", KIND, "nin is a whole number, not 2.0"),
    ("nn.Neuron('2')", KIND, "nin is a whole number, not '2'"),
    ("nn.Neuron(True)", KIND, "nin is a whole number, not True"),
    ("nn.Neuron(None)", KIND, "nin is a whole number"),
    ("nn.Neuron(v)", KIND, "nin is a whole number"),
    ("nn.Neuron(2, nonlin='tanh')", KIND, "nonlin is True or False, not 'tanh'"),
    ("nn.Layer(2, 0)", RANGE, "nout must be at least 1, not 0"),
    ("nn.Layer(2, [3])", KIND, r"nout is a whole number, not \[3\]"),
    ("nn.Layer(-2, 3)", RANGE, "nin must be at least 0"),
    ("nn.MLP(2, [-1])", RANGE, r"nouts\[0\] must be at least 1, not -1"),
    ("nn.MLP(2, [3, 0, 1])", RANGE, r"nouts\[1\] must be at least 1, not 0"),
    ("nn.MLP(2, [])", RANGE, r"nouts is empty: give the size of each layer"),
    ("nn.MLP(2, 3)", KIND, r"nouts is a list .*\[16, 1\], not 3"),
    ("nn.MLP(2, '31')", KIND, "nouts is a list"),
    ("nn.MLP(2, [1.5])", KIND, r"nouts\[0\] is a whole number, not 1.5"),
    ("nn.MLP([2], [1])", KIND, r"nin is a whole number, not \[2\]"),
    ("nn.MLP(-2, [1])", RANGE, "nin must be at least 0"),
    ("nn.Neuron(2)(np.eye(2))", SHAPE, r"one sample of 2 numbers.*\(2,\): of a batch"),
    ("nn.Neuron(2)(3.0)", KIND, r"ReLUNeuron\(2\) takes a list of numbers, not 3.0"),
    ("nn.MLP(1, [2, 1])(0.5)", KIND, r"takes a list of numbers, not 0.5: of one number, \[x\]"),
    ("nn.Neuron(2)([1j, 2])", DTYPE, "complex"),
    ("nn.Linear(1, 1).train(10)", KIND, "mode .fit trains the model.* True or False, not 10"),
    ("nn.Neuron(0)([1.0])", SHAPE, "takes no inputs, got 1"),
    # layers of arrays
    ("nn.Linear(0, 3)", RANGE, "in_features must be at least 1, not 0"),
    ("nn.Linear(-1, 2)", RANGE, "in_features must be at least 1, not -1"),
    ("nn.Linear(2, 0)", RANGE, "out_features must be at least 1, not 0"),
    ("nn.Linear(2.5, 1)", KIND, "in_features is a whole number, not 2.5"),
    ("nn.Linear('a', 1)", KIND, "in_features is a whole number, not 'a'"),
    ("nn.Linear(2, 1, 'no')", KIND, "bias is True or False, not 'no'"),
    ("nn.Linear(2, 1, np.random.default_rng(0))", KIND, "bias is True or False"),
    ("nn.Linear(2, 1, rng='a')", KIND, "rng is a seed .* not 'a'"),
    ("nn.Linear(2, 1, rng=-1)", KIND, "rng is a seed"),
    ("nn.Linear(2, 1, dtype=int)", DTYPE, "np.float64 or np.float32, not <class 'int'>"),
    ("nn.Linear(2, 1, dtype='double precision')", DTYPE, "not 'double precision'"),
    ("nn.Linear(2, 1, dtype=complex)", DTYPE, "np.float64 or np.float32"),
    ("nn.Sequential('a')", KIND, "argument 0 of Sequential is 'a'.* give modules"),
    ("nn.Sequential(nn.Linear(1, 1), nn.ReLU)", KIND, r"argument 1 .* write ReLU\(\)"),
    ("nn.Sequential([nn.ReLU()])", KIND, r"write Sequential\(\*layers\)"),
    ("nn.Sequential(None)", KIND, "argument 0 of Sequential is None"),
    ("nn.Sequential(Tensor([1.0]))", KIND, "argument 0 of Sequential is Tensor"),
    # optimizers' numbers
    *[(f"nn.SGD([v], lr={x})", RANGE, f"lr must be a finite number ≥ 0, not {x}")
      for x in ("inf", "nan", "-1.0", "-inf")],
    ("nn.SGD([v], lr=10**400)", RANGE, "lr must be a finite number ≥ 0, not inf"),
    *[(f"nn.Adam([v], lr={x})", KIND, "lr is a (plain )?number, not")
      for x in ("'a'", "None", "True", "1j", "[0.1]", "v", "np.ones(1)")],
    ("nn.SGD([v], 0.1, momentum=-3)", RANGE, "momentum must be a finite number from 0 to 1"),
    ("nn.SGD([v], 0.1, momentum=1.5)", RANGE, "momentum must be .* not 1.5"),
    ("nn.SGD([v], 0.1, momentum=nan)", RANGE, "momentum must be .* not nan"),
    ("nn.SGD([v], 0.1, momentum='0.9')", KIND, "momentum is a number, not '0.9'"),
    ("nn.SGD([v], 0.1, weight_decay=-1)", RANGE, "weight_decay must be a finite number ≥ 0"),
    ("nn.Adam([v], betas=(1.5, 2))", RANGE, r"betas\[0\] must be .* ≥ 0 and below 1, not 1.5"),
    ("nn.Adam([v], betas=(0.9, 1))", RANGE, r"betas\[1\] must be .* below 1, not 1"),
    ("nn.Adam([v], betas=(-0.1, 0.9))", RANGE, r"betas\[0\]"),
    ("nn.Adam([v], betas=(nan, 0.9))", RANGE, r"betas\[0\]"),
    ("nn.Adam([v], betas=0.9)", KIND, r"betas is two numbers, \(0.9, 0.999\), not 0.9"),
    ("nn.Adam([v], betas=(0.9,))", KIND, "betas is two numbers"),
    ("nn.Adam([v], betas=(0.9, 'a'))", KIND, r"betas\[1\] is a number, not 'a'"),
    ("nn.Adam([v], eps=0)", RANGE, "eps must be a finite number above 0"),
    ("nn.Adam([v], eps=-1e-8)", RANGE, "eps must be"),
    ("nn.Adam([f32], eps=1e-60)", RANGE, "eps = 1e-60 is 0 in float32"),
    ("nn.Adam([v], weight_decay=inf)", RANGE, "weight_decay must be"),
    ("nn.Adam([v], weight_decay=None)", KIND, "weight_decay is a number, not None"),
    # optimizers' parameters
    ("nn.SGD([], lr=0.1)", RANGE, r"no parameters: pass model.parameters\(\)"),
    ("nn.SGD(nn.ReLU().parameters(), lr=0.1)", RANGE, "no parameters"),
    ("nn.SGD(nn.Linear(1, 1), lr=0.1)", KIND, r"the model itself: pass model.parameters\(\)"),
    ("nn.SGD([v, v], lr=0.1)", RANGE, "given twice"),
    ("nn.SGD(v, lr=0.1)", KIND, r"takes a list of parameters, \[w, b\], not Value"),
    ("nn.SGD(Tensor([1.0, 2.0]), lr=0.1)", KIND, "takes a list of parameters"),
    ("nn.SGD(None, lr=0.1)", KIND, "takes a list of parameters, .* not None"),
    ("nn.SGD([v, 1.0], lr=0.1)", KIND, r"not float \(item 1 .*wrap plain numbers"),
    ("nn.SGD(np.ones(2), lr=0.1)", KIND, "not float64 .*wrap plain numbers"),
    ("nn.SGD([[v]], lr=0.1)", KIND, "not list .*one flat list"),
    ("nn.SGD({'w': v}, lr=0.1)", KIND, "not str .*not their names"),
    ("nn.SGD([{'params': [v]}], lr=0.1)", KIND, "not dict .*one optimizer for each group"),
    ("nn.SGD(nn.Neuron(1).named_parameters(), lr=0.1)", KIND, "not tuple .*without names"),
    ("nn.SGD([v, 2 * v], lr=0.1)", KIND, r"item 1 .* computed by multiply.*Value\(x.data\)"),
    # names
    ("nn.Adam([v], learning_rate=0.1)", KIND, "no argument 'learning_rate': it is called lr here"),
    ("nn.Adam(params=[v], lr=0.1)", KIND, "it is called parameters here"),
    ("nn.Adam([v], epsilon=0.1)", KIND, "it is called eps here"),
    ("nn.Adam([v], beta1=0.9)", KIND, "it is called betas here"),
    ("nn.SGD([v], lr=0.1, nesterov=True)", KIND, "no argument 'nesterov': it has .*momentum=0.0"),
    ("nn.Linear(2, 1, use_bias=False)", KIND, "it is called bias here"),
    ("nn.Linear(input_dim=2, units=1)", KIND, "it is called in_features here"),
    ("nn.MLP(2, hidden=[1])", KIND, "it is called nouts here"),
    ("nn.DataLoader(X, bs=3)", KIND, "it is called batch_size here"),
    ("nn.ReLU(inplace=True)", KIND, r"ReLU\(\) takes no arguments; it was given inplace"),
    ("nn.Tanh(3)", KIND, r"Tanh\(\) takes no arguments; it was given 3"),
    # data
    *[(f"nn.DataLoader(X, batch_size={x})", RANGE, f"batch_size must be at least 1, not {x}")
      for x in (0, -1)],
    *[(f"nn.DataLoader(X, batch_size={x})", KIND, "batch_size is a whole number")
      for x in ("2.0", "'a'", "None", "True")],
    ("nn.DataLoader(X, 32)", SHAPE, r"\[\(4, 2\), \(\)\] .batch_size=… is given by its name"),
    ("nn.DataLoader()", SHAPE, "one length"),
    ("nn.DataLoader(X, y[:3])", SHAPE, r"\[\(4, 2\), \(3, 1\)\]"),
    ("nn.DataLoader(X, shuffle='no')", KIND, "shuffle is True or False, not 'no'"),
    ("nn.DataLoader(X, drop_last=None)", KIND, "drop_last is True or False"),
    ("nn.DataLoader(X, rng=0.5)", KIND, "rng is a seed"),
    ("nn.DataLoader(np.ma.masked_less([1.0, 2.0], 2))", DTYPE, "mask"),
    # losses
    *[(f"nn.{loss}(Tensor(np.ones({n})), np.ones({n}))", SHAPE, "the mean of nothing is no number")
      for loss in ("mse_loss", "hinge_loss", "binary_cross_entropy_with_logits")
      for n in (0, (2, 0))],
    ("nn.mse_loss([], [])", SHAPE, "the mean of nothing"),
    ("nn.cross_entropy(Tensor(np.ones((0, 3))), np.ones(0, int))", SHAPE, "mean of nothing"),
    ("nn.cross_entropy(Tensor(np.ones((2, 0))), np.zeros(2, int))", SHAPE, "mean of nothing"),
    ("nn.cross_entropy([], [])", SHAPE, "the mean of nothing"),
    ("nn.cross_entropy(v, 0)", SHAPE, "one number; it takes a logit for each class"),
    ("nn.mse_loss(v, None)", DTYPE, r"mse_loss: the target is .* real numbers, not None"),
    ("nn.mse_loss([v], [None])", DTYPE, "the target is an array of real numbers"),
    ("nn.mse_loss(v, 'a')", DTYPE, "real numbers, not 'a'"),
    ("nn.mse_loss(v, 1j)", DTYPE, r"real numbers, not 1j \(complex128\)"),
    ("nn.mse_loss('a', 1.0)", DTYPE, "the prediction is an array of real numbers"),
    ("nn.mse_loss(Tensor([1.0, 2.0]), np.ma.masked_less([1.0, 2.0], 2))", DTYPE, "mask"),
    ("nn.binary_cross_entropy_with_logits(v, -1)", RANGE, r"from 0 to 1; .*\(y \+ 1\) / 2"),
    ("nn.binary_cross_entropy_with_logits(v, nan)", RANGE, "from 0 to 1"),
    ("nn.cross_entropy(Tensor([1.0, 2.0]), [-1, 1])", RANGE, "no negative entries"),
    ("nn.cross_entropy(Tensor([1.0, 2.0]), [nan, 1])", RANGE, "no negative entries and no nan"),
    ("nn.hinge_loss(v, 0)", RANGE, "−1 and 1"),
]


@pytest.mark.parametrize(("call", "kind", "match"), REFUSED,
                         ids=[call for call, _, _ in REFUSED])
def test_a_wrong_argument_is_refused_at_once(call, kind, match):
    """Each is the library's own error, also NumPy's users' builtin, and says what is wrong."""
    with pytest.raises(kind, match=match) as caught:
        eval(call, dict(NAMES))
    assert isinstance(caught.value, AutogradError)
    assert isinstance(caught.value, ValueError | TypeError)


@pytest.mark.parametrize("call", [
    "nn.Neuron(np.int64(2))", "nn.MLP(0, (2, 1))", "nn.MLP(2, np.array([3, 1]))",
    "nn.Neuron(2, np.bool_(False))", "nn.Linear(1, 2, dtype='float32', rng=3)",
    "nn.Sequential()", "nn.Sequential(nn.ReLU(), np.tanh, lambda x: x)",
    "nn.SGD([v], lr=0)", "nn.SGD([v], lr=np.array(0.5))",
    "nn.SGD((p for p in [v]), lr=np.float32(0.1), momentum=1)",
    "nn.Adam({v: 1}.keys(), betas=[0, 0.5], eps=1e-300)", "nn.SGD([v, f32], 1)",
    "nn.DataLoader(X, batch_size=np.int32(3), rng=np.random.default_rng(0), shuffle=True)",
])
def test_what_makes_sense_is_taken(call):
    """NumPy's own numbers and bools, generators, functions in a row, and edges of the ranges."""
    assert eval(call, dict(NAMES)) is not None


def test_a_seed_gives_the_same_weights():
    """A whole number for rng is what a generator made from it is."""
    one, two = nn.Linear(3, 2, rng=7), nn.Linear(3, 2, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(one.weight.data, two.weight.data)


def test_settings_are_checked_when_they_are_changed():
    """A schedule that gives nan is an error at its line; the old number stays."""
    optimizer = nn.Adam([Value(1.0)], lr=0.1)
    for name, bad in [("lr", NAN), ("lr", -1), ("eps", 0), ("betas", (1, 1)),
                      ("weight_decay", INF)]:
        with pytest.raises(ArgumentError, match=name):
            setattr(optimizer, name, bad)
    with pytest.raises(ArgumentTypeError, match="lr is a number, not 'a'"):
        optimizer.lr = "a"
    assert (optimizer.lr, optimizer.eps, optimizer.betas) == (0.1, 1e-8, (0.9, 0.999))
    optimizer.lr *= 0.5
    assert optimizer.lr == 0.05 and pickle.loads(pickle.dumps(optimizer)).lr == 0.05
    assert copy.deepcopy(optimizer).betas == (0.9, 0.999)


def test_modules_and_optimizers_of_ones_own():
    """Their constructors keep their own arguments; an unknown name is said with those."""
    class Net(nn.Module):
        def __init__(self, width, *, depth=2, **rest):
            self.width, self.rest = width, rest

    class Fixed(nn.Module):
        def __init__(self, width=3):
            self.width = width

    class Half(nn.Optimizer):
        def __init__(self, parameters, lr=0.5):
            super().__init__(parameters, lr)

        def moved(self, x, g, state):
            return x - self.lr * g

    assert Net(3, depth=1, units=2).rest == {"units": 2} and Fixed(width=4).width == 4
    with pytest.raises(ArgumentTypeError, match=r"Fixed\(\) has no .* 'units': it has width=3"):
        Fixed(units=3)
    p = Value(1.0)
    p.grad = 1.0
    Half([p]).step()
    assert p.data == 0.5
    with pytest.raises(ArgumentError, match="lr must be"):
        Half([p], lr=-1)


# ── fit ──────────────────────────────────────────────────────────────────────────────────────

def fitted(**changed):
    """nn.fit of a small model with some arguments changed; the model's numbers must not be."""
    model = nn.Linear(2, 1, rng=0)
    before = model.weight.data.copy()
    arguments = {"model": model, "loader": nn.DataLoader(np.ones((4, 2)), np.ones((4, 1))),
                 "loss": nn.mse_loss, "optimizer": nn.SGD(model.parameters(), lr=0.1),
                 "epochs": 1, "progress": False} | changed
    try:
        return nn.fit(**arguments)
    finally:
        np.testing.assert_array_equal(model.weight.data, before)


@pytest.mark.parametrize(("changed", "kind", "match"), [
    ({"epochs": -1}, RANGE, "epochs must be at least 0, not -1"),
    ({"epochs": "3"}, KIND, "epochs is a whole number, not '3'"),
    ({"epochs": 1.5}, KIND, "epochs is a whole number, not 1.5"),
    ({"epochs": None}, KIND, "epochs is a whole number"),
    ({"progress": "no"}, KIND, "progress is True or False"),
    ({"model": np.tanh}, KIND, "model is a Module"),
    ({"loader": 3}, KIND, "loader gives batches"),
    ({"loss": "mse"}, KIND, "loss is a function"),
    ({"optimizer": nn.mse_loss}, KIND, "optimizer is an Optimizer"),
    ({"optimizer": nn.SGD}, KIND, "optimizer is an Optimizer"),
    ({"after_epoch": 3}, KIND, "after_epoch is a function"),
    ({"loader": (np.ones((2, 2)), np.ones((2, 1)))}, KIND, r"is \(x, y\), not an array of shape"),
    ({"loader": [(np.ones((2, 2)),) * 3]}, KIND, r"is \(x, y\), not 3 arrays.*DataLoader"),
    ({"loader": [(np.ones((1, 2)), 1.0)]}, KIND, "one target a sample; got 1.0"),
    ({"loader": []}, RANGE, "had no batches"),
    ({"loss": lambda a, b: 0.5}, GraphError, "one Value or Tensor of shape .*; got 0.5"),
    ({"loss": lambda a, b: a - b}, GraphError, r"; got shape \(4, 1\)"),
    ({"model": nn.ReLU()}, RANGE, "no parameters"),
])
def test_fit_refuses_before_the_first_step(changed, kind, match):
    """Each argument of the wrong kind is named, and no parameter has moved."""
    with pytest.raises(kind, match=match):
        fitted(**changed)


def test_fit_of_no_epochs_does_nothing():
    """0 epochs is no mistake: the history is empty."""
    assert fitted(epochs=0) == []


def test_fit_refuses_an_optimizer_of_another_model():
    """It would train nothing, or not what was put in since; some of the parameters are well."""
    with pytest.raises(ArgumentError, match="2 parameters that aren't the model's, and not 2 that"):
        fitted(optimizer=nn.SGD(nn.Linear(2, 1).parameters(), lr=0.1))
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Linear(2, 1, rng=1))
    loader = nn.DataLoader(np.ones((4, 2)), np.ones((4, 1)))
    last = nn.SGD(model[1].parameters(), lr=0.1)
    before = model[0].weight.data.copy()
    nn.fit(model, loader, nn.mse_loss, last, epochs=1, progress=False)  # the rest is frozen
    np.testing.assert_array_equal(model[0].weight.data, before)
    more = nn.SGD([*model.parameters(), Value(1.0)], lr=0.1)
    assert len(nn.fit(model, loader, nn.mse_loss, more, epochs=1, progress=False)) == 1
    model.steps[1] = nn.Linear(2, 1)  # after its optimizer was made
    with pytest.raises(ArgumentError, match="make it, after the model"):
        nn.fit(model, loader, nn.mse_loss, more, epochs=1, progress=False)


# ── Values stay Values ───────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("nonlin", [True, False])
@pytest.mark.parametrize("nin", [0, 1, 3])
def test_a_network_of_values_gives_values(nin, nonlin):
    """Whatever the number of inputs and their kind; the gradients arrive."""
    for kind in (list, tuple, np.array):
        x = kind([1.0] * nin)
        neuron = nn.Neuron(nin, nonlin)
        neuron.b.data = 4.0
        act = neuron(x)
        assert type(act) is Value
        act.backward()
        assert [p.grad for p in neuron.parameters()] == [1.0] * (nin + 1)
        with ag.no_grad():
            assert type(neuron(x)) is Value
        assert [type(v) for v in nn.Layer(nin, 2, nonlin)(x)] == [Value, Value]
        assert type(nn.MLP(nin, [2, 1])(x)) is Value


def test_losses_of_a_value_are_values():
    """A prediction that is one Value, with a plain number or a Value for target."""
    for loss in (nn.mse_loss, nn.hinge_loss, nn.binary_cross_entropy_with_logits):
        for target in (1, 1.0, np.float32(1), np.array(1.0), Value(1.0)):
            p = Value(0.5)
            value = loss(p, target)
            assert type(value) is Value
            value.backward()
            assert type(p.grad) is float
            assert value.data == pytest.approx(loss(Tensor([0.5]), [1.0]).item(), rel=1e-15)


@pytest.mark.slow  # all losses are compiled
def test_losses_can_be_compiled():
    """A program of a loss of arrays gives, at other points too, what the loss gives."""
    X, w = np.array([[1.0, 2.0], [-1.0, 0.5], [0.0, -1.0]]), np.array([0.3, -0.2])
    y = np.array([1.0, 0.0, 0.25])

    def f(w):
        return nn.binary_cross_entropy_with_logits(X @ w, y)

    program = ag.compile(f)
    for point in (w, -2 * w):
        assert program(point) == pytest.approx(f(point), rel=1e-14)


# ── limits of the cross-entropies ────────────────────────────────────────────────────────────

@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_right_infinite_logits_cost_nothing(dtype):
    """−log σ(∞) and −log(1 − σ(−∞)) are 0 with slope 0, without a warning."""
    z = Tensor(np.array([INF, -INF, 0.0], dtype))
    loss = nn.binary_cross_entropy_with_logits(z, [1, 0, 0.5])
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2) / 3, rel=4 * float(np.finfo(dtype).eps))
    assert z.grad.tolist() == [0, 0, 0] and loss.dtype == dtype
    assert nn.binary_cross_entropy_with_logits(Value(INF), 1).data == 0.0
    with np.errstate(over="ignore"):
        assert nn.binary_cross_entropy_with_logits(Value(-INF), 1).data == INF
    scores = Tensor(np.array([-INF, 1.0, 1.0], dtype))
    loss = nn.cross_entropy(scores, np.array([0, 0.5, 0.5]))
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2), rel=4 * float(np.finfo(dtype).eps))
    assert scores.grad.tolist() == [0, 0, 0]


def test_derivatives_of_the_binary_cross_entropy():
    """∂L/∂z = σ(z) − t and ∂²L/∂z² = σ(z)(1 − σ(z)), for hard targets and soft ones."""
    z = np.array([-30.0, -1.0, 0.0, 2.0, 40.0])
    s = 1 / (1 + np.exp(-z))
    for t in (np.zeros(5), np.ones(5), np.array([0.0, 0.25, 1.0, 0.5, 1.0])):
        def f(z, t=t):
            return 5 * nn.binary_cross_entropy_with_logits(z, t)

        np.testing.assert_allclose(ag.grad(f)(z), s - t, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(np.diag(ag.hessian(f)(z)), s * (1 - s), rtol=1e-12, atol=1e-15)


# ── parameters that got no gradient ──────────────────────────────────────────────────────────

def embedded_loss(rows, out, word, following):
    """−log of the probability of the following word, of Values alone, as the lecture writes it."""
    logits = [sum(w * x for w, x in zip(ws, rows[word], strict=True)) for ws in out]
    top = max(logit.data for logit in logits)
    powers = [(logit - top).exp() for logit in logits]
    return -(powers[following] / sum(powers)).log()


@pytest.mark.parametrize("make", [
    lambda p: nn.SGD(p, lr=0.5, momentum=0.5), lambda p: nn.Adam(p, lr=0.05),
], ids=["SGD", "Adam"])
def test_embeddings_train_although_rows_do_not_occur(make):
    """A step leaves the rows of other words alone; they learn when their turn comes."""
    random.seed(0)
    rows, out = ([[Value(random.gauss(0, 0.5)) for _ in range(3)] for _ in range(4)]
                 for _ in range(2))
    parameters = [p for matrix in (rows, out) for row in matrix for p in row]
    optimizer, losses = make(parameters), []
    for step in range(150):
        word = step % 3  # the word 3 never occurs
        before = [[p.data for p in row] for row in rows]
        optimizer.zero_grad()
        loss = embedded_loss(rows, out, word, (word + 1) % 3)
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
        moved = [[p.data for p in row] != old for row, old in zip(rows, before, strict=True)]
        assert moved == [word == i for i in range(4)]
    assert np.mean(losses[-3:]) < 0.1 * np.mean(losses[:3])


@pytest.mark.parametrize("kind", [Value, lambda x: Tensor([x])], ids=["Value", "Tensor"])
def test_adam_counts_the_steps_of_each_parameter(kind):
    """A parameter whose gradient comes for the first time in step 4 moves as in a first step."""
    late, alone, other = kind(1.0), kind(1.0), kind(1.0)
    optimizer, fresh = nn.Adam([late, other], lr=0.1), nn.Adam([alone], lr=0.1)
    for _ in range(3):
        other.grad = 1.0
        optimizer.step()
    assert late.data == 1.0
    late.grad = other.grad = alone.grad = 2.0
    optimizer.step()
    fresh.step()
    assert late.data == alone.data == pytest.approx(0.9, rel=1e-8) and other.data < 0.7
    late.grad = None
    optimizer.step()
    assert late.data == alone.data


def test_a_gradient_of_zero_is_a_gradient():
    """After model.zero_grad() a Value's is 0: momentum moves it on, as Adam's moments do."""
    for make in (lambda p: nn.SGD(p, lr=0.1, momentum=0.5), lambda p: nn.Adam(p, lr=0.1)):
        p = Value(1.0)
        optimizer = make([p])
        p.grad = 1.0
        optimizer.step()
        first = p.data
        p.grad = 0.0
        optimizer.step()
        assert p.data < first
        p.grad = None
        second = p.data
        optimizer.step()
        assert p.data == second
