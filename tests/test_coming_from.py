"""docs/coming_from.md: each right side runs, and gives what the left one gives in its library."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import types
from pathlib import Path

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.trees import flat

pytest.importorskip("scipy.optimize", reason="the scipy extra isn't installed")
PAGE = (Path(__file__).parents[1] / "docs" / "coming_from.md").read_text(encoding="utf-8")
SETUP = re.search(r"The tables use these:\n\n```python\n(.*?)```", PAGE, re.S)[1]
DIGITS = {"nn.": 1e-6, "odeint": 1e-8}  # float32; and what was asked for
TABLES = {
    title: [tuple(re.findall(r"`([^`]+)`", cell)[0] for cell in line.strip("| ").split(" | "))
            for line in section.splitlines() if line.startswith("| `")]
    for title, section in re.findall(r"\n## ([^\n]*)\n(.*?)(?=\n## |\Z)", PAGE, re.S)
    if "\n| `" in section
}
RULES = TABLES["Rules of one's own"]


def result_of(code, namespace):
    """What the last statement gives, if it is an expression or an assignment; else None."""
    body = ast.parse(code).body
    exec(compile(ast.Module(body[:-1], []), "a row", "exec"), namespace)
    last = body[-1]
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "a row", "eval"), namespace)
    exec(compile(ast.Module([last], []), "a row", "exec"), namespace)
    if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name):
        return namespace[last.targets[0].id]
    return None


def ours():
    """The page's names with NumPy and this package."""
    namespace = {}
    exec(SETUP, namespace)
    return namespace


def theirs(title):
    """The page's names with another library in NumPy's place; skips the test without it."""
    namespace = {}
    own = SETUP.split("import autograd_mini as ag\n")[1]
    if title == "PyTorch":
        torch = pytest.importorskip("torch", reason="the oracles extra isn't installed")
        namespace["np"] = types.SimpleNamespace(
            sum=torch.sum, sin=torch.sin, exp=torch.exp,
            array=lambda x: torch.tensor(x, dtype=torch.float64))
        namespace["torch"] = torch
    elif title == "JAX":
        pytest.importorskip("jax", reason="the oracles extra isn't installed")
        import jax
        import jax.experimental.ode
        import jax.flatten_util
        import jax.scipy.special
        import jax.scipy.stats

        jax.config.update("jax_enable_x64", True)
        namespace |= {"np": jax.numpy, "jnp": jax.numpy, "jax": jax}
    else:
        pytest.importorskip("autograd", reason="the oracles extra isn't installed")
        import autograd
        import autograd.misc
        import autograd.numpy
        import autograd.scipy.linalg
        import autograd.scipy.special
        import autograd.scipy.stats
        import autograd.test_util
        from autograd.extend import defjvp, defvjp, primitive

        namespace |= {"np": autograd.numpy, "autograd": autograd, "primitive": primitive,
                      "defvjp": defvjp, "defjvp": defjvp}
    exec(own, namespace)
    return namespace


def numbers(y):
    """All numbers of a result, in order, whatever library they are of; None if it has none."""
    if y is None or isinstance(y, types.ModuleType | type) or hasattr(y, "parameters"):
        return None
    leaves = [leaf.detach() if hasattr(leaf, "detach") else leaf for leaf in flat(y)]
    leaves = [leaf.value if isinstance(leaf, ag.Node) else leaf for leaf in leaves]
    leaves = [leaf._value if type(leaf).__name__ == "ArrayBox" else leaf for leaf in leaves]
    return np.concatenate([np.ravel(np.asarray(leaf, float)) for leaf in leaves])


def compare(left, right, before):
    """Both sides run; where both give numbers, and none are random, the numbers agree."""
    mine, other = numbers(result_of(right, before[1])), numbers(result_of(left, before[0]))
    if mine is not None and other is not None and "random" not in left:
        digits = next((d for part, d in DIGITS.items() if part in left), 1e-12)
        np.testing.assert_allclose(mine, other, rtol=digits, atol=1e-15)
    return mine is not None and other is not None


def test_the_page_has_its_tables():
    """One for each library, and one of rules; each row has two sides."""
    assert [*TABLES] == ["HIPS autograd", "JAX", "PyTorch", "Rules of one's own"]
    assert all(len(row) == 2 for rows in TABLES.values() for row in rows)
    assert min(map(len, TABLES.values())) >= 7


@pytest.mark.parametrize("title", TABLES)
def test_each_right_side_runs(title):
    """In the order of the page, in one namespace, with NumPy and this package alone."""
    namespace = ours()
    for _, right in TABLES[title]:
        y = numbers(result_of(right, namespace))
        assert y is None or np.isfinite(y).all(), right


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")  # PyTorch's
@pytest.mark.parametrize("title", ["HIPS autograd", "JAX", "PyTorch"])
def test_each_left_side_gives_the_same_there(title):
    """Each library computes what the right side does; at least two rows of three are compared."""
    namespaces = theirs(title), ours()
    rows = TABLES[title]
    assert 3 * sum(compare(*row, namespaces) for row in rows) > 2 * len(rows)


@pytest.mark.oracle
@pytest.mark.parametrize(("left", "right"), RULES)
def test_each_rule_is_the_same_there(left, right):
    """A rule stated there and here gives the same derivative."""
    assert compare(left, right, (theirs("JAX" if "jax" in left else "HIPS autograd"), ours()))


@pytest.mark.oracle
def test_pytorchs_function_gives_what_ours_gives():
    """The class on the page prints the numbers that stand below our two functions."""
    block, shown = re.search(r"```python torch\n(.*?)```.*?```text\n(.*?)```", PAGE, re.S).groups()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(block, theirs("PyTorch"))
    assert out.getvalue() == shown
