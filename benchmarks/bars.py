"""A table as a picture: a bar for each side, on a logarithmic axis, light and dark."""

from __future__ import annotations

import math
import re
from html import escape
from pathlib import Path

from .page import amount
from .timing import Result, Work

WIDTH, ROW, BAR, TOP, LEFT, RIGHT = 760, 24, 14, 34, 300, 90
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 } .title { font-weight: 600 }
.tick, .amount { font-size: 11px } .tick { fill: #59636e } .grid { stroke: #d1d9e0 }
.ours { fill: #0b6bcb } .theirs { fill: #8c959f } .reference { fill: #59636e }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .tick { fill: #9198a1 } .grid { stroke: #3d444d }
.ours { fill: #58a6ff } .theirs { fill: #656c76 } .reference { fill: #9198a1 } }
"""


def picture(work: Work, result: Result) -> str:
    """SVG: the sides that were measured, in the order of the table; ours have their own colour."""
    sides = [(side, result.medians[side]) for side in work.sides
             if side not in result.failures and result.medians.get(side, 0.0) > 0]
    low, high = axis([size for _, size in sides])
    bottom = TOP + ROW * len(sides)

    def place(size: float) -> float:
        share = (math.log10(size) - low) / (high - low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    told = ", ".join(f"{side} {amount(size, work.unit)}" for side, size in sides)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 28}" '
        f'width="{WIDTH}" height="{bottom + 28}" role="img" '
        f'aria-label="{escape(f"{work.title}: {told}")}">',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="8" y="20">{escape(work.title)}</text>',
    ]
    steps = (1, 2, 5) if high - low == 1 else (1,)
    for tick in [step * 10.0**power for power in range(low, high) for step in steps] + [10.0**high]:
        x = place(tick)
        parts += [f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{bottom}"/>',
                  f'<text class="tick" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">'
                  f"{amount(tick * 1.0000001, work.unit)}</text>"]
    for number, (side, size) in enumerate(sides):
        y, end = TOP + ROW * number, place(size)
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(side)}</text>',
            f'<rect class="{kind(work, side)}" x="{LEFT}" y="{y + (ROW - BAR) / 2:.0f}" '
            f'width="{end - LEFT:.1f}" height="{BAR}" rx="2"/>',
            f'<text class="amount" x="{end + 6:.1f}" y="{y + 15}">'
            f"{amount(size, work.unit)}</text>"]
    return "\n".join([*parts, "</svg>\n"])


def axis(sizes: list[float]) -> tuple[int, int]:
    """The powers of ten that the axis goes from and to; the shortest bar is to be seen, too."""
    low = math.floor(math.log10(min(sizes) / 1.5))
    return low, max(low + 1, math.ceil(math.log10(max(sizes))))


def kind(work: Work, side: str) -> str:
    """Whether a bar is ours, the first reference's, or another one's."""
    if re.match(r"autograd_mini|as written|draw|steps", side):
        return "ours"
    return "reference" if side == work.references[0] else "theirs"


def write(work: Work, result: Result, folder: Path) -> None:
    """Write the picture of a work into a folder."""
    folder.mkdir(exist_ok=True)
    (folder / f"{work.name}.svg").write_text(picture(work, result), encoding="utf-8")
