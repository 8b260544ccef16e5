"""What several test files share: Hypothesis's settings, and a generator."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
from python_machine import slow_machine

hypothesis.settings.register_profile("default", deadline=None, max_examples=50)
hypothesis.settings.load_profile("default")


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed: the same numbers in every run."""
    return np.random.default_rng(20240229)


@pytest.fixture
def interpreted(monkeypatch):
    """Programs are run by Python instead of by machine code, which takes long to compile."""
    from autograd_mini.compiler import schedule

    monkeypatch.setattr(schedule, "machine", slow_machine)


def pytest_collection_modifyitems(items):
    """The tour runs first: it shows what a user does, and in seconds whether that works."""
    items.sort(key=lambda item: item.path.name != "test_tour.py")
