"""Arguments of networks, optimizers and losses: wrong ones are refused before anything changes."""

from __future__ import annotations

import numpy as np
import pytest

from autograd_mini import Tensor, Value, nn
from autograd_mini.errors import (
    ArgumentError,
    ArgumentTypeError,
    AutogradError,
    DTypeError,
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
    ("nn.SGD([{'params': [v]}, v], lr=0.1)", KIND, "item 1 .*is no group: give dicts"),
    ("nn.SGD([{'lr': 0.1}], lr=0.1)", KIND, "item 0 .*is no group"),
    ("nn.SGD([{'params': [v]}, {'params': v}], lr=0.1)", RANGE, "given twice"),
    ("nn.SGD([{'params': [v], 'beta': 1}], lr=0.1)", RANGE, "no setting 'beta'; it has lr, mom"),
    ("nn.SGD([{'params': [v], 'lr': -1}], lr=0.1)", RANGE, "lr must be"),
    ("nn.SGD([{'params': []}], lr=0.1)", RANGE, "no parameters"),
    ("nn.SGD(nn.Neuron(1).named_parameters(), lr=0.1)", KIND, "not tuple .*without names"),
    ("nn.SGD([v, 2 * v], lr=0.1)", KIND, r"item 1 .* computed by multiply.*Value\(x.data\)"),
    # names
    ("nn.Adam([v], learning_rate=0.1)", KIND, "no argument 'learning_rate': it is called lr here"),
    ("nn.Adam(params=[v], lr=0.1)", KIND, "it is called parameters here"),
    ("nn.Adam([v], epsilon=0.1)", KIND, "it is called eps here"),
    ("nn.Adam([v], beta1=0.9)", KIND, "it is called betas here"),
    ("nn.SGD([v], lr=0.1, maximize=True)", KIND, "no argument 'maximize': it has .*momentum=0.0"),
    ("nn.SGD([v], lr=0.1, nesterov=True)", RANGE, "needs a momentum, and no dampening"),
    ("nn.SGD([v], lr=0.1, momentum=0.9, dampening=0.1, nesterov=True)", RANGE, "no dampening"),
    ("nn.SGD([v], lr=0.1, nesterov=1)", KIND, "nesterov is True or False"),
    ("nn.RMSprop([v], alpha=1)", RANGE, "alpha must be a finite number ≥ 0 and below 1"),
    ("nn.RMSprop([Tensor(np.ones(2, np.float32))], eps=1e-60)", RANGE, "0 in float32"),
    ("nn.Adagrad([v], eps=0)", RANGE, "eps must be"),
    ("nn.AdamW([v], weight_decay=-1)", RANGE, "weight_decay must be"),
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
    """A wrong argument raises the library's own error, which is a ValueError or TypeError too."""
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
    """NumPy's numbers and bools, generators, functions in a row and edges of ranges are taken."""
    assert eval(call, dict(NAMES)) is not None


def test_modules_and_optimizers_of_ones_own():
    """A subclass keeps its constructor's arguments, which the error for an unknown name lists."""
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
