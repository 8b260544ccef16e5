"""The first call of a compiled function: recording, differentiating, making the program."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from typing import Any

from .timing import ROOT, Aim, Work

PROGRAM = """
import time
import numpy as np
from benchmarks import first_call
call = first_call.{side}()
start = time.process_time()
call()
print(time.process_time() - start)
"""


def polynomials(steps: int) -> Any:
    """A function of eight numbers in a loop: some eight operations for each of the steps."""
    def f(x: Any) -> Any:
        a = [x[i] for i in range(8)]
        for k in range(steps):
            i = k % 8
            a[i] = a[i] * a[(i + 1) % 8] + 0.3 * a[(i + 3) % 8] - 0.5 * a[i]
        return sum(a)

    return f


def hessian() -> Any:
    """The Hessian of Rosenbrock's function in ten dimensions."""
    import autograd_mini as ag

    from .hessian import point, rosenbrock

    program, x = ag.compile(ag.hessian(rosenbrock)), point()
    return lambda: program(x)


def operations_2000() -> Any:
    """A gradient of some 2,000 operations."""
    import numpy as np

    import autograd_mini as ag

    program, x = ag.compile(ag.value_and_grad(polynomials(220))), np.linspace(0.1, 0.9, 8)
    return lambda: program(x)


def batch() -> Any:
    """A gradient over a batch, for which a machine is compiled, or read from the disk."""
    import numpy as np

    import autograd_mini as ag

    program = ag.compile(lambda w, x: np.tanh(w @ x), batched=1, reduce="mean")
    step, w, x = ag.value_and_grad(program), np.ones(5), np.ones((32, 5))
    return lambda: step(w, x)


def jax() -> Any:
    """jax.jit of jax.hessian of Rosenbrock's function."""
    import jax

    from .hessian import point, rosenbrock

    matrix, x = jax.jit(jax.hessian(rosenbrock)), jax.numpy.asarray(point())
    return lambda: matrix(x).block_until_ready()


def timed(side: str, *, cold: bool = False) -> tuple[Any, ...]:
    """A step starts an interpreter and tells the CPU time of its first call.

    cold: with an empty cache of machine code.
    """
    def seconds() -> float:
        with tempfile.TemporaryDirectory() as folder:
            variables = dict(os.environ) | ({"AUTOGRAD_MINI_CACHE": folder} if cold else {})
            done = subprocess.run([sys.executable, "-c", PROGRAM.format(side=side)], check=True,
                                  capture_output=True, text=True, cwd=ROOT, env=variables)
        return float(done.stdout)

    seconds()  # so that the files are compiled, what is kept is kept, and all is in the cache
    return seconds, None


HESSIAN, LONG = "autograd_mini, Hessian of 135 operations", "autograd_mini, 2,000 operations"

WORK = Work(
    "first", "The first call of a compiled function",
    {HESSIAN: partial(timed, "hessian"), LONG: partial(timed, "operations_2000"),
     "autograd_mini, a batch, machine on disk": partial(timed, "batch"),
     "autograd_mini, a batch, nothing on disk": partial(timed, "batch", cold=True),
     "jax.jit, the same Hessian": partial(timed, "jax")},
    references=(HESSIAN,),
    aims=(Aim(LONG, LONG, "at most 50 ms"),),
    about="CPU time of the first call in a fresh interpreter; importing the library isn't timed.",
    unit="s",
)
