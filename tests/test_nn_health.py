"""What goes on inside a network, told in a line a layer; and tables of modules."""

from __future__ import annotations

import numpy as np
import pytest

from autograd_mini import Tensor, nn
from autograd_mini.errors import ArgumentTypeError, GraphError

X = np.random.default_rng(0).normal(size=(32, 4))
Y = X[:, :1] - X[:, 1:2]


def network(*activations, seed=0):
    """Layers of width 4 with these between them, and one output."""
    rng = np.random.default_rng(seed)
    parts = [part for a in activations for part in (nn.Linear(4, 4, rng=rng), a)]
    return nn.Sequential(*parts, nn.Linear(4, 1, rng=rng))


def test_health_tells_the_numbers_and_changes_nothing():
    """Norms are those of backward(); parameters, gradients, statistics and generators stay."""
    model = network(nn.Tanh(), nn.BatchNorm1d(4), nn.Dropout(0.2, rng=3))
    before, grads = model.state_dict(), [p.grad for p in model.parameters()]
    drawn = model[5].rng.bit_generator.state
    seen = nn.health(model, X, Y, nn.mse_loss)
    assert all(np.array_equal(before[n], a) for n, a in model.state_dict().items())
    assert [p.grad for p in model.parameters()] == grads
    assert model[5].rng.bit_generator.state == drawn
    loss = nn.mse_loss(model(X), Y)
    loss.backward()
    assert seen.loss == float(loss)
    first = model[0]
    norm = np.sqrt(np.sum(first.weight.grad**2) + np.sum(first.bias.grad**2))
    assert seen["0"].gradient == pytest.approx(norm, rel=1e-12)
    assert [layer.kind for layer in seen] == ["Linear", "Linear", "BatchNorm1d", "Linear", "Linear"]
    assert seen.ok and "well" in str(seen) and "<table>" in seen._repr_html_()


def test_what_a_step_changes_is_the_optimizers_own():
    """The length of the step that comes next, beside the weights; which isn't made."""
    model = network(nn.Tanh())
    optimizer = nn.Adam(model.parameters(), lr=0.5)
    nn.fit(model, [(X, Y)], nn.mse_loss, optimizer, 2, progress=False)
    before = model.state_dict()
    seen = nn.health(model, X, Y, nn.mse_loss, optimizer)
    optimizer.zero_grad()
    nn.mse_loss(model(X), Y).backward()
    optimizer.step()
    for name in ("0", "2"):
        moved = sum(np.sum((model.state_dict()[k] - before[k]) ** 2)
                    for k in before if k.startswith(name))
        size = sum(np.sum(before[k] ** 2) for k in before if k.startswith(name))
        assert seen[name].update == pytest.approx(np.sqrt(moved / size), rel=1e-9)
    assert any("lower the learning rate" in note for note in seen["0"].notes)


def test_gradients_that_vanish_and_explode_are_named():
    """Twenty layers of sigmoids send next to nothing back; large weights the contrary."""
    deep = network(*[nn.Sigmoid()] * 20)
    seen = nn.health(deep, X, Y, nn.mse_loss, nn.SGD(deep.parameters(), 1e-3))
    assert seen["0"].notes[0].startswith("vanishes: ") and " at the output" in seen["0"].notes[0]
    assert not any("hardly learns" in note for note in seen["0"].notes) and not seen.ok
    assert seen[-1].notes == ()
    wide = network(*[nn.LeakyReLU()] * 20)
    for i in range(0, 40, 2):
        wide[i].weight.data = np.eye(4) * 3.0
    wide[40].weight.data = wide[40].weight.data * 1e6
    seen = nn.health(wide, X, Y, lambda prediction, y: np.mean(prediction))
    assert any("explodes" in note for note in seen["0"].notes)


def test_units_that_sleep_are_counted():
    """Dead ones of relu, saturated ones of tanh and sigmoid; channels of images; neurons."""
    model = network(nn.ReLU(), nn.Tanh())
    model[0].bias.data = np.array([-90.0, 0.0, 0.0, -90.0])
    model[2].bias.data = np.array([50.0, 0.0, 0.0, 0.0])
    seen = nn.health(model, X, Y, nn.mse_loss)
    assert (seen["0"].dead, seen["0"].units) == (2, 4)
    assert (seen["2"].saturated, seen["2"].dead) == (1, 0)
    assert seen["0"].notes == ("2 of 4 units dead: relu gives 0 for the batch",)
    image = nn.Sequential(nn.Conv2d(1, 3, 3, rng=0), nn.ReLU(), nn.Flatten(),
                          nn.Linear(12, 1, rng=1))
    image[0].bias.data = np.array([0.0, -99.0, 0.0])
    seen = nn.health(image, X.reshape(8, 1, 4, 4), np.zeros((8, 1)), nn.mse_loss)
    assert (seen["0"].dead, seen["0"].units) == (1, 3)
    nn.seed(0)
    scalars = nn.MLP(2, [3, 1])
    scalars.layers[0].neurons[1].b.data = -99.0
    seen = nn.health(scalars, X[:5, :2], Y[:5, 0].tolist(), nn.mse_loss)
    assert [layer.name for layer in seen] == ["layers.0", "layers.1"]
    assert (seen["layers.0"].dead, seen["layers.0"].units) == (1, 3)


def test_layers_without_gradient_are_named():
    """A layer that the loss isn't made of, and one whose gradient is nan."""
    class Net(nn.Module):
        def __init__(self):
            self.used, self.left = nn.Linear(4, 1, rng=0), nn.Linear(4, 1, rng=1)

        def forward(self, x):
            return np.sqrt(self.used(x) * 0.0)

    with np.errstate(all="ignore"):
        seen = nn.health(Net(), X, Y, nn.mse_loss)
    assert "no gradient" in seen["left"].notes[0] and "isn't finite" in seen["used"].notes[0]
    with pytest.raises(ArgumentTypeError, match=r"takes \(model, x, y, loss\)"):
        nn.health(X, Y, Net(), nn.mse_loss)
    with pytest.raises(ArgumentTypeError, match="optimizer is an Optimizer"):
        nn.health(network(), X, Y, nn.mse_loss, 0.1)
    with pytest.raises(GraphError, match="one Value or Tensor"):
        nn.health(network(), X, Y, lambda p, y: p)


def test_gradient_norms_are_kept():
    """A number a step for each parameter, as backward left it before any clipping that follows."""
    model = network(nn.Tanh())
    model.unused = Tensor([1.0])
    norms = nn.GradientNorms()
    nn.fit(model, nn.DataLoader(X, Y, batch_size=16), nn.mse_loss, nn.SGD(model.parameters(), 0.1),
           3, progress=False, callbacks=[norms, nn.ClipGradNorm(1e-3)])
    assert list(norms.norms) == [name for name, _ in model.named_parameters()]
    assert len(norms.norms["0.weight"]) == 6 and min(norms.norms["0.weight"]) > 1e-3
    assert np.isnan(norms.norms["unused"]).all()


def test_a_summary_tells_the_shapes_of_outputs():
    """For every module that is called, several arrays too; nothing of the model is changed."""
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 6, rng=0), nn.Dropout(0.5, rng=1))
    before = model.state_dict()
    table = nn.summary(model, X)
    assert [row.output for row in table] == ["32×6", "32×4", "32×6", "32×6"]
    assert all(np.array_equal(before[n], a) for n, a in model.state_dict().items())
    assert "output" in str(table) and "<th>output</th>" in table._repr_html_()
    assert "output" not in str(model.summary())
    assert nn.LSTM(2, 3).summary(np.ones((4, 5, 2)))[0].output == "4×5×3, 1×4×3, 1×4×3"
    assert model.training
