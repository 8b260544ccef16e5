"""Training in several processes, and many checks in several: what they cost, by the clock."""

from __future__ import annotations

import json
import multiprocessing
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .timing import ROOT, Work

SMALL, LARGE = (64, 32, 128), (784, 128, 512)  # inputs, hidden units, rows of a batch
CASES = 400  # of which a fifth is wrong

UNDER_MPI = """
from mpi4py import MPI
from autograd_mini import nn
from benchmarks import several
found = several.median_of_steps({sizes}, nn.parallel.AllReduce(MPI.COMM_WORLD))
if MPI.COMM_WORLD.rank == 0:
    print(found)
"""


def median_of_steps(sizes: tuple[int, int, int], parallel: Any = None) -> float:
    """Seconds by the clock of a step of `fit`."""
    from autograd_mini import nn

    inputs, hidden, rows = sizes
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(rows * 20, inputs)), rng.integers(0, 10, rows * 20)
    model = nn.Sequential(nn.Linear(inputs, hidden, rng=rng), nn.ReLU(),
                          nn.Linear(hidden, 10, rng=rng))
    began: list[float] = []

    class Clock(nn.Callback):
        """Looks at the clock after each step."""

        def after_step(self, run: nn.Run) -> None:
            """Look."""
            began.append(time.perf_counter())

    nn.fit(model, nn.DataLoader(x, y, batch_size=rows, shuffle=True, rng=1), nn.cross_entropy,
           nn.Adam(model.parameters()), epochs=5, progress=False, parallel=parallel,
           callbacks=[Clock()])
    return statistics.median(np.diff(began[20:]))


def alone(sizes: tuple[int, int, int]) -> tuple[Any, ...]:
    """`fit`."""
    return partial(median_of_steps, sizes), None


def under_mpi(sizes: tuple[int, int, int]) -> tuple[Any, ...]:
    """`fit` in two processes under MPI."""
    import mpi4py

    assert mpi4py
    mpiexec = Path(sys.executable).with_name("mpiexec")

    def seconds() -> float:
        done = subprocess.run(
            [mpiexec, "-n", "2", sys.executable, "-m", "mpi4py", "-c",
             UNDER_MPI.format(sizes=sizes)],
            capture_output=True, text=True, check=True, cwd=ROOT)
        return float(json.loads(done.stdout))

    return seconds, None


def over_a_pool(sizes: tuple[int, int, int]) -> tuple[Any, ...]:
    """`fit` whose batches two other processes compute."""
    from autograd_mini import nn

    def seconds() -> float:
        with spawned() as pool:
            return median_of_steps(sizes, nn.parallel.Spread(pool.map, 2))

    return seconds, None


def over_ray(sizes: tuple[int, int, int]) -> tuple[Any, ...]:
    """The same over Ray."""
    import ray

    from autograd_mini import nn

    def seconds() -> float:
        ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
        compute = ray.remote(nn.parallel.part_of_batch)

        def spread(function: Any, tasks: Any) -> Any:
            return ray.get([compute.remote(task) for task in tasks])

        try:
            return median_of_steps(sizes, nn.parallel.Spread(spread, 2))
        finally:
            ray.shutdown()

    return seconds, None


def spawned() -> ProcessPoolExecutor:
    """Two new processes."""
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


# ── many checks ──────────────────────────────────────────────────────────────────────────────────

def loss(w: Any, x: Any) -> Any:
    """Σ tanh(x w)²."""
    return np.sum(np.tanh(x @ w) ** 2)


def gradient(w: np.ndarray, x: np.ndarray, wrong: bool) -> np.ndarray:
    """By hand; wrong without the square of tanh's derivative."""
    h = np.tanh(x @ w)
    return x.T @ (2 * h * ((1 - h) if wrong else (1 - h**2)))


def case(seed: int) -> Any:
    """The report of one of many cases."""
    import autograd_mini as ag

    rng = np.random.default_rng(seed)
    w, x = rng.normal(size=5), rng.normal(size=(20, 5))
    return ag.check_gradient(loss, gradient(w, x, seed % 5 == 0), w, x, wrt="w")


def many(over: Callable[[], Any]) -> tuple[Any, ...]:
    """Seconds by the clock for all cases, whose map is made meanwhile."""
    def seconds() -> float:
        began = time.perf_counter()
        reports = over()
        taken = time.perf_counter() - began
        assert [r.ok for r in reports] == [seed % 5 > 0 for seed in range(CASES)]
        return taken

    return seconds, None


def in_a_pool() -> Any:
    """concurrent.futures."""
    with spawned() as pool:
        return list(pool.map(case, range(CASES), chunksize=25))


def in_joblib() -> Any:
    """joblib's own processes."""
    from joblib import Parallel, delayed

    return Parallel(n_jobs=2, batch_size=25)(delayed(case)(seed) for seed in range(CASES))


def in_ray() -> Any:
    """Ray's pool."""
    import ray
    from ray.util.multiprocessing import Pool

    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        return Pool(2).map(case, range(CASES), chunksize=25)
    finally:
        ray.shutdown()


HERE = "autograd_mini, nn.fit alone"
ONE = "one process"
WORKS = [
    *[Work(
        f"several-{inputs}", f"A step of {inputs}-{hidden}-10, {rows} rows, in two processes",
        {HERE: partial(alone, sizes), "AllReduce, two processes under MPI": partial(
            under_mpi, sizes), "Spread, two processes": partial(over_a_pool, sizes),
         "Spread, two workers of Ray": partial(over_ray, sizes)},
        references=(HERE,), unit="s",
        about="By the clock, on two cores that the parts share: what it costs to go beyond one "
              "process. At these sizes it is a lesson, and a way to several machines.")
      for sizes in (SMALL, LARGE) for inputs, hidden, rows in [sizes]],
    Work("many", f"{CASES} checks of a gradient, a fifth of them wrong",
         {ONE: partial(many, lambda: [case(seed) for seed in range(CASES)]),
          "ProcessPoolExecutor, 2": partial(many, in_a_pool),
          "joblib, 2": partial(many, in_joblib), "Ray's Pool, 2": partial(many, in_ray)},
         references=(ONE,), unit="s",
         about="By the clock, with the start of the processes."),
]
