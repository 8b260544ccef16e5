"""The benchmarks: what a step costs stays what it was, and the tables have their pictures."""

from __future__ import annotations

import math
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import autograd_mini as ag

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from benchmarks import bars, guard  # noqa: E402  of the repository, which isn't installed
from benchmarks.timing import Result, Work  # noqa: E402


@pytest.mark.slow  # every instruction of a few million is counted
@pytest.mark.skipif(ag.engine() != "fast", reason="the counts are the fast engine's")
@pytest.mark.skipif(guard.recorded() is None, reason="nothing is recorded for this Python")
def test_no_row_has_become_more_costly():
    """None by a factor of 1.3, in Python's instructions or in the bytes that it holds."""
    assert not guard.worse(guard.measured(), guard.recorded() or {})


def test_what_has_become_more_costly_is_named():
    """By its row, with both counts."""
    then = {"a row": {"instructions": 1000, "bytes": 10**6}, "another": {"instructions": 10}}
    now = {"a row": {"instructions": 1301, "bytes": 10**6}, "another": {"instructions": 13},
           "a new one": {"instructions": 99}}
    assert guard.worse(now, then) == [
        "a row: 1,301 instructions, 1.30 × the 1,000 that were recorded"]
    now["a row"] = {"instructions": 1300, "bytes": 2 * 10**6}
    assert ["2,000,000 bytes" in line for line in guard.worse(now, then)] == [True]


def test_what_is_counted():
    """Each instruction of a function and of those that it calls; the largest array at once."""
    def longer(n):
        return sum([i * i for i in range(n)])

    few, many = (guard.instructions(lambda n=n: longer(n)) for n in (100, 1000))
    assert 8 < many / few < 10
    assert 10**6 < guard.held(lambda: bytearray(10**6)) < 1.1 * 10**6


def test_each_table_has_its_picture():
    """Of what was measured, bars that tell the table's numbers; and no picture is left over."""
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    shown = re.findall(r"\]\((performance/\S+\.svg)\)", page)
    assert sorted(shown) == sorted(
        f"performance/{path.name}" for path in (ROOT / "docs" / "performance").iterdir())
    for section in page.split("\n## ")[1:]:
        if "](performance/" not in section:
            continue
        picture = ET.parse(ROOT / "docs" / re.search(r"\]\((performance/\S+)\)", section)[1])
        measured = re.findall(r"^\| (.+?) \| ([\d.]+ \S+?) \|", section, re.M)
        assert measured and picture.getroot().get("aria-label") == (
            f"{section.splitlines()[0]}: {', '.join(map(' '.join, measured))}")


def test_a_table_as_bars():
    """Longer for more; what wasn't measured has none; names are no markup."""
    work = Work("w", "A <work> & more", {"NumPy, by hand": list, "autograd_mini": list,
                                         "<other>": list, "missing": list}, ("NumPy, by hand",))
    result = Result({"NumPy, by hand": 2e-6, "autograd_mini": 3e-5, "<other>": 4e-3})
    svg = ET.fromstring(bars.picture(work, result))
    shown = [(r.get("class"), float(r.get("width"))) for r in svg.iter() if r.tag.endswith("rect")]
    assert [kind for kind, _ in shown] == ["reference", "ours", "theirs"]
    widths = [width for _, width in shown]
    assert 0 < widths[0] < widths[1] < widths[2]
    assert widths[2] - widths[1] == pytest.approx(  # as far apart as their logarithms
        (widths[1] - widths[0]) * math.log(4e-3 / 3e-5) / math.log(15), abs=0.2)
    texts = [t.text for t in svg.iter() if t.tag.endswith("text")]
    assert {"<other>", "4 ms", "A <work> & more", "1 µs"} <= set(texts) and "missing" not in texts
