"""Faults of the page of steps that were found by using it."""

from __future__ import annotations

import html
import re

import numpy as np
import pytest
from chromium import MISSING
from test_page import neuron

import autograd_mini as ag
from autograd_mini import Tensor

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=MISSING)]  # a browser


def test_space_and_enter_on_a_box(opened):
    """They go to its step, and don't start to play."""
    seen = opened(neuron())
    for key in ("Enter", " "):
        seen.press("Home")
        seen.js("tabbable(true); boxes.find(b => b.item.name === 'v2').group.focus()")
        seen.press(key)
        assert seen.js("nodes[steps[at].n].name") == "v2" and seen.js("timer === null")


def test_a_drag_is_no_click(opened):
    """Dragging a box moves the graph, and goes nowhere; a click that stands still does."""
    seen = opened(neuron(), step=10)
    place = seen.page.get_by_role("button", name=re.compile("^v2")).bounding_box()
    x, y = place["x"] + 10, place["y"] + 10
    before = seen.js("[at, view[0]]")
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + 60, y + 5, steps=4)
    seen.page.mouse.up()
    assert seen.js("at") == before[0] and seen.js("view[0]") == pytest.approx(before[1] + 60, abs=2)
    seen.page.mouse.click(x + 60, y + 5)
    assert seen.js("at") != before[0]


def test_guesses_of_small_numbers(opened):
    """Both minus signs of −1.5e−5 are read, and 0 isn't near 1e−12."""
    for value, wrong, right in ((-1.5e-5, "-1.5e-3", "-1.5e-5"), (1e-12, "0", "1e-12")):
        seen = opened(ag.steps(lambda x: x * 1.0 + 0.0, value))
        seen.press("p")
        for guess, said in ((wrong, "not yet"), (right, "x is computed|v1 is computed")):
            field = seen.page.get_by_label("Your number")
            field.fill(guess)
            seen.press("Enter")
            assert re.search(said, seen.text("aside")), guess


def test_the_help_can_be_closed_in_a_frame(opened):
    """A sandboxed frame allows no forms."""
    page = (f"<!doctype html><html data-ready><body><iframe sandbox='allow-scripts' "
            f"style='width:900px;height:500px' srcdoc='{html.escape(neuron().html)}'></iframe>")
    seen = opened(page)
    inner = seen.page.frames[1]
    inner.wait_for_selector("html[data-ready]")
    inner.get_by_role("button", name="Keys and colours").click()
    inner.get_by_role("button", name="Close").click()
    assert not inner.evaluate("$.help.open") and not seen.troubles


def test_the_focus_is_never_lost(opened):
    """A button that goes away leaves the focus in its place."""
    seen = opened(ag.steps(lambda x: ag.softmax(x).sum() * 2, np.arange(3.0)))
    seen.js("go(0)")
    button = seen.page.get_by_role("button", name="Go to where this happens")
    button.focus()
    seen.press("Enter")
    assert seen.js("document.activeElement !== document.body")
    seen.page.locator("nav button").first.focus()
    seen.press("Enter")
    assert seen.js("scene") == 0 and seen.js("document.activeElement === canvas")


def test_a_seed_is_spoken_of(opened):
    """Then the whole is called L, and nothing changes "by as much"."""
    seen = opened(ag.steps(Tensor([1.0, 2.0], label="x") * 2, seed=np.array([3.0, 5.0])), step=2)
    assert "with the gradient that was given" in seen.text("aside")
    assert "by as much" not in seen.text("aside") and "L" in seen.js(
        "$.panel.querySelector('.equations').textContent")


def test_no_text_is_faint(opened):
    """What isn't computed yet, and what is from outside, is told by colour and dashes alone."""
    seen = opened(ag.steps(lambda x: ag.softmax(x).sum() * 2, np.arange(3.0)))
    seen.js("open(1)")
    faint = seen.js("""[...document.querySelectorAll('svg text')].filter(text => {
        for (let e = text; e; e = e.parentElement)
            if (+getComputedStyle(e).opacity < 1 && !text.closest('.link')) return true;
        return false; }).map(text => text.textContent)""")
    assert faint == []


def test_a_chosen_scale_is_kept(opened):
    """A window that changes its size doesn't undo it."""
    seen = opened(neuron())
    seen.press("+", "+", "+")
    scale = seen.js("view[2]")
    seen.page.set_viewport_size({"width": 1100, "height": 640})
    seen.page.wait_for_timeout(100)
    assert seen.js("view[2]") == scale
    seen.press("0")
    assert seen.js("view[2]") != scale
