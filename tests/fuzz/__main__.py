"""`python -m tests.fuzz --seed S --seconds T`: random programs, each failure made small."""

from __future__ import annotations

import argparse
import secrets
import sys

from .modes import MODES
from .running import Failure, run


def show(failure: Failure) -> None:
    """Print a failure as a program that can be pasted."""
    print(f"\n--- wrong: program {failure.number}, {failure.shown.check}: {failure.shown.why}")
    print(failure.text, flush=True)


def main() -> int:
    """Run the modes asked for; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="by default a fresh one")
    parser.add_argument("--seconds", type=float, default=None, help="in all, over the modes")
    parser.add_argument("--programs", type=int, default=None, help="so many of each mode")
    parser.add_argument("--first", type=int, default=0, help="the number of the first program")
    parser.add_argument("--mode", choices=[*MODES, "all"], default="all")
    parser.add_argument("--tries", type=int, default=400, help="for making a failure small")
    parser.add_argument("--without", default="", help="checks to leave out: hvp,float32,…")
    options = parser.parse_args()
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    modes = list(MODES) if options.mode == "all" else [options.mode]
    if options.seconds is None and options.programs is None:
        options.seconds = 60.0
    share = None if options.seconds is None else options.seconds / len(modes)
    print(f"seed {seed}", flush=True)
    wrong = 0
    for mode in modes:
        tally = run(mode, seed, options.programs, share, show, options.tries, options.first,
                    options.without.split(","))
        print(f"\n{tally}", flush=True)
        for failure in tally.distinct():
            print(f"    {failure.times:6d}  wrong: {failure.shown.check}: "
                  f"as program {failure.number}")
        wrong += tally.counts["wrong"]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
