"""The first nan or inf, and what cuts a graph, are named with the user's own line."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.errors import AnomalyError, DTypeError

ANOMALIES = [
    # what happens in the block, and the words that the message must have
    ("forward, inf", lambda x: np.sum(np.log(x) + 1),
     ["log gave -inf at [1]", "`np.log(x)` at test_anomalies.py", "x is 0 there",
      "np.log(x + 1e-12)"]),
    ("forward, nan", lambda x: np.sqrt(x - 5.0) * 2.0,
     ["sqrt gave nan at [0]", "argument 0 is -1 there", "np.maximum(x, 0.0)"]),
    ("a result that nothing uses", lambda x: np.exp(x * 1000), ["exp gave inf at [0]", "709"]),
    ("backward, inf", lambda x: np.sum(np.sqrt(x)).backward(),
     ["backward pass sqrt sent inf at [1] to x", "`np.sqrt(x)`", "the cotangent is 1"]),
    ("backward in a Value", lambda x: Value(0.0, "v").sqrt().backward(),
     ["sqrt sent inf to v", "v is 0 there"]),
    ("in a transform", lambda x: ag.grad(lambda z: np.sum(1 / z))(np.array([1.0, 0.0])),
     ["divide gave inf at [1]", "argument 0 is 1 there; argument 1 is 0 there", "`1 / z`"]),
    ("a structural operation", lambda x: (x * 1e307) @ np.array([10.0, 1.0]),
     ["matmul gave inf", "has shape", "all finite"]),
    ("a nan that came in", lambda x: Tensor([np.nan], label="data") + x,
     ["add gave nan at [0]", "data is nan there", "came in with an argument"]),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("attempt", "words"), [pytest.param(*a[1:], id=a[0]) for a in ANOMALIES])
def test_the_first_nan_or_inf_is_named(attempt, words):
    """The first nan or inf is named with its operation, its index, the user's own line, the
    operands there, and the usual cure."""
    with pytest.raises(AnomalyError) as caught, ag.detect_anomaly():
        attempt(Tensor([4.0, 0.0], label="x"))
    for word in words:
        assert word in str(caught.value), str(caught.value)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_not_chosen_is_no_anomaly():
    """An inf behind where, relu or an index is no anomaly, forward or backward."""
    x = Tensor([4.0, 0.0])
    with ag.detect_anomaly():
        y = np.sum(np.where(x > 0, np.log(x), 0.0)) + ag.relu(np.log(x))[1] + np.sqrt(x)[0]
        y.backward()
        assert x.grad.tolist() == [0.5, 0.0]
        for harmless in (
            lambda x: np.sum(np.where(x > 0, x * np.log(x) * 2, 0.0)),
            lambda x: np.sum(np.where(np.isnan(HOLES), 0.0, (x - HOLES) ** 2)),
            lambda x: np.sum(np.reshape(np.log(x), (2, 1))[:1]),
            lambda x: np.sum(np.nan_to_num(np.log(x - 1.0))),
            lambda x: ag.softmax(np.where(x > 0, x, -np.inf))[0],
            lambda x: np.sum(np.sqrt(ag.relu(x - 1.0))),
            lambda x: np.sum(np.arcsin(np.clip(x, -1.0, 0.5))),
        ):
            logs = np.log(x)
            assert np.isfinite(ag.grad(harmless)(x.data)).all()
            np.sum(np.where(x > 0, logs, 0.0)).backward()


def test_a_training_loop_fits_into_a_block():
    """Inside of detect_anomaly what has been swept is forgotten: the block holds no graph of an
    earlier step."""
    w = Tensor([1.0, 2.0])
    with ag.detect_anomaly():
        for _ in range(50):
            loss = np.sum(np.tanh(w) ** 2)
            loss.backward(seed=float(loss) * 0.0 + 1.0)  # reads the loss, as to print it
        observer = ag.recording.current_observer()
        assert len(observer.places) == 0 and len(observer.cuts) == 0


def test_a_block_changes_no_number():
    """Values and gradients inside of detect_anomaly are those outside; after the block nothing is
    watched."""
    x = Tensor([1.0, 2.0])
    with ag.detect_anomaly():
        watched = ag.grad(lambda t: np.sum(np.tanh(t) ** 3))(x.data)
        assert (Value(2.0) * 3.0 + 1.0).data == 7.0
    np.testing.assert_array_equal(watched, ag.grad(lambda t: np.sum(np.tanh(t) ** 3))(x.data))
    with np.errstate(divide="ignore"):
        assert np.log(Tensor([0.0])).data[0] == -np.inf
    with ag.no_grad(), ag.detect_anomaly():
        assert (x * 2).is_leaf


def test_a_node_from_before_the_block_says_so():
    """The line of a node from before the block is not known, and the message doesn't pretend."""
    x = Tensor([0.0])
    y = np.sum(np.sqrt(x))
    with pytest.raises(AnomalyError, match="made before the block"), ag.detect_anomaly():
        y.backward()


HOLES = np.array([np.nan, 1.0])
W = Tensor([1.0, 2.0], label="w")
U = Tensor([1.0, 1.0], label="u")


def by_no_grad():
    with ag.no_grad():
        h = W * 2
    return np.sum(h * U)


CUTS = [
    (lambda: Value(float(np.sum(W))) * U[0], "`float(np.sum(W))` at test_anomalies.py"),
    (lambda: np.sum(W).item() * U[0], "`np.sum(W).item()`"),
    (lambda: np.sum(W.data * U), "`W.data`"),
    (lambda: np.sum(np.round(W) * U), "`np.round(W)`"),
    (lambda: np.sum(W // 1 * U), "`W // 1`"),
    (lambda: np.sum(np.array(W.tolist()) * U), "`W.tolist()`"),
    (by_no_grad, "`W * 2`"),
    (lambda: np.sum(np.where(W > 1.5, U, 2 * U)), "`W > 1.5`"),
    (lambda: U[W.argmax()] * 1.0, "`W.argmax()`"),
    (lambda: np.sum(U) * np.linalg.norm(W, 0), "`np.linalg.norm(W, 0)`"),
    (lambda: np.sum(U * np.frexp(W)[1]), "`np.frexp(W)`"),
]


@pytest.mark.parametrize(("loss", "place"), CUTS, ids=lambda c: c if isinstance(c, str) else "")
def test_a_cut_is_found(loss, place):
    """A report of cuts shows that numbers were taken from w, at the user's line, and that u has a
    gradient."""
    report = ag.cut_report(loss, [W, U])
    assert report.reached == ["u"] and list(report.cut) == ["w"]
    assert "numbers were taken from it by" in str(report) and place in str(report)


def test_a_report_of_many_cuts_and_parameters(rng):
    """By parameter, the numbers that were taken out of what depends on it, in their order."""
    leaves = [Value(1.0 + i, f"x{i}") for i in range(8)]
    behind, pool = {x: {x} for x in leaves}, list(leaves)
    taken = []

    def loss():
        for _ in range(200):
            a, b = (pool[rng.integers(len(pool))] for _ in "ab")
            y = a * 0.5 + b * 0.5
            behind[y] = behind[a] | behind[b]
            pool.append(y)
            if rng.random() < 0.3:
                taken.append(float(y) and y)
        return leaves[0] * taken[-1].data

    report = ag.cut_report(loss, leaves)
    taken.append(taken[-1])  # by .data
    assert report.reached == ["x0"]
    for x in leaves[1:]:
        assert len(report.cut[x.label]) == sum(x in behind[y] for y in taken)


def test_more_cuts_than_are_kept():
    """A report knows all of its function; a block knows the last thousand, and says so."""
    w, u = Value(2.0, "w"), Value(3.0, "u")

    def loss():
        a = float(w)
        for _ in range(1500):
            float(u * 1.0)
        return u + a

    assert "`float(w)`" in str(ag.cut_report(loss, [w, u]))
    with ag.detect_anomaly():
        finished = loss()
        assert "where it was cut isn't known" in str(ag.cut_report(finished, [w, u]))


def test_a_loss_that_is_read_after_its_pass_is_forgotten():
    """`loss.item()` keeps no graph of an earlier step."""
    w = Tensor([1.0, 2.0])
    with ag.detect_anomaly():
        for _ in range(5):
            loss = np.sum(np.tanh(w) ** 2)
            loss.backward()
            loss.item(), loss.data, float(loss)
        observer = ag.recording.current_observer()
        assert len(observer.places) == len(observer.cuts) == len(observer.losses) == 0


def test_a_sum_that_overflows_is_an_anomaly():
    """Of two contributions that are finite; a sum further in is blamed on what is sent on."""
    v = Tensor([1e-3, 1.0], label="v")
    with ag.detect_anomaly():
        a, b = v * 1e308, v * 1e308
        loss = np.sum(a[:1]) + np.sum(b[:1])
        with pytest.raises(AnomalyError, match=r"gradient of v is inf at \[0\], though all"):
            loss.backward()


def test_lines_of_many_calls():
    """Each call is at its own place, in a loop and by two callers of one function."""
    with ag.detect_anomaly():
        observer = ag.recording.current_observer()

        def twice(x):
            return x * 2.0, x * 3.0

        for _ in range(3):
            first = twice(W)
            second = twice(W)
        places = [observer.places[node] for node in (*first, *second)]
        assert [place.code for place in places] == ["x * 2.0", "x * 3.0"] * 2
        assert [place.caller.line - places[0].caller.line for place in places] == [0, 0, 1, 1]
        assert len({place.line for place in places}) == 1


@pytest.mark.parametrize("error", [TypeError, MemoryError, ZeroDivisionError])
def test_how_often_a_rule_that_fails_is_asked(error):
    """Once; again if its error is one of arithmetic, for NumPy's numbers have none."""
    calls = []

    def slope(y, x):
        calls.append(1)
        raise error("here")

    row = ag.elementwise(lambda x: 2 * x, lambda x: 2 * x, slope, name=f"fails {error.__name__}")
    for x in (Value(1.0), Tensor([1.0, 2.0])):
        for around in (contextlib.nullcontext, ag.detect_anomaly):
            del calls[:]
            with pytest.raises(error, match="here"), around():
                np.sum(row(x)).backward()
            assert len(calls) == (2 if error is ZeroDivisionError else 1)


def test_what_can_be_known_of_a_finished_loss():
    """Of a loss from outside the block only that a parameter isn't reached is known; inside also
    where it was cut."""
    assert "give cut_report the function" in str(ag.cut_report(np.sum(U), {"w": W}))
    assert "no number was taken from it" in str(ag.cut_report(lambda: np.sum(U), {"w": W}))
    assert "float(np.sum(W))" in str(ag.cut_report(lambda: float(np.sum(W)), W))  # a plain loss
    with pytest.raises(DTypeError, match="the loss is a str"):
        ag.cut_report("loss", W)
    with ag.detect_anomaly():
        loss = np.sum(W.data * U)
        assert "`W.data`" in str(ag.cut_report(loss, W))
    assert "`W.data`" not in str(ag.cut_report(loss, W))


def test_a_network_without_cuts():
    """The report of a network without cuts counts its parameters; what is cut has its name."""
    net = nn.MLP(2, [3, 1])
    report = ag.cut_report(lambda: net([1.0, 2.0]), net)
    assert str(report) == "all 13 parameters have a gradient" and not report.cut
    with pytest.raises(DTypeError, match="not a node"):
        ag.cut_report(lambda: U[0], [1.0])
    twins = {"net": net, "more": [Tensor([1.0], label="p"), Tensor([2.0], label="p")]}
    report = ag.cut_report(lambda: net([1.0, 2.0]), twins)
    assert len(report.reached) == 13 and list(report.cut) == ["p", "p, ['more'][1]"]
