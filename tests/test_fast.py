"""The fast engine gives what the plain one gives, to the last bit and the sign of zero."""

from __future__ import annotations

import contextlib
import random
import shutil
import struct
import subprocess
import sys
import types
import warnings
from pathlib import Path

import nested_programs
import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, fast, nn

LAYOUT = [pair for pair in fast.PAIRS if pair.owner is ag.Node]
NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e200, -1e-200, 1e-320, np.inf, np.nan]


@contextlib.contextmanager
def engine(pairs):
    """A block in which these fast functions are in place, and the others plain."""
    was_fast = ag.engine() != "plain"
    if was_fast:
        fast.uninstall_core()
        fast.uninstall()
    fast.install(pairs)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        fast.uninstall(pairs)
        if was_fast:
            fast.install()
        if ag.engine() == "core":
            fast.install_core()


def bits(x):
    """The bits of numbers, so that −0.0 isn't 0.0 and nan is nan (of whichever payload)."""
    if x is None or isinstance(x, str):
        return x
    array = np.asarray(x)
    flat = [b"nan" if v != v else struct.pack("d", v) for v in array.ravel().tolist()]
    return array.shape, str(array.dtype), flat


def scalar_program(seed):
    """The gradients of a random program on Values, with respect to what it starts from."""
    r = random.Random(seed)
    leaves = [Value(r.choice([*NUMBERS, r.gauss(0, 1), r.gauss(0, 1)])) for _ in range(4)]
    pool = list(leaves)
    for _ in range(14):
        a, b = r.choice(pool), r.choice([*pool, 2.0, -0.5, 3])
        f = r.choice([
            lambda: a + b, lambda: b - a, lambda: a * b, lambda: a / b, lambda: b / a,
            lambda: a**2, lambda: a**b, lambda: 2.0**a, lambda: 1.0 - a, lambda: -a,
            lambda: a.tanh(), lambda: a.relu(), lambda: a.sigmoid(), lambda: a.exp(),
            lambda: a.log(), lambda: a.sqrt(), lambda: a.sin(), lambda: a.cos(), lambda: abs(a),
            lambda: np.maximum(a, b), lambda: np.where(a > 0, a, b * a), lambda: ag.sum([a, a, b]),
            lambda: ag.sum([a, a]),
            lambda: ag.dot([a, a], [b, 2.0], a), lambda: ag.dot([a, a], [a, a], a),
        ])
        with contextlib.suppress(ArithmeticError, ValueError, ag.errors.AutogradError):
            pool.append(f())
    return gradients(sum(pool[-3:], Value(0.0)), leaves)


def array_program(seed):
    """The same on Tensors of several shapes and both dtypes."""
    r, rng = random.Random(seed), np.random.default_rng(seed)
    kinds = [np.float64, np.float64, np.float32]
    leaves = [Tensor(rng.normal(size=size).astype(r.choice(kinds)))
              for size in ((3, 4), (4,), (), (3, 1))]
    if r.random() < 0.3:
        leaves[0].data[0, 0] = r.choice(NUMBERS)
    pool = list(leaves)
    for _ in range(10):
        a, b = r.choice(pool), r.choice([*pool, 2.0, -3])
        f = r.choice([
            lambda: a + b, lambda: a - b, lambda: a * b, lambda: a / b, lambda: a**2, lambda: -a,
            lambda: np.tanh(a), lambda: a.relu(), lambda: a.exp(), lambda: abs(a), lambda: a.sin(),
            lambda: a.sigmoid(), lambda: np.sqrt(a * a), lambda: np.maximum(a, b), lambda: a @ b,
            lambda: np.where(a > b, a, a * b), lambda: np.sum(a, axis=0), lambda: a.T,
            lambda: ag.logsumexp(a), lambda: np.prod(a), lambda: a[..., 0], lambda: np.max(a),
            lambda: np.linalg.norm(a), lambda: ag.softmax(a), lambda: Value(0.5) * a,
        ])
        with contextlib.suppress(ArithmeticError, ValueError, IndexError, TypeError,
                                 ag.errors.AutogradError):
            pool.append(f())
    loss = sum([np.sum(x) for x in pool[-3:]], Tensor(0.0))
    return gradients(loss, leaves)


def slices_program(seed):
    """The same of many slices of few arrays, which send back zeros of both signs, inf and nan."""
    r, rng = random.Random(seed), np.random.default_rng(seed)
    kind = r.choice([np.float64, np.float32])
    leaves = [Tensor(rng.normal(size=(3, 4)).astype(kind)), Tensor(rng.normal(size=6))]
    arrays = [*leaves, leaves[0] * 1.0, leaves[1] ** 2, np.exp(leaves[0]), leaves[0].T]
    parts = []
    for _ in range(r.randrange(4, 14)):
        a = r.choice(arrays)
        with contextlib.suppress(IndexError):
            parts.append(r.choice([
                lambda: a[0], lambda: a[1:], lambda: a[..., ::-1], lambda: a[..., 1],
                lambda: a[None, :2], lambda: a[-1, ..., None], lambda: a[np.int64(1)],
                lambda: a[[0, 0, 2]], lambda: a[:0], lambda: a[...], lambda: a, lambda: a * 2.0,
                lambda: a[a.data > 0], lambda: a[True], lambda: a[1, 2], lambda: a[()],
                lambda: list(a)[-1], lambda: np.split(a, [1, 2])[1],
            ])())
    loss = Tensor(0.0)
    for part in parts:
        weight = rng.normal(size=part.shape)
        if weight.size and r.random() < 0.7:
            weight.flat[r.randrange(weight.size)] = r.choice(NUMBERS)
        loss = loss + np.sum(part * weight)
    return gradients(loss, leaves)


def gradients(loss, leaves):
    """Those that backward() stores, twice; those that gradients() gives, of both orders."""
    found = []
    for _ in range(2):
        try:
            loss.backward()
        except ag.errors.AutogradError as error:
            found.append(type(error).__name__)
    found += [bits(x.gradient) for x in leaves] + [bits(loss.value)]
    with contextlib.suppress(ag.errors.AutogradError):
        first = ag.gradients(loss, leaves, create_graph=True)
        found += [bits(g.value) for g in first]
        found += [bits(g) for g in ag.gradients(np.sum(first[0]), leaves[:1])]
    return found


def network(seed):
    """A training run of each kind of network: the parameters after three steps."""
    random.seed(seed)
    rng = np.random.default_rng(seed)
    scalars = nn.MLP(3, [5, 4, 1])
    X = [[random.gauss(0, 1) for _ in range(3)] for _ in range(8)]
    arrays = nn.Sequential(nn.Linear(3, 8, rng=rng), nn.Tanh(), nn.Linear(8, 2, rng=rng))
    optimizers = [nn.SGD(scalars.parameters(), lr=0.1), nn.Adam(arrays.parameters())]
    for _ in range(3):
        losses = [
            ag.sum([(1 - (-1) ** i * scalars(x)).relu() for i, x in enumerate(X)]),
            nn.cross_entropy(arrays(np.array(X)), np.arange(8) % 2),
        ]
        for loss, optimizer in zip(losses, optimizers, strict=True):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return [bits(p.value) for p in [*scalars.parameters(), *arrays.parameters()]]


def nested_program(seed):
    """A random function that takes derivatives inside: its own, of orders 1 and 2."""
    f = nested_programs.loss(nested_programs.random_program(random.Random(seed)))
    x = np.array([0.4, -0.9])
    return [bits(nested_programs.derivative(f, order)(x)) for order in (1, 2)]


PROGRAMS = [*[(scalar_program, seed) for seed in range(120)],
            *[(array_program, seed) for seed in range(60)], (network, 0),
            *[(slices_program, seed) for seed in range(60)],
            *[(nested_program, seed) for seed in range(4)]]


@pytest.fixture(scope="module")
def plain_results():
    """What the plain engine gives for all programs."""
    with engine([]):
        return [program(seed) for program, seed in PROGRAMS]


EACH = [p for p in fast.PAIRS if p not in LAYOUT]


# Each takes a third of a second; all of them together are exchanged in the test below.
@pytest.mark.parametrize("pair", [pytest.param(p, marks=[pytest.mark.slow] if i % 16 else [])
                                  for i, p in enumerate(EACH)],
                         ids=lambda p: f"{getattr(p.owner, '__name__', p.owner)}.{p.name}")
def test_a_fast_function_gives_what_the_plain_one_gives(pair, plain_results):
    """With one function exchanged, every gradient of random programs is the same to the last bit.
    """
    with engine([*LAYOUT, pair]):
        for (program, seed), expected in zip(PROGRAMS, plain_results, strict=True):
            assert program(seed) == expected, (program.__name__, seed)


@pytest.mark.skipif(ag.engine() == "plain", reason="the plain engine has none")
def test_fast_functions_are_in_place_wherever_they_were_imported():
    """No module of the package, of whatever type, has kept a plain function."""
    import autograd_mini.nn  # noqa: F401  read now

    plain = {id(p.plain): p.name for p in fast.PAIRS if isinstance(p.owner, types.ModuleType)}
    kept = [(path, name) for path, module in list(sys.modules.items())
            if path.startswith("autograd_mini") and not path.startswith("autograd_mini.fast")
            for name, thing in list(vars(module).items()) if id(thing) in plain]
    assert len(plain) > 8 and not kept


def test_the_fast_engine_gives_what_the_plain_one_gives(plain_results):
    """With all functions exchanged, every gradient is the same to the last bit."""
    with engine(fast.PAIRS):
        for (program, seed), expected in zip(PROGRAMS, plain_results, strict=True):
            assert program(seed) == expected, (program.__name__, seed)


def test_each_fast_function_names_the_plain_one():
    """The first line of its docstring says which function it replaces, and that one exists."""
    for owner, name, function, plain in fast.PAIRS:
        assert plain is not function
        if owner in (ag.Node,) or name == "__class__":  # the layout of a node, a row's kind
            continue
        first = (function.__doc__ or makers[name].__doc__).splitlines()[0]
        assert "`" in first, f"{owner}.{name}: {first}"


makers = {
    **{f"__{name}__": fast.of_floats for name in fast.BINARY},
    **{f"__r{name}__": fast.of_number_and_float for name in fast.BINARY},
    **dict.fromkeys(fast.UNARY, fast.of_float),
}
"""The functions that make those of the operators."""


def test_the_environment_leaves_the_plain_engine():
    """AUTOGRAD_MINI_PLAIN=1 is the textbook at work: nothing of fast.py is imported."""
    code = ("import sys, autograd_mini as ag; x = ag.Value(3.0); (x * x).backward(); "
            "print(ag.engine(), x.grad, 'autograd_mini.fast' in sys.modules, x.inputs)")
    for plain, said in (("1", "plain 6.0 False ()"), ("", "fast 6.0 True ()"),
                        ("0", "fast 6.0 True ()")):
        environment = {"AUTOGRAD_MINI_PLAIN": plain, "AUTOGRAD_MINI_CORE": "0"}
        done = subprocess.run([sys.executable, "-c", code], env=environment,
                              capture_output=True, text=True, check=True)
        assert done.stdout.strip() == said


def test_a_bare_checkout_works(tmp_path):
    """With nothing installed the fast engine comes in, and nn is read when it is asked for."""
    package = Path(ag.__file__).parent
    shutil.copytree(package, tmp_path / "autograd_mini", ignore=shutil.ignore_patterns("nn"))
    shutil.copytree(Path(nn.__file__).parent, tmp_path / "nn")
    code = ("import sys; sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f)]; "
            "import autograd_mini as ag; print(ag.engine(), ag.nn.MLP(2, [1]), ag.__file__)")
    environment = {"PYTHONPATH": str(tmp_path), "AUTOGRAD_MINI_CORE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert done.stdout.split(" ", 1)[0] == "fast", done.stderr
    assert str(tmp_path) in done.stdout
