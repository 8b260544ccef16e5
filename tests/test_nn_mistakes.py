"""For every layer and loss of nn its usual wrong gradients: the verifier names the mistake.

The layers, their right backward passes and the mistakes are in nn_mistakes/.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from nn_mistakes import harness
from nn_mistakes.harness import corrected, same
from nn_mistakes.windows import max_pool, max_pool_backward

import autograd_mini as ag

LAYERS = {layer.name: layer for layer in harness.layers()}
WRONG = {f"{wrong.layer.name}: {wrong.did}": wrong for wrong in harness.wrong_ones()}
FIRST = {next(key for key in WRONG if key.startswith(f"{name}: ")) for name in LAYERS}
LONG = {"BatchNorm", "BatchNorm in steps", "BatchNorm2d", "LayerNorm", "LSTM cell", "GRU cell",
        "Self-attention", "Conv2d", "Conv2d as a full convolution", "AvgPool2d", "RNN", "GELU",
        "multi-margin", "cross-entropy", "cross-entropy, ignore_index", "cross-entropy, weighted",
        "LeakyReLU", "binary cross-entropy of logits"}
SHORT = ("Linear", "ReLU", "Sigmoid", "Dropout", "Embedding", "mse", "hinge", "L2 penalty")
# Of these only the entries that are wrong are told: the weights of the classes stand where those of
# the samples belong, and the class itself was counted among its rivals.
NAMELESS = {"cross-entropy, weighted: dz * w[y][:, None] → dz * w": "partial",
            "multi-margin: ds[np.arange(n), y] = 0 → left out": "partial"}


@functools.cache
def report_on(key):
    """What is said of a wrong backward pass."""
    return WRONG[key].layer.report(WRONG[key].backward)


def kinds_of(suspect):
    return {suspect.kind, *(more.kind for more in suspect.also)}


@pytest.mark.parametrize("name", [
    name if name not in LONG else pytest.param(name, marks=pytest.mark.slow)  # searches
    for name in LAYERS])
def test_a_right_backward_pass_is_right(name):
    """No right gradient of a layer or loss is called wrong, or left undecided."""
    report = LAYERS[name].report(LAYERS[name].backward)
    assert report.ok, str(report)


@pytest.mark.parametrize("key", [
    key if key in FIRST and WRONG[key].layer.name in SHORT
    else pytest.param(key, marks=pytest.mark.slow) for key in WRONG])  # 150 searches
def test_a_usual_mistake_is_named(key):
    """Those gradients that it changes are called wrong and no other, and it has its right kind."""
    wrong, report = WRONG[key], report_on(key)
    right = LAYERS[wrong.layer.name].report(wrong.layer.backward)
    for entry in report:
        changed = not same(entry.given, right[entry.name].given)
        assert entry.verdict == ("wrong" if changed else "right"), str(report)
        if changed:
            kinds = kinds_of(entry.suspects[0])
            assert kinds.intersection(NAMELESS.get(key, " ".join(wrong.kinds)).split()), str(report)
            assert "{" not in entry.suspects[0].message


@pytest.mark.slow  # all searches, if they weren't run before
def test_most_lines_and_corrections_are_right():
    """Of most mistakes the line is told, and of two in three the corrected line is right."""
    lines = fixes = 0
    for key, wrong in WRONG.items():
        suspects = [e.suspects[0] for e in report_on(key) if e.verdict == "wrong"]
        lines += all(any(line and line in s.line for line in wrong.lines) for s in suspects)
        mended = corrected(wrong, suspects[0])
        fixes += mended is not None and is_right(wrong.layer, mended)
    assert lines >= 0.85 * len(WRONG) and fixes >= 2 / 3 * len(WRONG), (lines, fixes, len(WRONG))


def is_right(layer, backward):
    """Whether a backward pass is right, if it runs at all: a formula of d(…) is no line."""
    try:
        return layer.report(backward).ok
    except (NameError, TypeError):
        return False


# ── ties and kinks ───────────────────────────────────────────────────────────────────────────

TIED = np.array([[[[1.0, 1, 2, 0], [0, 1, 2, 2], [3, 0, 1, 5], [0, 3, 4, 5]]]])


def first_of_the_ties(dout, x, k):
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            window = x[0, 0, i * k:i * k + k, j * k:j * k + k]
            a, b = np.unravel_index(np.argmax(window), window.shape)
            dx[0, 0, i * k + a, j * k + b] += dout[0, 0, i, j]
    return dx


def test_the_first_of_the_ties_is_no_mistake():
    """At a tie torch sends all to the first, and here it is shared: the report says it is a tie."""
    entry = ag.check_vjp(max_pool, first_of_the_ties, TIED, 2)["x"]
    assert entry.verdict != "wrong" and "kink" in entry.reason


def test_all_of_the_ties_at_once_are_no_right_gradient():
    """Each of the largest entries gets the whole gradient: not confirmed, and the ties are told."""
    entry = ag.check_vjp(max_pool, max_pool_backward, TIED, 2)["x"]
    assert entry.verdict != "right" and "kink" in entry.reason


def test_the_other_side_of_a_kink_is_no_mistake():
    """z >= 0 for z > 0 differs at z = 0 alone, where each slope between 0 and 1 is as good."""
    z = np.array([0.0, 1.0, -1.0, 0.5, 2.0])
    entry = ag.check_vjp(lambda z: np.maximum(0, z), lambda dout, z: dout * (z >= 0), z)["z"]
    assert entry.verdict != "wrong" and "kink" in entry.reason


def test_arguments_drawn_by_the_seed_0_are_not_the_cotangent():
    """A mask taken from what arrives isn't right because that happens to be the argument."""
    z = np.random.default_rng(0).normal(size=(5, 4))
    report = ag.check_vjp(lambda z: np.maximum(0, z), lambda dout, z: dout * (dout > 0), z)
    assert report["z"].suspects[0].kind == "wrong-argument"
