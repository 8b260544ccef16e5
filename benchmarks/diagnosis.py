"""How often the verifier names the right mistake: labelled wrong gradients, right ones, and noise.

    python benchmarks/diagnosis.py [set ...] [-v]      (sets: a, b, c, d; default: all)

Each file in tests/wrong_gradients/ has a loss, its right gradient and MISTAKES: (what was done,
{text: its replacement in the gradient's source}, kind, other kinds that the same numbers may
have, the parameters that become wrong, a piece of the line of the loss to blame). They were
written without looking at the table of mistakes. Sets a, b and c were used while the table was
written; d was scored once, when it stood.
"""

from __future__ import annotations

import collections
import importlib.util
import inspect
import itertools
import linecache
import statistics
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import autograd_mini as ag

FOLDER = Path(__file__).parents[1] / "tests" / "wrong_gradients"


class Case(NamedTuple):
    """A wrong gradient with its label."""

    family: str
    did: str
    loss: Any
    gradient: Any
    args: tuple[Any, ...]
    wrt: tuple[str, ...]
    kind: str
    accepted: tuple[str, ...]
    line: str


def module_of(path: Path) -> Any:
    """A family's file as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cases(path: Path) -> Iterator[Case]:
    """The wrong gradients of a family: its right one, edited."""
    module = module_of(path)
    source = inspect.getsource(module.gradient)
    args = module.example(np.random.default_rng(0))
    for k, (did, edits, kind, others, _, line) in enumerate(module.MISTAKES):
        text = source
        for old, new in edits.items():
            assert text.count(old) == 1, (path, did)
            text = text.replace(old, new)
        file = f"{path.stem}_{k}.py"
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)
        space = dict(vars(module))
        exec(compile(text, file, "exec"), space)
        yield Case(path.stem, did, module.loss, space["gradient"], args, module.WRT, kind,
                   (kind, *others), line)


def score(folder: Path, tell: bool) -> collections.Counter[str]:
    """Counts over a set; a case is right if the kind named for most of its parameters is."""
    counts: collections.Counter[str] = collections.Counter()
    seconds = []
    for path in sorted(folder.glob("*.py")):
        for case in cases(path):
            began = time.process_time()
            report = ag.check_gradient(case.loss, case.gradient, *case.args, wrt=case.wrt)
            seconds.append(time.process_time() - began)
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
                print(f"  {case.family}: {case.did}: {case.kind}, named {named}")
    counts["wrong kind"] = counts["cases"] - counts["right kind"] - counts["unknown"]
    median = statistics.median(seconds)
    print(f"  median {median:.2f} s of the processor, at most {max(seconds):.1f}")
    return counts


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
    for folder in sorted(p for p in FOLDER.iterdir() if p.is_dir()):
        if not chosen or folder.name in chosen:
            print(f"set {folder.name}:")
            counts = score(folder, "-v" in sys.argv)
            print("  " + ", ".join(f"{name} {counts[name]}" for name in (
                "cases", "detected", "right kind", "wrong kind", "unknown", "among the suspects",
                "with a line to blame", "right line")))
    if not chosen:
        controls()


if __name__ == "__main__":
    main()
