"""nn beside PyTorch: the same names, arithmetic and files."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autograd_mini import Tensor, nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

SHAPES = [(3, 2), (4,), (70, 60)]  # of the last, each is stepped alone
OPTIMIZERS = [
    ("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1}), ("Adam", {}), ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3, "betas": (0.8, 0.9)}),
    ("RMSprop", {}), ("RMSprop", {"momentum": 0.9, "weight_decay": 0.1, "centered": True}),
    ("Adagrad", {}), ("Adagrad", {"lr": 0.5, "lr_decay": 0.1, "weight_decay": 0.1,
                                  "initial_accumulator_value": 0.5, "eps": 1e-6}),
]


def twins(rng, dtype=np.float64):
    """The same parameters here and in torch."""
    numbers = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
    return [Tensor(a) for a in numbers], [torch.nn.Parameter(torch.tensor(a)) for a in numbers]


def give_gradients(ours, theirs, rng):
    """The same random gradients to both."""
    for p, q in zip(ours, theirs, strict=True):
        p.grad = rng.normal(size=p.shape).astype(p.dtype)
        q.grad = torch.tensor(np.array(p.grad))


def step_both(one, other, ours, theirs, rng):
    """A step of both with the same random gradients."""
    give_gradients(ours, theirs, rng)
    one.step()
    other.step()


@pytest.mark.parametrize(("name", "settings"), OPTIMIZERS, ids=str)
def test_optimizers_step_as_torchs(name, settings, rng):
    """Fifty steps with random gradients, in groups too: equal to a few roundings."""
    ours, theirs = twins(rng)
    one, other = getattr(nn, name)(ours, **settings), getattr(torch.optim, name)(theirs, **settings)
    for _ in range(50):
        step_both(one, other, ours, theirs, rng)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-12, atol=1e-14)
    groups = [{"params": ours[:1], "lr": 0.02}, {"params": ours[1:], "weight_decay": 0.05}]
    theirs_too = [{"params": theirs[:1], "lr": 0.02}, {"params": theirs[1:], "weight_decay": 0.05}]
    one = getattr(nn, name)(groups, **settings)
    other = getattr(torch.optim, name)(theirs_too, **settings)
    for _ in range(5):
        step_both(one, other, ours, theirs, rng)
        one.param_groups[1]["lr"] *= 0.9
        other.param_groups[1]["lr"] *= 0.9
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("name", "settings"), OPTIMIZERS, ids=str)
def test_the_state_of_an_optimizer_is_torchs(name, settings, rng):
    """Its names and shapes; and torch goes on from it as we do."""
    ours, theirs = twins(rng)
    one, other = getattr(nn, name)(ours, **settings), getattr(torch.optim, name)(theirs, **settings)
    for _ in range(3):
        step_both(one, other, ours, theirs, rng)
    ours_state, theirs_state = one.state_dict(), other.state_dict()
    filled = {i: {k: v for k, v in held.items() if v is not None}
              for i, held in theirs_state["state"].items()}
    assert {i: set(held) for i, held in ours_state["state"].items() if held} == {
        i: set(held) for i, held in filled.items() if held}
    fresh = getattr(nn, name)(ours, **settings)
    fresh.load_state_dict(theirs_state)
    step_both(fresh, other, ours, theirs, rng)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-12, atol=1e-14)


SCHEDULES = [
    ("StepLR", {"step_size": 3}), ("ExponentialLR", {"gamma": 0.7}),
    ("CosineAnnealingLR", {"T_max": 5, "eta_min": 0.01}), ("CosineAnnealingLR", {"T_max": 1}),
    ("LinearLR", {}), ("LinearLR", {"start_factor": 0.1, "end_factor": 0.5, "total_iters": 4}),
]


@pytest.mark.parametrize(("name", "settings"), SCHEDULES, ids=str)
def test_schedules_are_torchs(name, settings, rng):
    """Over two periods; two schedules of one optimizer multiply each other."""
    ours, theirs = twins(rng)
    one = nn.SGD([{"params": ours[:1], "lr": 0.5}, {"params": ours[1:]}], 0.1)
    other = torch.optim.SGD([{"params": theirs[:1], "lr": 0.5}, {"params": theirs[1:]}], 0.1)
    first, second = getattr(nn, name)(one, **settings), nn.ExponentialLR(one, 0.9)
    theirs_of = torch.optim.lr_scheduler
    third, fourth = (getattr(theirs_of, name)(other, **settings),
                     theirs_of.ExponentialLR(other, 0.9))
    for _ in range(13):
        np.testing.assert_allclose([g["lr"] for g in one.param_groups],
                                   [g["lr"] for g in other.param_groups], rtol=1e-12, atol=1e-15)
        other.step()
        for schedule in (first, second, third, fourth):
            schedule.step()


@pytest.mark.parametrize("settings", [
    {"patience": 1}, {"mode": "max", "patience": 0, "factor": 0.5}, {"cooldown": 2, "patience": 1},
    {"threshold_mode": "abs", "threshold": 0.3, "patience": 2, "min_lr": 0.02},
], ids=str)
def test_a_plateau_is_torchs(settings, rng):
    """Of a hundred losses that wander."""
    ours, theirs = twins(rng)
    one, other = nn.SGD(ours, 0.1), torch.optim.SGD(theirs, 0.1)
    mine = nn.ReduceLROnPlateau(one, **settings)
    its = torch.optim.lr_scheduler.ReduceLROnPlateau(other, **settings)
    for loss in 2 + np.abs(np.cumsum(rng.normal(size=100))):
        mine.step(loss)
        its.step(loss)
        assert one.lr == pytest.approx(other.param_groups[0]["lr"], rel=1e-12)


@pytest.mark.parametrize("order", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("bound", [0.5, 1e6])
def test_clipping_is_torchs(order, bound, rng):
    """The norm that is returned, and the gradients afterwards."""
    ours, theirs = twins(rng)
    give_gradients(ours, theirs, rng)
    ours[1].grad = theirs[1].grad = None
    total = nn.clip_grad_norm_(ours, bound, order)
    assert total == pytest.approx(float(torch.nn.utils.clip_grad_norm_(theirs, bound, order)))
    nn.clip_grad_value_(ours[:1], 0.01)
    torch.nn.utils.clip_grad_value_(theirs[:1], 0.01)
    for p, q in zip(ours, theirs, strict=True):
        if q.grad is not None:
            np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-12)
    assert ours[1].grad is None


# ── losses ───────────────────────────────────────────────────────────────────────────────────────

LOSSES = [
    ("mse_loss", {}), ("l1_loss", {}), ("huber_loss", {}), ("huber_loss", {"delta": 0.3}),
    ("binary_cross_entropy", {}), ("binary_cross_entropy_with_logits", {}),
    ("multi_margin_loss", {}), ("multi_margin_loss", {"p": 2, "margin": 0.5}),
    ("cross_entropy", {}), ("cross_entropy", {"weight": True}),
    ("cross_entropy", {"ignore_index": 2}), ("cross_entropy", {"weight": True, "ignore_index": 0}),
    ("cross_entropy", {"distributions": True}),
    ("cross_entropy", {"distributions": True, "weight": True}),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "options"), LOSSES, ids=str)
def test_losses_are_torchs(name, options, reduction, rng):
    """Their values and gradients, with every reduction."""
    of_classes = name in ("cross_entropy", "multi_margin_loss")
    prediction = rng.normal(size=(7, 4))
    target = rng.integers(0, 4, 7) if of_classes else rng.normal(size=(7, 4))
    if name.startswith("binary"):
        target = rng.integers(0, 2, (7, 4)) * 0.8 + rng.random((7, 4)) * 0.2
    if name == "binary_cross_entropy":
        prediction = rng.random((7, 4))
    options = dict(options)
    if options.pop("distributions", False):
        target = rng.dirichlet(np.ones(4), 7)
    ours, theirs = dict(options), dict(options)
    if options.get("weight"):
        ours["weight"] = rng.random(4)
        theirs["weight"] = torch.tensor(ours["weight"])
    x, z = Tensor(prediction), torch.tensor(prediction, requires_grad=True)
    loss = getattr(nn, name)(x, target, reduction=reduction, **ours)
    other = getattr(torch.nn.functional, name)(
        z, torch.tensor(target), reduction=reduction, **theirs)
    np.testing.assert_allclose(loss.data, other.detach().numpy(), rtol=1e-13, atol=1e-15)
    np.sum(loss * 2.0).backward()
    (other * 2.0).sum().backward()
    np.testing.assert_allclose(x.grad, z.grad.numpy(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("options", [{}, {"ignore_index": 1}, {"weight": [1.0, 0.5, 2.0]}], ids=str)
def test_cross_entropy_of_sequences_is_torchs(options, rng):
    """With the classes last here, and second there."""
    numbers, target = rng.normal(size=(4, 5, 3)), rng.integers(0, 3, (4, 5))
    x, z = Tensor(numbers), torch.tensor(numbers, requires_grad=True)
    loss = nn.cross_entropy(x, target, **options)
    theirs = {k: torch.tensor(v).double() if k == "weight" else v for k, v in options.items()}
    other = torch.nn.functional.cross_entropy(z.transpose(1, 2), torch.tensor(target), **theirs)
    loss.backward()
    other.backward()
    assert float(loss) == pytest.approx(float(other.detach()), rel=1e-13)
    np.testing.assert_allclose(x.grad, z.grad.numpy(), rtol=1e-12, atol=1e-16)
