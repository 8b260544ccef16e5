"""The cause: each kind of mistake is named, on the right line, and nothing else is explained."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from wrong_gradients import harness

import autograd_mini as ag
from autograd_mini.check.constants import Constants, shown
from autograd_mini.check.malrules import MALRULES
from autograd_mini.errors import ExpressionError, GraphError, ShapeError

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(7, 5)), RNG.normal(size=(7, 3))
W1, B1, W2, B2 = (RNG.normal(size=s) for s in ((5, 6), 6, (6, 3), 3))
MLP = (W1, B1, W2, B2)
WRT = ("W1", "b1", "W2", "b2")


def mlp(W1, b1, W2, b2):
    z = X @ W1 + b1
    h = np.tanh(z)
    out = h @ W2 + b2
    return np.mean(np.sum((out - T) ** 2, axis=1)) + 0.1 * np.sum(W1 ** 2)


def by_hand(W1, b1, W2, b2):
    z = X @ W1 + b1
    h = np.tanh(z)
    out = h @ W2 + b2
    d = 2 * (out - T) / len(X)
    dW2 = h.T @ d
    db2 = d.sum(axis=0)
    dh = d @ W2.T
    dz = dh * (1 - h ** 2)
    dW1 = X.T @ dz + 0.2 * W1
    db1 = dz.sum(axis=0)
    return dW1, db1, dW2, db2


# (text of by_hand: what stands there instead, kind, parameters, a word of the message, the line)
EDITS = [
    ({"2 * (out - T)": "(out - T)"}, "factor", "W1 b1 W2 b2", "2", "(out - T) ** 2"),
    ({"/ len(X)": ""}, "factor", "W1 b1 W2 b2", "1/7", "np.mean"),
    ({"(out - T)": "(T - out)"}, "sign", "W1 b1 W2 b2", "sign", "np.mean"),
    ({"* (1 - h ** 2)": ""}, "missing-local-derivative", "W1 b1", "derivative", "np.tanh"),
    ({"1 - h ** 2": "1 - z ** 2"}, "wrong-argument", "W1 b1", "before the tanh", "np.tanh"),
    ({"1 - h ** 2": "(1 - h) ** 2"}, "wrong-local-derivative", "W1 b1", "(1 - h)**2", "np.tanh"),
    ({"1 - h ** 2": "h * (1 - h)"}, "wrong-local-derivative", "W1 b1", "sigmoid", "np.tanh"),
    ({"dh * (1 - h ** 2)": "1 - h ** 2"}, "missing-incoming", "W1 b1", "alone", "np.tanh"),
    ({"h.T @ d\n": "z.T @ d\n"}, "wrong-operand", "W2", "z stands", "h @ W2"),
    ({"d.sum(axis=0)": "d.mean(axis=0)"}, "mean-for-sum", "b2", "averaged", "+ b2"),
    ({"d.sum(axis=0)": "d"}, "unreduced", "b2", "axis 0", "+ b2"),
    ({"d.sum(axis=0)": "d.sum(axis=1)"}, "wrong-axis", "b2", "axis 1", "+ b2"),
    ({"d.sum(axis=0)": "d.sum(axis=0)[None]"}, "shape", "b2", "reshape", "+ b2"),
    ({"dW2 = h.T @ d": "dW2 = d.T @ h"}, "transpose", "W2", "transposed", "h @ W2"),
    ({" + 0.2 * W1": ""}, "missing-term", "W1", "term", "W1 ** 2"),
    ({"0.2 * W1": "0.4 * W1"}, "doubled-term", "W1", "twice", "W1 ** 2"),
    ({"dz.sum(axis=0)": "dz.sum(axis=0) + 0.2 * b1"}, "extra-term", "b1", "regulariser", ""),
    ({"dh = ": "W2 = W2 - 0.3 * dW2\n    dh = "}, "stale", "W1 b1", "updated", "h @ W2"),
    ({"return": "dW1[2] = 0\n    return"}, "partial", "W1", "row 2", ""),
    ({"return": "dW2[0, 0] *= 1.5\n    return"}, "partial", "W2", "[0, 0]", ""),
]


def edited(edits):
    """by_hand with other text, and its source where inspect finds it."""
    import inspect
    import linecache

    text = inspect.getsource(by_hand)
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new, 1)
    file = f"edited_{abs(hash(text))}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    space = dict(globals())
    exec(compile(text, file, "exec"), space)
    return space["by_hand"]


@pytest.mark.parametrize(("edits", "kind", "names", "word", "line"), EDITS,
                         ids=[next(iter(e[0].values())).strip() or e[1] for e in EDITS])
def test_each_kind_of_mistake(edits, kind, names, word, line):
    """One edit of a right gradient: its kind, its words, its line, for just its parameters."""
    report = ag.check_gradient(mlp, edited(edits), *MLP, wrt=WRT)
    assert [e.name for e in report if e.verdict == "wrong"] == names.split(), str(report)
    for name in names.split():
        first = report[name].suspects[0]
        assert first.kind == kind, str(report)
        assert word in first.message and "{" not in first.message
        assert line in first.where and ("test_diagnose.py" in first.where or not line)
    assert str(report).count("\n") > 8


def test_the_line_to_change():
    """The gradient's own wrong line, and what it should be."""
    report = ag.check_gradient(mlp, edited({"1 - h ** 2": "1 - z ** 2"}), *MLP, wrt=WRT)
    first = report["W1"].suspects[0]
    assert first.line.endswith("dz = dh * (1 - z ** 2)") and first.fix == "dz = dh * (1 - h ** 2)"
    assert "in the loss" in str(report) and "corrected" in str(report)


def test_numbers_alone_are_enough():
    """Without the gradient's code the mistake is named from the numbers."""
    claims = edited({"1 - h ** 2": "1 - z ** 2"})(*MLP)
    report = ag.check_gradient(mlp, claims, *MLP, wrt=WRT)
    assert report["W1"].suspects[0].kind == "wrong-argument"
    assert report["W1"].suspects[0].evidence < 1e-12 and not report["W1"].suspects[0].line


def test_two_mistakes_at_once():
    """A wrong derivative and a forgotten 1/n: both are said, of the parameters that have both."""
    report = ag.check_gradient(mlp, edited({"1 - h ** 2": "(1 - h) ** 2", "/ len(X)": "",
                                            " + 0.2 * W1": " + 1.4 * W1"})(*MLP), *MLP, wrt=WRT)
    first = report["b1"].suspects[0]
    assert {first.kind, *(s.kind for s in first.also)} == {"wrong-local-derivative", "factor"}
    assert report["W2"].suspects[0].kind == "factor"


def test_hints():
    """From where to what to the corrected line; nothing about what is right."""
    report = ag.check_gradient(mlp, edited({"1 - h ** 2": "1 - z ** 2"}), *MLP, wrt=WRT)
    assert "np.tanh(z)" in report.hint(1) and "derivative was evaluated" in report.hint(2)
    assert "before the tanh" in report.hint(3) and report.hint(4).endswith("(1 - h ** 2)")
    assert "W2" not in report.hint(3)
    with pytest.raises(ValueError, match="level 1 to 4"):
        report.hint(5)
    assert "right" in ag.check_gradient(mlp, by_hand, *MLP, wrt=WRT).hint(1)


def test_reports_for_programs_notebooks_and_terminals():
    """JSON, HTML with escapes, colours; the kinds are those of the enumeration."""
    report = ag.check_gradient(mlp, edited({"/ len(X)": ""}), *MLP, wrt=WRT)
    told = json.loads(json.dumps(report.as_dict()))
    assert told["verdict"] == "wrong" and told["entries"][0]["suspects"][0]["kind"] in ag.KINDS
    html = report._repr_html_()
    assert html.startswith("<p><strong>The gradient is wrong") and "<table>" in html
    strange = ag.check_gradient(lambda x: np.sum(x**2), lambda x: {"<b>": x}, np.ones(2))
    assert "<b>" not in strange._repr_html_()
    assert "\033[31mwrong\033[0m" in report.text(colour=True) and "\033" not in str(report)


# ── what people write ────────────────────────────────────────────────────────────────────────


class Net:
    """A class with a forward pass, as in many tutorials."""

    def __init__(self, p):
        self.p = p

    def forward(self, x):
        self.z = x.dot(self.p["W"]) + self.p["b"]
        self.a = 1 / (1 + np.exp(-self.z))
        return self.a


def class_loss(p, x, t):
    return np.mean((Net(p).forward(x) - t) ** 2)


def class_gradient(p, x, t):
    a = 1 / (1 + np.exp(-(x.dot(p["W"]) + p["b"])))
    d = 2 * (a - t) / t.size
    return {"W": x.T @ d, "b": d.sum(0)}


def loop_loss(w, b, xs, ts):
    errors = []
    for x, t in zip(xs, ts, strict=True):
        y = sum(w[k] * x[k] for k in range(3)) + b
        errors.append((y - t) ** 2)
    return sum(errors) / len(errors)


def loop_gradient(w, b, xs, ts):
    dw, db = np.zeros(3), 0.0
    for x, t in zip(xs, ts, strict=True):
        y = x @ w + b
        dw += 2 * (y - t) * x
        db += 2 * (y - t)
    return dw, db / len(xs)


def recurrent_loss(U, W, xs):
    h = np.zeros(4)
    for x in xs:
        h = np.tanh(x @ U + h @ W)
    return np.sum(h ** 2)


def recurrent_gradient(U, W, xs):
    hs = [np.zeros(4)]
    for x in xs:
        hs.append(np.tanh(x @ U + hs[-1] @ W))
    dU, dW, dh = np.zeros_like(U), np.zeros_like(W), 2 * hs[-1]
    for t in reversed(range(len(xs))):
        dz = dh * (1 - hs[t + 1])
        dU += np.outer(xs[t], dz)
        dW += np.outer(hs[t], dz)
        dh = W @ dz
    return dU, dW


PLAIN = [
    ("a class, a dict, X.dot", class_loss, class_gradient,
     ({"W": RNG.normal(size=(5, 3)), "b": RNG.normal(size=3)}, X, T), ("p",),
     "missing-local-derivative"),
    ("float32 data", class_loss, class_gradient,
     ({"W": RNG.normal(size=(5, 3)).astype(np.float32), "b": np.zeros(3, np.float32)},
      X.astype(np.float32), T.astype(np.float32)), ("p",), "missing-local-derivative"),
    ("loops over samples and features", loop_loss, loop_gradient,
     (RNG.normal(size=3), 0.3, X[:, :3], T[:, 0]), ("w", "b"), "factor"),
    ("a loop over time", recurrent_loss, recurrent_gradient,
     (RNG.normal(size=(3, 4)), 0.3 * RNG.normal(size=(4, 4)), X[:, :3]), ("U", "W"),
     "wrong-local-derivative"),
    ("Values", lambda a, b: (a * b + 1).tanh(), lambda a, b: (b, a), (0.3, -0.7), ("a", "b"),
     "missing-local-derivative"),
]


@pytest.mark.parametrize(("loss", "gradient", "args", "wrt", "kind"),
                         [pytest.param(*case[1:], id=case[0]) for case in PLAIN])
def test_plain_code(loss, gradient, args, wrt, kind):
    """Losses as people write them: the mistake is found without a word of autograd in them."""
    report = ag.check_gradient(loss, gradient, *args, wrt=wrt)
    wrong = [e for e in report if e.verdict == "wrong"]
    assert wrong and all(e.suspects[0].kind == kind for e in wrong), str(report)


def test_softmax_and_its_targets():
    """softmax − target where the rows of the targets don't add up to 1; a shifted label."""

    def loss(z, y):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return -np.sum(y * np.log(e / e.sum(axis=1, keepdims=True))) / len(z)

    def softmax(z):
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)

    z, y = RNG.normal(size=(6, 4)), RNG.uniform(size=(6, 4))
    report = ag.check_gradient(loss, (softmax(z) - y) / 6, z, y)
    assert "sums to 1" in report["z"].suspects[0].message
    y = np.eye(4)[[0, 2, 1, 3, 3, 0]]
    report = ag.check_gradient(loss, (softmax(z) - np.roll(y, 1, axis=1)) / 6, z, y)
    assert report["z"].suspects[0].kind == "index"


def test_repeated_indices():
    """dE[idx] = d: of a word that occurs twice the last occurrence wins."""
    idx, c = np.array([1, 3, 1, 0]), RNG.normal(size=(4, 2))

    def gradient(E):
        dE = np.zeros_like(E)
        dE[idx] = c
        return dE

    report = ag.check_gradient(lambda E: np.sum(c * E[idx]), gradient, RNG.normal(size=(5, 2)))
    assert report["E"].suspects[0].kind == "index"


def test_a_forgotten_path():
    """A residual connection, of which one branch was forgotten."""
    def loss(x):
        y = x + np.tanh(x)
        return np.sum(y ** 3)

    x = RNG.normal(size=6)
    y = x + np.tanh(x)
    report = ag.check_gradient(loss, 3 * y**2 * (1 - np.tanh(x) ** 2), x)
    assert report["x"].suspects[0].kind == "missing-path"


def residual_loss(W, x):
    h = x
    for k in range(len(W)):
        z = h @ W[k]
        h = h + np.tanh(z)
    return np.sum(h ** 2)


def residual_gradient(W, x):
    hs, tanhs = [x], []
    for k in range(len(W)):
        tanhs.append(np.tanh(hs[-1] @ W[k]))
        hs.append(hs[-1] + tanhs[-1])
    dh, dW = 2 * hs[-1], np.zeros_like(W)
    for k in reversed(range(len(W))):
        dz = dh * (1 - hs[k + 1] ** 2)
        dW[k] = hs[k].T @ dz
        dh = dh + dz @ W[k].T
    return dW


def test_an_activations_derivative_at_another_steps_output():
    """1 − y² with the block's output in the place of the tanh's is named, and tied to the tanh."""
    W, x = RNG.normal(size=(3, 4, 4)) / 2, RNG.normal(size=(5, 4))
    first = ag.check_gradient(residual_loss, residual_gradient(W, x), W, x)["W"].suspects[0]
    assert first.kind == "wrong-argument" and "np.tanh(z)" in first.where, str(first)


def test_normalisers():
    """The mean and the variance of a normalisation are no constants."""
    c = RNG.normal(size=(4, 6))

    def loss(x):
        m = x.mean(axis=1, keepdims=True)
        v = x.var(axis=1, keepdims=True)
        xhat = (x - m) / np.sqrt(v + 1e-5)
        return np.sum(c * xhat)

    def forgot(x):
        return (c - c.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)

    report = ag.check_gradient(loss, forgot, RNG.normal(size=(4, 6)))
    assert report["x"].suspects[0].kind == "missing-term"
    assert "variance" in report["x"].suspects[0].message


# ── what must not be explained ───────────────────────────────────────────────────────────────


@pytest.mark.slow  # each search is one that finds nothing
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_noise_is_not_explained(seed):
    """A random gradient is wrong, and the cause unknown: nothing that fits is invented."""
    noise = [np.random.default_rng(seed).normal(size=p.shape) for p in MLP]
    report = ag.check_gradient(mlp, noise, *MLP, wrt=WRT)
    assert all([s.kind for s in e.suspects] == ["unknown"] for e in report)


@pytest.mark.slow  # eight searches
def test_a_suspect_gives_the_numbers():
    """What a suspect says is tried out: its evidence is a difference at the level of rounding."""
    for edits, *_ in EDITS[:8]:
        for e in ag.check_gradient(mlp, edited(edits), *MLP, wrt=WRT):
            for s in e.suspects:
                assert s.evidence < 1e-9


def test_ties_are_said():
    """Numbers that two mistakes give alike are said to be that."""
    x = np.array([0.3, -0.2, 0.7])
    report = ag.check_gradient(lambda x: np.sum(2 * x**2), lambda x: 2 * x, x)
    first, *others = report["x"].suspects
    assert first.kind == "factor" and any(s.tied for s in others)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), c=st.sampled_from([-1.0, 2.0, 0.5, 7.0, 1 / 7]))
def test_a_factor_of_the_whole(seed, c):
    """Any right gradient times a constant is a sign or a factor, never something far-fetched."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(5, 3))
    right = ag.grad(lambda w: np.mean(np.sin(X @ w)))(w)
    first = ag.check_gradient(lambda w: np.mean(np.sin(X @ w)), c * right, w)["w"].suspects[0]
    assert first.kind == ("sign" if c < 0 else "factor") and not first.also


def test_constants():
    """Numbers of a problem get their names; for few entries only the commonest."""
    known = Constants({"X": X}, {"lam": 0.3})
    assert "axis 0 of X" in known.name(7.0) and "lam" in known.name(0.3)
    assert known.name(0.123456) is None and known.name(21.0, few=True) is None
    assert [shown(c) for c in (0.5, 0.3333333333333, 0.1234567)] == ["1/2", "1/3", "0.123457"]


# ── the second table ─────────────────────────────────────────────────────────────────────────


def test_a_teacher_adds_a_mistake():
    """One line, for a primitive of one's own too; what can't be is refused."""
    cube = ag.elementwise(lambda x: x**3, None, lambda y, x: 3 * x**2, name="a student's cube")
    x = np.array([0.3, 0.8, -1.1, 2.0])
    loss = lambda x: np.sum(cube(x))
    assert ag.check_gradient(loss, 1 * np.ones(4), x)["x"].suspects[0].kind == (
        "missing-local-derivative")
    ag.mistake(cube, "wrong-local-derivative", lambda y, x: 3 * x + x**5, "3{x} + {x}⁵ is magic")
    assert ag.check_gradient(loss, 3 * x + x**5, x)["x"].suspects[0].message == "3x + x⁵ is magic"
    with pytest.raises(GraphError, match="no kind of mistake"):
        ag.mistake(cube, "typo", lambda y, x: x, "")
    with pytest.raises(GraphError, match="no primitive or block"):
        ag.mistake("cubic", "sign", lambda y, x: x, "")


def test_every_row_of_the_second_table_is_of_a_kind():
    """Each row names a kind, and says something in which only known names are filled in."""
    for rows in MALRULES.values():
        for row in rows:
            assert row.kind in ag.KINDS and row.said
            row.said.format_map(dict.fromkeys(("x", "y", "a", "b", "f", "dx", "dy", "slope"), ""))


# ── weak checks ──────────────────────────────────────────────────────────────────────────────

NOTES = [
    ("doesn't reach", lambda w: np.sum(np.ones(2)) + 0.0 * np.sum(w[:0]) + np.sum(w) * 0.0,
     lambda w: 0 * w, np.ones(2), None),
    ("symmetry", lambda x: np.sum(ag.softmax(x)), lambda x: 0 * x, np.arange(3.0), "right"),
    ("float32", lambda x: np.sum(x**2), lambda x: 2 * x, np.ones(2, np.float32), "right"),
    ("is at its kink", lambda x: np.sum(ag.relu(x)), lambda x: 1.0 * (x > 0),
     np.array([0.0, 1.0]), "right"),
    ("within 1e-08 of its kink", lambda x: np.sum(ag.relu(x)), lambda x: 1.0 * (x > 0),
     np.array([1e-8, 1.0]), "can't tell"),
    ("at a tie", lambda x: np.max(x), np.array([1.0, 0.0]), np.ones(2), "right"),
    ("broadcast to (3, 3)", lambda w: np.mean((w - np.arange(3.0)) ** 2),
     lambda w: 2 * (w - 1) / 3, np.ones((3, 1)), "right"),
]


@pytest.mark.filterwarnings("ignore::autograd_mini.errors.BroadcastWarning")  # it is noted, too
@pytest.mark.parametrize(("word", "loss", "claim", "x", "verdict"), NOTES[1:],
                         ids=[case[0] for case in NOTES[1:]])
def test_weak_checks_are_called_out(word, loss, claim, x, verdict):
    """A probe that shows nothing, or lies beside a kink, is said to be that."""
    report = ag.check_gradient(loss, claim, x)
    assert any(word in note for note in report.notes), report.notes
    assert report.verdict == verdict and "note:" in str(report)


def test_a_parameter_that_does_not_reach_the_loss():
    """Its gradient is 0, and that is all that was tested."""
    report = ag.check_gradient(lambda w, v: np.sum(w**2), lambda w, v: (2 * w, 0 * v),
                               np.ones(2), np.ones(3), wrt=("w", "v"))
    assert report.ok and any("v doesn't reach" in note for note in report.notes)


def test_a_refused_loss_says_so():
    """Where the engine can't help, the cause is unknown, and the report says why."""
    def loss(x):
        out = np.zeros(2)
        out[0] = x[0] ** 2
        return out[0]

    report = ag.check_gradient(loss, lambda x: 3 * x, np.ones(2))
    assert report["x"].suspects[0].kind == "unknown"
    assert "np.stack" in report["x"].suspects[0].message


# ── the gradient's own code ──────────────────────────────────────────────────────────────────


def test_functions_that_do_more_than_compute_are_not_run_again(tmp_path):
    """A gradient that counts, prints or writes is called once, and never edited."""
    calls = []

    def counting(x):
        calls.append(1)
        print("computing")
        return 3 * x

    report = ag.check_gradient(lambda x: np.sum(x**2), counting, np.array([1.0, 2.0, 3.0]))
    assert report["x"].suspects[0].kind == "factor" and len(calls) == 1
    marked = tmp_path / "precious.txt"
    marked.write_text("kept")

    def deleting(x):
        k = 0
        if (tmp_path / f"precious{k}.txt").exists():
            (tmp_path / "precious.txt").unlink()
        return 3.3 * x

    ag.check_gradient(lambda x: np.sum(x**2), deleting, np.array([1.0, 2.0, 3.0]))
    assert marked.read_text() == "kept"


STATE = {"n": 0}


def test_edits_do_not_reach_what_is_around():
    """What a gradient keeps outside is changed by its own call only, and a long loop ends."""

    def keeping(x):
        STATE["n"] = STATE["n"] + 1
        n = 3
        total = 0.0
        for _ in range(10 ** n):
            total = total + 1.0
        return 3.3 * x

    report = ag.check_gradient(lambda x: np.sum(x**2), keeping, np.array([1.0, 2.0, 3.0]))
    assert report.verdict == "wrong" and STATE == {"n": 1}


def test_nothing_that_is_given_is_changed():
    """Keyword arguments, Tensors and Values are handed on as copies of plain numbers."""
    lam = np.array([1.0, 2.0, 3.0])

    def doubling(w, *, lam):
        d = 2 * w * lam
        lam *= 2
        return d

    assert ag.check_gradient(lambda w, *, lam: np.sum(lam * w**2), doubling, np.ones(3),
                             lam=lam).ok
    assert lam.tolist() == [1.0, 2.0, 3.0]
    assert ag.check_gradient(lambda w: np.sum(w**2), lambda w: 2 * w, ag.Tensor([1.0, 2.0])).ok
    assert ag.check_gradient(lambda w: w**2, lambda w: 2 * w, ag.Value(2.0)).ok


@pytest.mark.slow  # forty wrong gradients of forty layers
def test_a_vanishing_gradient_is_not_rounding():
    """Forty layers of tanh: the terms are huge, the gradient tiny, and 0 is wrong all the same."""
    rng = np.random.default_rng(0)
    weights, x = [rng.normal(size=(8, 8)) / 3 for _ in range(40)], rng.normal(size=(6, 8))

    def deep(weights):
        h = x
        for w in weights:
            h = np.tanh(h @ w)
        return np.sum(h**2)

    zeros = ag.check_gradient(deep, [np.zeros((8, 8))] * 40, weights)
    assert zeros["weights[0]"].verdict == "wrong"
    assert ag.check_gradient(deep, ag.grad(deep)(weights), weights).ok


def test_half_precision_excuses_little():
    """float16 has three digits, not none."""
    w = np.array([1, 2, 3], np.float16)
    assert ag.check_gradient(lambda w: np.sum(w**3), lambda w: w**2, w).verdict == "wrong"


# ── whole backward passes ────────────────────────────────────────────────────────────────────


def forward():
    """A forward pass on Tensors, all of its variables."""
    w1, w2 = ag.Tensor(W1, label="w1"), ag.Tensor(W2, label="w2")
    z = X @ w1
    h = np.tanh(z)
    out = h @ w2
    loss = np.mean((out - T) ** 2)
    return locals()


def backward_by_hand():
    """The claims, right."""
    z = X @ W1
    h = np.tanh(z)
    dout = 2 * (h @ W2 - T) / T.size
    dh = dout @ W2.T
    dz = dh * (1 - h**2)
    return {"dout": dout, "dw2": h.T @ dout, "dh": dh, "dz": dz, "dw1": X.T @ dz}


def test_a_chain_that_is_right():
    """Each line right, in backward order whatever the order given."""
    report = ag.check_chain(forward, **dict(reversed(backward_by_hand().items())))
    assert report.ok and report.blamed == ()
    names = [e.name for e in report]
    assert names.index("dout") < names.index("dh") < names.index("dz") < names.index("dw1")


def test_the_first_wrong_line_is_blamed():
    """What is wrong only because of it says so; what is wrong by itself besides is told too."""
    claims = backward_by_hand()
    claims["dz"] = claims["dh"] * (1 - (X @ W1) ** 2)
    claims["dw1"] = X.T @ claims["dz"]
    report = ag.check_chain(forward, **claims)
    assert report.blamed == ("dz",) and dict(report.because) == {"dw1": "dz"}
    assert report["dz"].suspects[0].kind == "wrong-argument"
    assert str(report).startswith("The first mistake is in dz.")
    claims["dw1"] = -claims["dw1"]
    report = ag.check_chain(forward(), **claims)
    assert report.blamed == ("dz", "dw1") and report["dw1"].suspects[0].kind == "sign"


def test_right_in_spite_of_a_wrong_one_before():
    """A claim that is right, though one before it isn't, is right."""
    claims = backward_by_hand() | {"dh": np.zeros((7, 6))}
    report = ag.check_chain(forward, **claims)
    assert report.blamed == ("dh",) and report["dz"].verdict == report["dw1"].verdict == "right"


def test_chains_that_cannot_be_checked():
    """No loss, no node, no claims: an error before any verdict."""
    variables = forward()
    with pytest.raises(GraphError, match="needs its node"):
        ag.check_chain(variables["loss"], dz=np.ones(3))
    with pytest.raises(GraphError, match="doesn't depend"):
        ag.check_chain(variables["loss"], dv=(ag.Tensor([1.0]), np.ones(1)))
    with pytest.raises(GraphError, match="no loss among"):
        ag.check_chain({"z": variables["z"]}, dz=np.ones(3))
    with pytest.raises(ShapeError, match="nothing to check"):
        ag.check_chain(variables["loss"])
    shape = ag.check_chain(variables, dw2=backward_by_hand()["dw2"].T)
    assert shape["dw2"].suspects[0].kind == "transpose"


def test_a_chain_of_values():
    """Floats have gradients too."""
    a, b = ag.Value(2.0, label="a"), ag.Value(-3.0, label="b")
    c = a * b
    loss = c.tanh()
    report = ag.check_chain(loss, dc=(c, 1 - np.tanh(-6.0) ** 2), da=(a, 1.0))
    assert report["dc"].verdict == "right" and report.blamed == ("da",)


# ── exercises ────────────────────────────────────────────────────────────────────────────────


def test_an_exercise():
    """Answers as formulas or numbers; a wrong one is explained in the formula's terms."""
    homework = ag.exercise("tanh(w*x + b)", seed=3)
    assert "∂y/∂w" in str(homework) and homework.check(w="(1 - y**2) * x", b="1 - y**2").ok
    assert homework.check(**homework.solution()).ok
    report = homework.check(b="1 - (w*x + b)**2")
    assert report["b"].suspects[0].kind == "wrong-argument"
    assert "tanh(w*x + b)" in report.hint(3)
    assert ag.exercise("tanh(w*x + b)", seed=3).values == homework.values
    assert homework.check(w=f"{homework.solution()['w']:.17f}").ok  # a number, as one types it
    assert ag.exercise("abs(x)").check(x="1").verdict == "wrong"  # it is tried at x < 0 too


@pytest.mark.parametrize(("make", "message"), [
    (lambda: ag.exercise("2 + 3"), "no variable"),
    (lambda: ag.exercise("x +"), "not a formula"),
    (lambda: ag.exercise("log(x - 5)"), "isn't finite"),
    (lambda: ag.exercise("x*w").check(v="1"), "not v"),
    (lambda: ag.exercise("x*w").check(), "by name"),
    (lambda: ag.exercise("x*w").check(x="q"), "'q' has no value"),
])
def test_exercises_that_cannot_be(make, message):
    """Bad formulas and answers are said to be that."""
    with pytest.raises(ExpressionError, match=message):
        make()


# ── the labelled set ─────────────────────────────────────────────────────────────────────────

@pytest.mark.slow  # it searches for sixty mistakes
def test_a_sample_of_the_labelled_set():
    """Of every twelfth of the labelled wrong gradients all are detected, most are named rightly."""
    every = list(harness.cases())[::12]
    right = 0
    for case in every:
        with np.errstate(all="ignore"):
            report = ag.check_gradient(case.loss, case.gradient, *case.args, wrt=case.wrt)
        assert report.verdict == "wrong", case.did
        kinds = Counter(e.suspects[0].kind for e in report if e.verdict == "wrong")
        right += kinds.most_common(1)[0][0] in case.accepted
    assert len(every) > 50 and right / len(every) > 0.85
