"""The generated pages, and the classes of NumPy's functions that one of them lists."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Node, Tensor
from autograd_mini.errors import NotDifferentiableError
from autograd_mini.numpy_api.catalog import CONSTANT, REFUSED, classes, name_of
from autograd_mini.numpy_api.conventions import EDGES

DOCS = Path(__file__).parents[1] / "docs"
spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)


def test_our_column_of_the_conformance_page():
    """The page says of each edge what the engine does."""
    rows = [line for line in (DOCS / "conformance.md").read_text(encoding="utf-8").splitlines()
            if line.startswith("| `")]
    assert len(rows) == len(EDGES)
    for edge, row in zip(EDGES, rows, strict=True):
        code, x, ours = (part.strip() for part in row.split(" | ")[:3])
        assert code == f"| `{edge.expression}`" and x == str(edge.x)
        with np.errstate(all="ignore"):
            assert ours == generate.both(generate.here, edge), edge.where


@pytest.mark.oracle
def test_the_conformance_page_is_as_generated(monkeypatch):
    """PyTorch's and JAX's columns too."""
    pytest.importorskip("torch", reason="the oracles extra isn't installed")
    pytest.importorskip("jax", reason="the oracles extra isn't installed")
    import jax

    jax.config.update("jax_enable_x64", True)
    assert (DOCS / "conformance.md").read_text(encoding="utf-8") == generate.conformance()


def test_the_page_of_numpys_functions_is_as_generated():
    """With the release of NumPy that it names; others have other functions."""
    page = (DOCS / "numpy.md").read_text(encoding="utf-8")
    release = re.search(r"from NumPy (\d+\.\d+)", page)[1]
    if not np.__version__.startswith(release + "."):
        pytest.skip(f"the page is for NumPy {release}, this is {np.__version__}")
    assert page == generate.numpy_page()


def test_the_page_of_mistakes_is_as_generated():
    """The kinds and the second table, as they stand."""
    assert (DOCS / "mistakes.md").read_text(encoding="utf-8") == generate.mistakes_page()


def test_every_function_of_numpy_has_a_class():
    """A function that a new release adds is in no class, and fails here."""
    homeless = [name for name, (kind, _) in classes().items() if not kind]
    assert not homeless, f"put these into a class, in catalog.py or the table: {homeless}"


def test_no_function_has_two_classes():
    """A name is refused for one reason, and what is differentiable is neither constant."""
    names = [name for group in REFUSED.values() for name in group]
    assert len(names) == len(set(names))
    found = classes()
    assert all(found[name][0] == "refused" for name in names if name in found)


def attempts(function):
    """Calls with one, two and three nodes, until one is accepted or refused as a node."""
    t = Tensor([1.0, 2.0])
    for arguments in [(t,), (t, t, 0), (t, t, t), (t, np.array([0]), t, 0), ([t, t],),
                      (Tensor([[1.0, 2.0], [0.0, 1.0]]),), (t, t)]:
        try:
            yield function(*arguments)
        except (TypeError, ValueError, IndexError, AttributeError, ag.errors.GraphError) as error:
            yield error


def called(name):
    return getattr(np.linalg if name.startswith("linalg.") else np, name.split(".")[-1], None)


# Not tried: what takes files, shapes or functions, or is deprecated; and fromiter, of which the
# page says that it can't be seen.
UNTRIED = {"load", "fromfile", "loadtxt", "genfromtxt", "fromregex", "broadcast_shapes",
           "frompyfunc", "asmatrix", "bmat", "fromiter"}


@pytest.mark.parametrize("name", [
    name for why, group in REFUSED.items() if "settings" not in why for name in group
    if name not in UNTRIED and called(name) is not None])
def test_refused_functions_never_return_a_number(name):
    """Given nodes each raises; where NumPy lets us see the call, the error names the function."""
    function = called(name)
    results = list(attempts(function))
    refusals = [str(r) for r in results if isinstance(r, NotDifferentiableError)]
    numbers = [r for r in results if not isinstance(r, Exception)]
    assert not numbers, f"np.{name} returned {numbers[0]!r}"
    if hasattr(function, "_implementation") or isinstance(function, np.ufunc):
        assert any(f"{name_of(function)} isn't diff" in text for text in refusals), results


def test_refusal_of_a_function_in_no_class():
    """A function that we don't know of is refused too, with the ways out."""
    with pytest.raises(NotDifferentiableError, match="no class.*ag.supported"):
        Tensor([1.0]).__array_function__(inspect.getdoc, (Tensor,), (), {})


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")  # from 2.5 on
@pytest.mark.parametrize("function", sorted(CONSTANT - {getattr(np, "in1d", None)},
                                            key=lambda f: f.__name__),
                         ids=lambda f: f.__name__)
def test_constant_functions_see_plain_numbers(function):
    """A node gives exactly what its array gives, and nothing of it is a node."""
    for arguments in [([1.5, -0.5],), ([1.5, -0.5], [1.5, 2.0]), ([[1.5, 0.5], [0.5, 2.0]],),
                      ([1, 2], [3]), ([2.0, 1.0], 0)]:
        plain = [np.array(a, float) if a else a for a in arguments]
        try:
            with np.errstate(all="ignore"):
                expected = function(*plain)
        except (TypeError, ValueError):
            continue
        got = function(*[Tensor(a) if isinstance(a, np.ndarray) else a for a in plain])
        assert not isinstance(got, Node)
        if function is not np.empty_like:
            np.testing.assert_equal(got, expected)
        return
    assert function in (np.unravel_index, np.can_cast, np.min_scalar_type), function
