"""Networks: micrograd's on Values, PyTorch's names on arrays, and their training."""

from __future__ import annotations

import importlib
import random

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn


def moons():
    """make_moons(100, noise=0.1) after np.random.seed(1337), as micrograd's demo draws it."""
    datasets = pytest.importorskip("sklearn.datasets", reason="the demo extra isn't installed")
    np.random.seed(1337)
    random.seed(1337)
    X, y = datasets.make_moons(n_samples=100, noise=0.1)
    return X, y * 2 - 1


def micrograd_step(model, X, y, k):
    """One step of micrograd's demo notebook, in its own vocabulary."""
    inputs = [list(map(Value, row)) for row in X]
    scores = list(map(model, inputs))
    losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    total = data_loss + 1e-4 * sum(p * p for p in model.parameters())
    accuracy = sum((yi > 0) == (s.data > 0) for yi, s in zip(y, scores, strict=True)) / len(y)
    model.zero_grad()
    total.backward()
    for p in model.parameters():
        p.data -= (1.0 - 0.9 * k / 100) * p.grad
    return total.data, accuracy


def test_micrograds_demo_gives_micrograds_losses():
    """The losses and accuracies that micrograd's demo notebook prints for its first steps."""
    X, y = moons()
    model = nn.MLP(2, [16, 16, 1])
    assert len(model.parameters()) == 337
    printed = [0.8958441028683222, 1.7235905336972022, 0.7429006313851131]
    for k, loss in enumerate(printed):
        got, accuracy = micrograd_step(model, X, y, k)
        assert got == pytest.approx(loss, rel=1e-12)
        if k == 0:
            assert accuracy == 0.5


def test_reprs_are_micrograds():
    """The same words, so that printed notebooks match."""
    assert repr(nn.MLP(3, [4, 1])) == (
        "MLP of [Layer of [ReLUNeuron(3), ReLUNeuron(3), ReLUNeuron(3), ReLUNeuron(3)], "
        "Layer of [LinearNeuron(4)]]"
    )
    assert repr(nn.Neuron(2, nonlin=False)) == "LinearNeuron(2)"


def test_a_neuron_is_one_node_and_a_relu():
    """w·x + b is one operation of 2n + 1 parents; its gradients are x, w and 1."""
    random.seed(1)
    neuron = nn.Neuron(3, nonlin=False)
    x = [Value(1.0), 2.0, Value(-3.0)]
    y = neuron(x)
    y.backward()
    assert len(y.parents) == 7
    assert [w.grad for w in neuron.w] == [1.0, 2.0, -3.0] and neuron.b.grad == 1.0
    assert x[0].grad == neuron.w[0].data
    by_nodes = sum((w * v for w, v in zip(neuron.w, x, strict=True)), neuron.b)
    assert by_nodes.data == y.data


def test_a_single_input_layer_and_wrong_length():
    """One neuron into the next layer works; the wrong number of inputs is an error."""
    model = nn.MLP(2, [1, 2])
    assert len(model([0.5, 1.0])) == 2
    with pytest.raises(ValueError, match="one length, got 2 and 3"):
        model([1.0, 2.0, 3.0])


def test_import_nn_from_a_checkout_is_the_same_module():
    """`import nn` beside the folder gives autograd_mini.nn itself."""
    import sys
    from pathlib import Path

    root = Path(__file__).parents[1]
    sys.path.insert(0, str(root))
    try:
        module = importlib.import_module("nn")
    finally:
        sys.path.remove(str(root))
        sys.modules.pop("nn", None)
    assert module is nn and module.MLP is nn.MLP


def test_module_names_its_parameters():
    """By path, in order of definition, a shared one once; arrays are constants."""

    class Net(nn.Module):
        def __init__(self):
            self.first = nn.Linear(3, 2, rng=np.random.default_rng(0))
            self.blocks = [nn.Linear(2, 2, bias=False), {"scale": Tensor([1.0])}]
            self.again = self.first
            self.buffer = np.ones(3)

    net = Net()
    assert [name for name, _ in net.named_parameters()] == [
        "first.weight", "first.bias", "blocks.0.weight", "blocks.1.scale"]
    assert net.eval().training is False and net.blocks[0].training is False
    assert net.train().blocks[0].training is True
    with pytest.raises(NotImplementedError, match="must define forward"):
        net(1.0)


def test_kept_activations_and_parents_are_no_parameters(tmp_path):
    """A computed node that was kept is no parameter; a child may know its parent; `file` saves."""

    class Net(nn.Module):
        def __init__(self):
            self.file = Tensor([1.0])
            self.child = nn.Linear(1, 1)
            self.child.parent = self

        def forward(self, x):
            self.last = x * self.file
            return self.last

    net = Net()
    net(np.ones(1))
    assert [name for name, _ in net.named_parameters()] == [
        "file", "child.weight", "child.bias"]
    nn.save(net, tmp_path / "net.npz")
    nn.load(net, tmp_path / "net.npz")
    assert net.eval().training is False and nn.accuracy(net, np.ones((1, 1)), [0]) == 1.0
    assert net.training is False


def test_momentum_is_not_the_gradient_itself():
    """Zeroing p.grad in place between steps doesn't touch the velocity."""
    p = Tensor([0.0])
    optimizer = nn.SGD([p], lr=1.0, momentum=0.5)
    (p * 1.0).sum().backward()
    optimizer.step()
    p.grad[:] = 0.0
    optimizer.step()
    assert p.data.tolist() == [-1.5]


def test_zero_grad():
    """0 for Values, as in micrograd; None for Tensors, as in PyTorch."""
    scalar, array = nn.Neuron(1), nn.Linear(1, 1)
    scalar.zero_grad()
    array.zero_grad()
    assert scalar.b.grad == 0.0 and array.bias.grad is None


def test_sequential_learns_xor():
    """2-8-1 with tanh learns XOR; the same seed gives the same run to the last bit."""

    def run():
        rng = np.random.default_rng(3)
        X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
        y = np.array([[0.0], [1], [1], [0]])
        model = nn.Sequential(nn.Linear(2, 8, rng=rng), nn.Tanh(), nn.Linear(8, 1, rng=rng))
        loader = nn.DataLoader(X, y, batch_size=2, shuffle=True, rng=rng)
        optimizer = nn.Adam(model.parameters(), lr=0.05)
        history = nn.fit(model, loader, nn.binary_cross_entropy_with_logits, optimizer,
                         epochs=150, progress=False)
        return model, X, y, history

    model, X, y, history = run()
    assert ((model(X).data > 0) == (y > 0)).all() and history[-1].loss < 0.05
    assert run()[3] == history


def test_fit_trains_scalar_networks_too(capsys):
    """An MLP of Values gets its samples one by one; without a terminal, a line an epoch."""
    random.seed(0)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    model = nn.MLP(2, [4, 2])
    seen = []
    nn.fit(model, nn.DataLoader(X, y, batch_size=10), nn.cross_entropy,
           nn.SGD(model.parameters(), lr=0.2), epochs=15, after_epoch=seen.append)
    assert nn.accuracy(model, X, y) > 0.9 and len(seen) == 15
    assert "epoch 15/15  loss 0." in capsys.readouterr().err


def test_fit_stops_at_a_loss_that_is_not_finite():
    """Before the step, so the parameters are still numbers."""
    model = nn.Linear(1, 1)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="learning rate"):
        nn.fit(model, [(np.array([[np.inf]]), np.array([[0.0]]))], nn.mse_loss,
               nn.SGD(model.parameters(), lr=0.1), epochs=1, progress=False)
    assert np.isfinite(model.weight.data).all()


def test_fit_needs_batches_every_epoch():
    """An iterator that is used up after one epoch is an error, not a loss of 0."""
    model = nn.Linear(1, 1)
    once = iter([(np.ones((1, 1)), np.ones((1, 1)))])
    with pytest.raises(ValueError, match="used up after one pass"):
        nn.fit(model, once, nn.mse_loss, nn.SGD(model.parameters(), lr=0.1), epochs=2,
               progress=False)


def test_losses_refuse_to_broadcast():
    """(n, 1) against (n,) would be the mean over n² pairs: refused, with both shapes."""
    for loss in (nn.mse_loss, nn.binary_cross_entropy_with_logits, nn.hinge_loss):
        with pytest.raises(ValueError, match=r"\(4, 1\), the target \(4,\)"):
            loss(Tensor(np.ones((4, 1))), np.ones(4))
    with pytest.raises(ValueError, match="integers of shape"):
        nn.cross_entropy(Tensor(np.ones((4, 3))), np.ones(4))
    with pytest.raises(ValueError, match="classes are 0 … 2, the targets reach from 0 to 3"):
        nn.cross_entropy(Tensor(np.ones((2, 3))), np.array([0, 3]))
    with pytest.raises(ValueError, match="−1 and 1"):
        nn.hinge_loss(Tensor(np.ones(2)), np.array([0, 1]))


def test_losses_of_nodes_and_of_float32():
    """A target that is a node gets its gradient; float32 predictions give float32 losses."""
    g = ag.grad(lambda t: nn.cross_entropy(np.array([[1.0, 2.0, 3.0]]), t))(np.eye(3)[:1])
    lse = np.log(np.exp([1.0, 2.0, 3.0]).sum())
    np.testing.assert_allclose(g, [lse - np.array([1.0, 2.0, 3.0])], rtol=1e-14)
    z = Tensor(np.ones((2, 2), np.float32))
    for loss in (nn.mse_loss, nn.binary_cross_entropy_with_logits, nn.hinge_loss):
        assert loss(z, np.ones((2, 2), int)).dtype == np.float32
    assert nn.cross_entropy(z, np.eye(2)).dtype == np.float32


def test_losses_are_finite_at_large_logits():
    """Cross-entropies from logits of ±1000 and the hinge loss give numbers, and gradients."""
    z = np.array([1000.0, -1000.0])
    value, g = ag.value_and_grad(lambda a: nn.binary_cross_entropy_with_logits(a, [0.0, 1.0]))(z)
    assert value == 1000.0 and g.tolist() == [0.5, -0.5]
    value, g = ag.value_and_grad(lambda a: nn.cross_entropy(a, 1))(z)
    assert value == 2000.0 and g.tolist() == [1.0, -1.0]
    assert nn.hinge_loss([Value(0.5), Value(2.0)], [1, 1]).item() == 0.25


def test_optimizers_refuse_what_they_cannot_step():
    """No parameters, computed nodes, and negative rates are errors at once."""
    with pytest.raises(ValueError, match="no parameters"):
        nn.SGD([], lr=0.1)
    with pytest.raises(TypeError, match=r"pass model.parameters\(\)"):
        nn.SGD(nn.Linear(1, 1), lr=0.1)
    twice = Value(1.0)
    with pytest.raises(ValueError, match="twice"):
        nn.SGD([twice, twice], lr=0.1)
    with pytest.raises(TypeError, match="leaf Value or Tensor"):
        nn.SGD([Value(1.0) * 2], lr=0.1)
    with pytest.raises(ValueError, match="lr must be"):
        nn.Adam([Value(1.0)], lr=-1.0)


def test_a_parameter_without_gradient_is_left_alone():
    """step() skips it; the others move; float32 parameters stay float32."""
    a, b = Tensor(np.ones(2, np.float32)), Tensor([1.0])
    optimizer = nn.Adam([a, b], lr=0.1)
    (a * a).sum().backward()
    optimizer.step()
    assert b.data.tolist() == [1.0] and a.data.dtype == np.float32 and (a.data < 1).all()


def test_data_loader():
    """Batches in order or shuffled by a seed; the last may be short, or dropped."""
    X, y = np.arange(10).reshape(5, 2), np.arange(5)
    batches = list(nn.DataLoader(X, y, batch_size=2))
    assert [len(b) for _, b in batches] == [2, 2, 1]
    assert len(nn.DataLoader(X, y, batch_size=2, drop_last=True)) == 2
    once, again = (nn.DataLoader(X, y, shuffle=True, rng=7) for _ in range(2))
    (x1, y1), (x2, _) = next(iter(once)), next(iter(again))
    assert (x1 == x2).all() and (X[y1] == x1).all()
    with pytest.raises(ValueError, match="one length"):
        nn.DataLoader(X, y[:3])
    with pytest.raises(ValueError, match="batch_size"):
        nn.DataLoader(X, y, batch_size=0)


def test_save_and_load(tmp_path):
    """Parameters come back bit for bit; a file that doesn't fit changes nothing."""
    for model, other in ((nn.Linear(3, 2), nn.Linear(3, 2)), (nn.MLP(2, [2]), nn.MLP(2, [2]))):
        nn.save(model, tmp_path / "model.npz")
        nn.load(other, tmp_path / "model.npz")
        assert all(np.array_equal(p.data, q.data) for p, q in
                   zip(model.parameters(), other.parameters(), strict=True))
    with pytest.raises(ValueError, match="doesn't fit"):
        nn.load(nn.Linear(3, 2), tmp_path / "model.npz")


def test_linear():
    """x Wᵀ + b with PyTorch's shapes; the wrong width is named."""
    layer = nn.Linear(3, 2, rng=np.random.default_rng(0), dtype=np.float32)
    x = np.ones((5, 3), np.float32)
    np.testing.assert_allclose(layer(x).data, x @ layer.weight.data.T + layer.bias.data)
    assert layer(x).dtype == np.float32 and repr(layer) == "Linear(3, 2, bias=True)"
    with pytest.raises(ValueError, match=r"needs \(…, 3\), got \(5, 2\)"):
        layer(np.ones((5, 2)))
    net = nn.Sequential(layer, nn.ReLU(), nn.Sigmoid())
    assert repr(net) == "Sequential(Linear(3, 2, bias=True), ReLU(), Sigmoid())"
    assert len(net) == 3 and net[0] is layer and list(net)[0] is layer


# ── who holds which array ────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("make", [
    lambda p: nn.SGD(p, lr=np.float64(0.1), momentum=0.9, weight_decay=0.01),
    lambda p: nn.Adam(p, lr=np.float64(0.1), weight_decay=0.01),
], ids=["SGD", "Adam"])
def test_parameters_together_step_as_each_alone(make, rng):
    """Of all shapes (also ()) and dtypes, also when some have no gradient in some steps."""
    shapes = [(), (3,), (2, 3), (80, 60), (5000,), (0,)]
    start = [rng.normal(size=s).astype(t) for s in shapes for t in (np.float32, np.float64)]
    together = [*map(Tensor, start), Value(0.5)]
    alone = [*map(Tensor, start), Value(0.5)]
    one, many = make(together), [make([p]) for p in alone]
    for step in range(5):
        for i, (p, q) in enumerate(zip(together, alone, strict=True)):
            missing = step in (2, 3) and i % 3 == step - 2
            g = None if missing else 0.5 if isinstance(p, Value) else rng.normal(size=p.shape)
            p.grad = q.grad = g
        one.step()
        for optimizer in many:
            optimizer.step()
        for p, q in zip(together, alone, strict=True):
            np.testing.assert_array_equal(p.data, q.data)
            assert p.dtype == q.dtype
    assert [p.dtype for p in together[:-1]] == [x.dtype for x in start]


def test_an_optimizer_knows_its_parameters():
    """A parameter added after the first step is not silently left out."""
    p, q = Tensor([1.0]), Tensor([2.0])
    optimizer = nn.SGD([p], lr=0.1)
    p.grad = 1.0
    optimizer.step()
    optimizer.parameters.append(q)
    with pytest.raises(ValueError, match="make a new optimizer"):
        optimizer.step()

    class Wrong(nn.SGD):
        def moved(self, x, g, state):
            return x[:0]

    with pytest.raises(ValueError, match=r"moved\(\) returned shape \(0,\)"):
        Wrong([p], lr=0.1).step()


def test_an_optimizer_of_ones_own_may_return_the_same_array():
    """Then the array that was handed out stays the user's."""
    class Still(nn.SGD):
        def moved(self, x, g, state):
            return x

    p = Tensor([1.0, 2.0])
    handed_out, p.grad = p.data, 1.0
    Still([p], lr=0.1).step()
    handed_out[0] = 5.0
    assert p.data.tolist() == [1.0, 2.0]


def test_a_step_leaves_graphs_and_gradients_alone(rng):
    """What was recorded before a step gives the recorded gradient; p.grad isn't overwritten."""
    p = Tensor(rng.normal(size=(70, 70)))
    loss = np.sum(p**3)
    loss.backward()
    expected, held = p.grad.copy(), p.grad
    np.testing.assert_allclose(expected, 3 * p.value**2, rtol=1e-15)
    nn.Adam([p], lr=0.1).step()
    np.testing.assert_array_equal(held, expected)
    p.grad = None
    loss.backward()
    np.testing.assert_array_equal(p.grad, expected)
