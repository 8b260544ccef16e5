"""The second table: wrong rules, to which a user adds his own."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.errors import GraphError
from autograd_mini.verify.diagnosis.mistakes import MISTAKES


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
    for rows in MISTAKES.values():
        for row in rows:
            assert row.kind in ag.KINDS and row.said
            row.said.format_map(dict.fromkeys(("x", "y", "a", "b", "f", "dx", "dy", "slope"), ""))
