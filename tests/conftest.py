"""What several test files share: Hypothesis's settings, and a generator."""

from __future__ import annotations

import gc

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


@pytest.fixture(params=[
    "in Python", pytest.param("in machine code", marks=pytest.mark.slow)])  # each once more
def interpreted(request, monkeypatch):
    """Programs run in both ways; the machine is one in Python, for which nothing is compiled."""
    from autograd_mini.compiler import replay, schedule

    monkeypatch.setattr(schedule, "machine", slow_machine)
    if request.param == "in machine code":
        monkeypatch.setattr(replay, "LARGE", -1)


@pytest.fixture
def on_the_machine(monkeypatch):
    """Programs of any size begin in machine code."""
    pytest.importorskip("numba", reason="the fast extra isn't installed")
    from autograd_mini.compiler import replay

    monkeypatch.setattr(replay, "LARGE", -1)


def pytest_collection_modifyitems(items):
    """The tour runs first: it shows what a user does, and in seconds whether that works."""
    items.sort(key=lambda item: item.path.name != "test_tour.py")


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium."""
    from chromium import CHROMIUM, sync_playwright

    with sync_playwright() as client:
        started = client.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page of steps, offline: (steps, …) → Seen."""
    from chromium import Seen

    contexts = []

    def open_page(steps, step=1, **options):
        options = {"viewport": {"width": 1280, "height": 700}} | options
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        path = tmp_path / "steps.html"
        path.write_text(steps if isinstance(steps, str) else steps.html, encoding="utf-8")
        return Seen(context.new_page(), f"{path.as_uri()}#{step}")

    yield open_page
    for context in contexts:
        context.close()


def pytest_collection_finish():
    """Leave the thousands of tests that were found out of each garbage collection."""
    gc.collect()
    gc.freeze()
