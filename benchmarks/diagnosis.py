"""How often the verifier names the right mistake: labelled wrong gradients, right ones, and noise.

    python benchmarks/diagnosis.py [set ...] [-v]      (sets: a, b, c, d; default: all)

The labelled ones are in tests/wrong_gradients/, whose harness.py says how they are written down.
"""

from __future__ import annotations

import collections
import itertools
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import autograd_mini as ag

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from wrong_gradients import harness


def score(name: str, tell: bool) -> collections.Counter[str]:
    """Counts over a set; a case is right if the kind named for most of its parameters is."""
    counts: collections.Counter[str] = collections.Counter()
    seconds, of_right = [], []
    for case in harness.cases(name):
        began = time.process_time()
        report = ag.check_gradient(case.loss, case.gradient, *case.args, wrt=case.wrt)
        seconds.append(time.process_time() - began)
        of_right.append(seconds_if_right(case, report))
        wrong = [e.suspects for e in report if e.verdict == "wrong"]
        counts["cases"] += 1
        counts["detected"] += bool(wrong)
        kinds = collections.Counter(s[0].kind for s in wrong)
        named = kinds.most_common(1)[0][0] if kinds else "missed"
        counts["right kind"] += named in case.accepted
        counts["unknown"] += named == "unknown"
        counts["among the suspects"] += any(
            more.kind in case.accepted for s in wrong for one in s for more in (one, *one.also))
        counts["with a line to blame"] += bool(case.line)
        counts["right line"] += bool(case.line) and any(case.line in s[0].where for s in wrong)
        if tell and named not in case.accepted:
            print(f"  {case.problem.name}: {case.did}: {case.kind}, named {named}")
    counts["wrong kind"] = counts["cases"] - counts["right kind"] - counts["unknown"]
    tell_times(seconds, of_right)
    return counts


def seconds_if_right(case: Any, report: Any) -> float:
    """What the check of the right gradient of the same loss takes; nan if it isn't known."""
    right = tuple(e.expected for e in report)
    names = [e.name for e in report]
    if any(g is None for g in right) or any("[" in name or "." in name for name in names):
        return float("nan")
    began = time.process_time()
    ag.check_gradient(case.loss, right if len(right) > 1 else right[0], *case.args, wrt=case.wrt)
    return time.process_time() - began


def tell_times(wrong: list[float], right: list[float]) -> None:
    """The processor's time for wrong gradients, beside that for right ones of the same losses."""
    print(f"  a wrong gradient takes in the median {statistics.median(wrong):.2f} s of the "
          f"processor, at most {max(wrong):.1f}")
    pairs = [(a, b) for a, b in zip(wrong, right, strict=True) if b == b]
    ratios = sorted(a / b for a, b in pairs)
    if pairs:
        print(f"  a right one of the same loss {statistics.median(b for _, b in pairs):.2f} s; the "
              f"wrong one is {statistics.median(ratios):.1f} times that in the median")


def random_loss(rng: np.random.Generator) -> tuple[Any, tuple[Any, ...]]:
    """A random network, with random activations, and its parameters."""
    n, sizes = int(rng.integers(3, 8)), [int(k) for k in rng.integers(2, 6, rng.integers(2, 5))]
    x, t = rng.normal(size=(n, sizes[0])), rng.normal(size=(n, sizes[-1]))
    steps = [(np.tanh, np.sin, ag.softplus, ag.gelu, ag.sigmoid)[k] for k in rng.integers(0, 5, 4)]

    def loss(*weights: Any) -> Any:
        h = x
        for k, w in enumerate(weights):
            h = steps[k](h @ w)
        return np.mean((h - t) ** 2) + 0.1 * np.sum(weights[0] ** 2)

    return loss, tuple(rng.normal(size=pair) for pair in itertools.pairwise(sizes))


def controls(count: int = 200) -> None:
    """Right gradients, by torch's formula or ours, must pass; noise must not be explained."""
    alarms = explained = 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        loss, weights = random_loss(rng)
        wrt = tuple(range(len(weights)))
        right = ag.grad(loss, wrt)(*weights)
        alarms += not ag.check_gradient(loss, right, *weights, wrt=wrt).ok
        noise = tuple(rng.normal(size=w.shape) for w in weights)
        report = ag.check_gradient(loss, noise, *weights, wrt=wrt)
        explained += any(s.kind != "unknown" for e in report for s in e.suspects)
    print(f"right gradients of {count} random networks called wrong: {alarms}")
    print(f"random gradients of these that were explained: {explained}")


def main() -> None:
    """Print the score of each set, and the controls."""
    warnings.simplefilter("ignore")
    chosen = [name for name in sys.argv[1:] if not name.startswith("-")]
    for name in [name for name in harness.SETS if not chosen or name in chosen]:
        print(f"set {name}:")
        counts = score(name, "-v" in sys.argv)
        print("  " + ", ".join(f"{what} {counts[what]}" for what in (
            "cases", "detected", "right kind", "wrong kind", "unknown", "among the suspects",
            "with a line to blame", "right line")))
    if not chosen:
        controls()


if __name__ == "__main__":
    main()
