"""The page of steps in a real browser: the system's Chromium, asked through playwright."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from chromium import MISSING

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=MISSING)]  # a browser

HOSTILE = ["<script>alert(1)</script>", "</script><script>alert(2)</script>", "\"'`", "]]>", "${x}",
           "名前 ∂L/∂w₁", "🙂 \U0001f469\u200d\U0001f467", "a\u202eb\u2066c", "n\x00l\x1b[31m",
           "L" * 10_000, "<img src=x onerror=alert(3)>"]


def neuron():
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-1.5, label="b")
    y = ag.tanh(w * x + b)
    y.label = "y"
    return ag.steps(y)


def reuse():
    a, b = Value(-4.0, label="a"), Value(2.0, label="b")
    c = a + b
    d = a * b + b**3
    c = c + c + 1
    d = d + d * 2 + (b + a).relu()
    return ag.steps((c - d) ** 2 / 2.0)


def model():
    net = nn.Sequential(nn.Linear(4, 3, rng=0), nn.Tanh(), nn.Linear(3, 2, rng=1))
    X, t = np.random.default_rng(0).normal(size=(5, 4)), np.array([0, 1, 1, 0, 1])
    return ag.steps(lambda: nn.cross_entropy(net(X), t))


PAGES = {"neuron": neuron, "reuse": reuse, "model": model}


@pytest.mark.parametrize("name", PAGES)
def test_to_the_end_and_back(opened, name):
    """Each step forward, then back: the same page; at the end the engine's gradients."""
    steps = PAGES[name]()
    seen = opened(steps)
    if name == "model":  # its whole is one box: the steps inside are gone to by the slider
        move = lambda i: seen.js(f"go({i})")
    else:
        move = lambda i: seen.press("ArrowRight" if i > seen.js("at") else "ArrowLeft")
    states = [seen.state()]
    for i in range(1, len(steps)):
        move(i)
        assert seen.js("at") == i
        states.append(seen.state())
    shown = dict(seen.js("""[...document.querySelectorAll('aside table:last-of-type tr')].map(
        row => [row.querySelector('th')?.title, row.querySelector('.b')?.textContent])"""))
    for i in reversed(range(len(steps) - 1)):
        move(i)
        assert seen.state() == states[i], i
    record = steps.record
    for i, node in enumerate(record.order):
        if node.op is None and node in record.turns:
            assert shown[record.names.full[node]] == record.gradient(i)
    assert not seen.troubles and all(url.startswith(("file:", "data:")) for url in seen.requests)


def test_keys(opened):
    """Home, End, the slider, space, arrows by node, the address, help."""
    seen = opened(neuron(), step=8)
    assert seen.js("at") == 7
    seen.press("End")
    assert seen.js("at") == 13
    seen.press("ArrowUp")
    assert seen.js("steps[at].e") is None and seen.js("at") < 13
    seen.press("Home")
    assert seen.js("at") == 0
    seen.page.locator("input[type=range]").fill("5")
    assert seen.js("at") == 5 and "step 6 of 14" in seen.text("footer")
    seen.page.locator("body").click(position={"x": 20, "y": 300})
    seen.press(" ")
    seen.page.wait_for_timeout(1500)
    assert seen.js("at") > 5
    seen.press(" ")
    assert "Play" in seen.text("footer")
    seen.press("?")
    assert seen.js("$.help.open") and "predict" in seen.text("dialog")
    seen.press("Escape")
    seen.page.get_by_label("stop at").select_option("node")
    seen.press("Home", *["ArrowRight"] * 4)
    assert seen.js("steps.slice(0, at + 1).filter(s => s.e === undefined).length") == 5
    assert not seen.troubles


def test_into_modules_and_out(opened):
    """Click and Enter open, the breadcrumb, Esc and dashed boxes lead out; a hidden step is found.
    """
    seen = opened(model())
    box = seen.page.get_by_role("button", name=re.compile("Sequential"))
    box.click()
    assert "Sequential" in seen.js("scenes[scene].title") and "whole graph" in seen.text("nav")
    seen.press("Escape")
    assert seen.js("scene") == 0
    seen.page.locator("svg").first.focus()
    box.focus()
    seen.press("Enter")
    assert seen.js("document.activeElement === canvas"), "the focus stays in the graph"
    seen.page.locator(".box.ghost").first.click()
    assert seen.js("scene") == 0
    seen.js("go(0)")
    seen.page.get_by_role("button", name="Go to where this happens").click()
    assert "Linear" in seen.js("scenes[scene].title")
    assert seen.js("document.querySelectorAll('.box.current').length") == 1
    seen.page.locator("nav button").first.click()
    assert seen.js("scene") == 0 and not seen.troubles


def test_a_click_on_a_box(opened):
    """Goes to its step: the forward one, or later the backward one; copies light up together."""
    seen = opened(neuron())
    box = seen.page.get_by_role("button", name=re.compile("^v2"))
    box.click()
    assert seen.js("[steps[at].k, nodes[steps[at].n].name]") == ["forward", "v2"]
    seen.press("End")
    box.click()
    assert seen.js("[steps[at].k, nodes[steps[at].n].name]") == ["complete", "v2"]
    x = Value(0.5, label="x")
    y = x * 2
    for _ in range(6):
        y = y + ag.sin(y) * x
    seen = opened(ag.steps(y))
    seen.js("go(completeAt[nodes.findIndex(node => node.name === 'x')])")
    assert seen.js("document.querySelectorAll('.box.current').length") == 7


def test_predict(opened):
    """The number is nowhere until it is given or revealed: text, labels, pictures."""
    steps = ag.steps(lambda a, b: ag.exp(a * 1.7) * b, 0.37, 5.1)
    seen = opened(steps)
    seen.press("p")
    for i in range(len(steps)):
        seen.js(f"go({i})")
        event = steps[i]
        if event.kind not in ("forward", "send"):
            continue
        number = (steps.record.value(event.node) if event.kind == "forward" else
                  seen.js("steps[at].c"))
        if number == "1" or any(number == steps.record.value(i) for i in range(5)
                                if event.kind == "send" or i != event.node):
            continue  # it stands elsewhere, too
        everything = seen.js("""document.body.innerText + [...document.querySelectorAll(
            '[aria-label],[aria-valuetext]')].map(e => e.getAttribute('aria-label') +
            e.getAttribute('aria-valuetext')).join() + [...document.querySelectorAll('svg text')]
            .map(e => e.textContent).join()""")
        assert number not in everything, (i, number)
    seen.js("go(0)")
    seen.page.get_by_label("Your number").fill("9")
    seen.press("Enter")
    assert "not yet" in seen.text("aside")
    seen.page.get_by_label("Your number").fill("0,63")
    seen.press("Enter")
    assert "0.629" in seen.text("aside")
    seen.press("ArrowRight")
    assert "What is v2?" in seen.text("aside")
    seen.page.get_by_role("button", name="Reveal").click()
    assert steps.record.value(steps[1].node) in seen.text("aside")
    assert not seen.troubles


def test_predict_asks_for_one_number_at_a_time(opened):
    """The question comes first, says what it asks for, and knows the sum from what is added to it;
    where nothing is to be guessed, nothing is hidden."""
    seen = opened(ag.steps(lambda x: x * x + x, 3.0, predict=True))
    seen.js("go(steps.findIndex(step => step.k === 'seed'))")
    assert "Reveal" not in seen.text("aside") and "∂ ?" not in seen.js(
        "[...document.querySelectorAll('svg text')].map(e => e.textContent).join()")
    seen.js("go(steps.findIndex(step => step.from !== undefined))")
    assert "what is sent on" in seen.text("aside")
    assert seen.js("document.querySelector('.question').previousElementSibling"
                   " === document.querySelector('.panel, aside').firstElementChild")
    field = seen.page.get_by_label("Your number")
    field.fill(seen.js("steps[at].to"))
    seen.press("Enter")
    assert "that is the sum" in seen.text("aside")
    field.fill(seen.js("steps[at].c"))
    seen.press("Enter")
    assert "has now" in seen.text("aside") and not seen.troubles


def test_a_page_that_begins_with_predicting(opened):
    """`predict=True` hides the first result already, and what a notebook says beneath."""
    made = ag.steps(lambda a: ag.exp(a), 0.37, predict=True)
    seen = opened(made)
    seen.press("ArrowRight", "ArrowLeft")
    assert "Reveal" in seen.text("aside") and not seen.troubles
    assert "<details>" in made._repr_html_()
    assert "<details>" not in ag.steps(lambda a: ag.exp(a), 0.37)._repr_html_()


@pytest.mark.parametrize("frame", [False, True])
def test_hostile_labels(opened, frame):
    """Nothing runs, nothing is asked for, from disk and in a sandboxed frame of a notebook."""
    total = Value(0.0, label="t")
    for label in HOSTILE:
        total = total + Value(1.5, label=label) * 2
    total.label = HOSTILE[0]
    steps = ag.steps(total, title=HOSTILE[1])
    if frame:
        page = (f"<!doctype html><html data-ready><body>"
                f"<iframe sandbox='allow-scripts' style='width:900px;height:500px' "
                f"srcdoc='{html.escape(steps.html)}'></iframe>")
        seen = opened(page)
        inner = seen.page.frames[1]
        inner.wait_for_selector("html[data-ready]")
        inner.get_by_role("button", name="To the end (End)").click()
        assert "step 89 of 89" in inner.inner_text("footer")
    else:
        seen = opened(steps)
        for _ in range(len(steps)):
            seen.press("ArrowRight")
        assert "名前" in seen.text("aside") or "L" * 20 in seen.text("aside")
    assert not seen.troubles
    assert all(url.startswith(("file:", "data:", "about:")) for url in seen.requests)


def test_it_computes_nothing(opened):
    """Of falsified numbers it shows the falsified ones."""
    page = neuron().html
    head, data, tail = re.split(r'(?<=id="data">)(.*?)(?=</script>)', page, maxsplit=1, flags=re.S)
    told = json.loads(data)
    told["nodes"][0]["value"] = "77.5"
    for node in told["nodes"]:
        node["grad"] = "88.25"
    for step in told["steps"]:
        if step["k"] == "send":
            step |= {"c": "99.125", "to": "66.75"}
    seen = opened(head + json.dumps(told).replace("<", "\\u003c") + tail)
    seen.press("End")
    assert "88.25" in seen.text("aside") and "77.5" in seen.text("aside")
    seen.press("ArrowLeft", "ArrowLeft", "ArrowLeft")
    shown = seen.text("aside") + seen.js("canvas.textContent")
    assert "99.125" in shown and "66.75" in shown and "1.573" not in shown


@pytest.mark.parametrize(("name", "options"), [
    ("light", {"color_scheme": "light"}), ("dark", {"color_scheme": "dark"}),
    ("forced", {"forced_colors": "active"}), ("still", {"reduced_motion": "reduce"}),
    ("narrow", {"viewport": {"width": 390, "height": 780}}),
])
def test_themes_and_sizes(opened, name, options):
    """Readable in each; nothing moves for whoever asks for that; a phone has no sideways scroll."""
    seen = opened(neuron(), step=8, **options)
    back = seen.js("getComputedStyle(document.body).backgroundColor")
    if name in ("light", "dark"):
        assert (back == "rgb(255, 255, 255)") == (name == "light")
        seen.page.get_by_role("button", name="Light or dark").click()
        assert seen.js("getComputedStyle(document.body).backgroundColor") != back
        low = seen.js(CONTRAST)
        assert low >= 5, low
    if name == "still":
        assert seen.js("getComputedStyle(document.querySelector('.now .back')).animationName"
                       ) == "none"
    if name == "narrow":
        assert seen.js("document.documentElement.scrollWidth") <= 390
        graph, panel = (seen.page.locator(where).bounding_box() for where in (".graph", "aside"))
        assert panel["y"] >= graph["y"] + graph["height"] - 1
    assert not seen.troubles

CONTRAST = """(() => {
  const light = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05); };
  const style = getComputedStyle(document.documentElement), probe = document.createElement('i');
  document.body.append(probe);
  const get = name => { probe.style.color = style.getPropertyValue(name); return getComputedStyle(
    probe).color; };
  const pairs = [['--ink', '--back'], ['--dim', '--back'], ['--dim', '--pane'], ['--dim', '--leaf'],
    ['--dim', '--group'], ['--dim', '--out'], ['--ink', '--forward-back'], ['--backward', '--box'],
    ['--backward', '--backward-back'], ['--forward', '--forward-back'], ['--bad', '--box'],
    ['--backward', '--leaf'], ['--backward', '--out']];
  return Math.min(...pairs.map(([a, b]) => ratio(get(a), get(b))));
})()"""


@pytest.mark.parametrize("font", ["monospace", "DejaVu Sans Mono", "Liberation Mono"])
def test_text_stays_in_its_box(opened, font):
    """Measured by the browser, with several fonts."""
    names = "名前名前名前名前名前", "W" * 40, "x", "long_name_12"
    labels = [Value(1.25, label=name) for name in names]
    total = labels[0] * labels[1] + labels[2] * labels[3]
    total = total + Tensor(np.full((3, 7), -1234.5678), label="A").sum() ** 2
    seen = opened(ag.steps(total))
    seen.press("End")
    out = seen.js(f"""(() => {{
        const style = document.createElement('style');
        style.textContent = '.box text {{ font-family: "{font}" !important }}';
        document.head.append(style);
        return [...document.querySelectorAll('.box')].flatMap(box => {{
            const frame = box.querySelector('.frame').getBBox();
            return [...box.querySelectorAll('text')].filter(t => t.textContent).map(t => {{
                const b = t.getBBox();
                return [t.textContent, b.x >= -1 && b.x + b.width <= frame.width + 1 &&
                    b.y >= -1 && b.y + b.height <= frame.height + 1];
            }});
        }}).filter(([, inside]) => !inside);
    }})()""")
    assert out == []


def test_for_screen_readers(opened):
    """Boxes are buttons that say all; one tab stop for the graph; steps are spoken."""
    seen = opened(neuron(), step=8)
    labels = seen.js("boxes.map(box => box.group.ariaLabel)")
    assert "v2 = v1 + b, value −0.5, gradient 0.7864" in labels
    assert seen.js("document.querySelectorAll('svg .box[tabindex=\"0\"]').length") == 0
    seen.page.locator(".graph > svg").focus()
    seen.press("Tab")
    assert seen.js("document.activeElement.classList.contains('box')")
    spoken = seen.js("document.querySelector('[aria-live=polite]').textContent")
    assert spoken.startswith("v2 passes its gradient on to") and "It sends 0.7864" in spoken
    assert seen.js("$.range.getAttribute('aria-valuetext')") == spoken
    assert seen.js("document.documentElement.lang") == "en"


def test_the_whole_is_in_sight(opened):
    """A small graph fits; of a large one what happens is kept in the picture."""
    z = Value(0.5, label="z")
    for _ in range(18):
        z = ag.sin(z) * 1.01
    steps = ag.steps(z)
    seen = opened(steps)
    for _ in range(30):
        seen.press("ArrowRight")
        box = seen.js("""(() => { const r = document.querySelector('.box.current')
            .getBoundingClientRect(), g = $.graph.getBoundingClientRect(); return [
            r.left - g.left, g.right - r.right, r.top - g.top, g.bottom - r.bottom]; })()""")
        assert min(box) >= 0, box
    seen.press("0")
    assert seen.js("view[2]") < 1
    seen.press("+", "+")
    assert not seen.troubles


def test_the_pictures_in_the_docs(opened, tmp_path):
    """They are made by docs/screenshots.py, and the page there is the one of the example."""
    docs = Path(__file__).parents[1] / "docs"
    subprocess.run([sys.executable, docs / "screenshots.py", tmp_path], check=True)
    for path in tmp_path.glob("*.png"):
        assert path.read_bytes()[:24] == (docs / path.name).read_bytes()[:24]  # type and size
    seen = opened((docs / "neuron.html").read_text(encoding="utf-8"), step=14)
    assert "1.573" in seen.text("aside") and not seen.troubles
