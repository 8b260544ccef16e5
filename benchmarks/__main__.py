"""The command line: all tables into docs/performance.md, or some of them printed.

    python -m benchmarks                      # all of them; writes the page and its pictures
    python -m benchmarks mlp chain --quick    # those whose names begin so; only prints
    python -m benchmarks models --write       # some, which take their old ones' place in the page
"""

from __future__ import annotations

import argparse
import tempfile

from . import bars, data, page
from .timing import QUICK_SECONDS, SECONDS, Work, child, run
from .works import WORKS


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(WORKS)}")
    parser.add_argument("--rounds", type=int, default=3, help="turns of every side (3)")
    parser.add_argument("--quick", action="store_true", help="one short turn of every side")
    parser.add_argument("--write", action="store_true", help="put the tables into the page")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--gradients", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    unknown = [name for name in asked.names if not of_name(name)]
    if unknown:
        parser.error(f"no work is called {', '.join(unknown)}; there are {', '.join(WORKS)}")
    return asked


def of_name(name: str) -> list[Work]:
    """The work of this name; else all whose names begin with it."""
    return [WORKS[name]] if name in WORKS else [
        work for other, work in WORKS.items() if other.startswith(name)]


def main() -> None:
    """Run the works that are asked for; the page is written when all were."""
    asked = arguments()
    if asked.child:
        name, side = asked.child
        child(WORKS[name], side, asked.gradients, asked.seconds)
        return
    rounds = 1 if asked.quick else asked.rounds
    seconds = QUICK_SECONDS if asked.quick else SECONDS
    works = [work for name in asked.names or WORKS for work in of_name(name)]
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        data.make({name for work in works for name in work.data}, folder)
        for work in works:
            result = run(work, folder, rounds, seconds)
            tables.append(page.table(work, result))
            print(tables[-1], flush=True)
            if asked.write or not (asked.names or asked.quick):
                bars.write(work, result, page.PICTURES)
    if not asked.names and not asked.quick:
        page.write(tables, rounds)
    elif asked.write:
        page.replace(tables)


if __name__ == "__main__":
    main()
