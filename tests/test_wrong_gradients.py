"""The labelled wrong gradients are what their labels say."""

from __future__ import annotations

import inspect
from collections import Counter

import numpy as np
import pytest
from wrong_gradients import harness


def leaves(x, path):
    """(path, array) of everything in nested dicts, tuples and lists."""
    if isinstance(x, dict | tuple | list):
        items = x.items() if isinstance(x, dict) else enumerate(x)
        for key, part in items:
            yield from leaves(part, f"{path}[{key!r}]")
    else:
        yield path, np.asarray(x, float)


def by_name(gradient, problem):
    """The arrays of a gradient, by the names of the parameters."""
    out = gradient(*problem.args)
    parts = out if len(problem.wrt) > 1 or isinstance(out, tuple) else (out,)
    return {name: array for parameter, part in zip(problem.wrt, parts, strict=True)
            for name, array in leaves(part, parameter)}


def test_the_labelled_set_is_complete():
    """The sets have 342, 170, 150 and 105 cases, and each edit fits the source that it changes."""
    counts = Counter(case.problem.name[0] for case in harness.cases())
    assert counts == {"a": 342, "b": 170, "c": 150, "d": 105}


def test_a_case_shows_its_edited_source():
    """What the verifier reads of a wrong gradient is the text that was executed."""
    seen = set()
    for case in list(harness.cases())[::40]:
        source = inspect.getsource(case.gradient)
        assert source not in seen and source != inspect.getsource(case.problem.gradient)
        seen.add(source)


@pytest.mark.parametrize("problem", list(harness.problems()), ids=lambda problem: problem.name)
def test_the_right_gradients_of_the_labelled_set_are_right(problem):
    """Each gradient that is edited agrees with a central difference along a random direction."""
    right = by_name(problem.gradient, problem)
    rng, step = np.random.default_rng(1), 1e-6
    away = {name: rng.normal(size=array.shape) for name, array in right.items()}

    def moved(x, path, t):
        if isinstance(x, dict):
            return {key: moved(part, f"{path}[{key!r}]", t) for key, part in x.items()}
        if isinstance(x, tuple | list):
            return type(x)(moved(part, f"{path}[{i}]", t) for i, part in enumerate(x))
        return x + t * away[path].reshape(np.shape(x))

    def at(t):
        count = len(problem.wrt)
        start = [moved(x, name, t) for name, x in zip(problem.wrt, problem.args, strict=False)]
        return float(problem.loss(*start, *problem.args[count:]))

    slope = (at(step) - at(-step)) / (2 * step)
    expected = sum(np.sum(array * away[name]) for name, array in right.items())
    assert slope == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.slow  # all cases
def test_the_parameters_that_become_wrong_are_those_of_the_label():
    """Each edit changes the gradients by the parameters that it is said to change, and no other."""
    for case in harness.cases():
        right = by_name(case.problem.gradient, case.problem)
        with np.errstate(all="ignore"):
            claimed = by_name(case.gradient, case.problem)
        changed = {name for name, array in right.items() if name not in claimed
                   or claimed[name].shape != array.shape
                   or not np.allclose(claimed[name], array, rtol=1e-6, atol=1e-9, equal_nan=True)}
        assert changed == set(case.wrong), (case.problem.name, case.did, changed ^ set(case.wrong))
