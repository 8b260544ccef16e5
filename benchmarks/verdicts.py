"""Hard cases, each with the verdicts of five checkers: ours, torch's, jax's, autograd's, SciPy's.

    python benchmarks/verdicts.py      (needs the oracles extra, and SciPy)

A claimed gradient is given to each in the way it takes one: torch.autograd.Function, custom_vjp,
defvjp, check_grad's jac. All with their defaults and in float64; SciPy returns a number, which
counts as right below 1e-6, the tolerance of the example in its documentation.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
import torch
from autograd.extend import defvjp, primitive
from autograd.test_util import check_grads as autograd_check
from jax.test_util import check_grads as jax_check

import autograd_mini as ag

jax.config.update("jax_enable_x64", True)
X5 = np.arange(1.0, 6.0)
MANY = np.random.default_rng(0).normal(size=10_000) + 3
calls = [0]


def noisy(xp: Any, x: Any) -> Any:
    """Σx² with a relative noise of 1e-9 that differs from call to call."""
    calls[0] += 1
    return xp.sum(x**2) * (1 + 1e-9 * np.sin(1e3 * calls[0]))


def off_by(at: int, factor: float) -> Callable[[Any], Any]:
    """3x² with one entry wrong."""
    def claim(x: Any) -> Any:
        weights = np.ones(len(x))
        weights[at] = factor
        return 3 * x**2 * weights
    return claim


# (name, the function in any library's numpy, the claimed gradient, the point, the right verdict)
CASES: list[tuple[str, Any, Any, np.ndarray, str]] = [
    ("a wrong sign on a gradient of 1e-8", lambda xp, x: 1e-8 * xp.sum(x**2),
     lambda x: -2e-8 * x, X5, "wrong"),
    ("one entry of 10,000 wrong by 1 %", lambda xp, x: xp.sum(x**3), off_by(4107, 1.01), MANY,
     "wrong"),
    ("one entry of 5 wrong by 0.1 %", lambda xp, x: xp.sum(x**3), off_by(3, 1.001), X5, "wrong"),
    ("a right log at 1e-7", lambda xp, x: xp.sum(xp.log(x)), lambda x: 1 / x, np.array([1e-7]),
     "right"),
    ("a right sin at 1e6", lambda xp, x: xp.sum(xp.sin(x)), np.cos, np.array([1e6]), "right"),
    ("relu at 0", lambda xp, x: xp.sum(xp.maximum(x, 0.0 * x)), lambda x: 1.0 * (x > 0),
     np.array([0.0]), "right"),
    ("relu at 1e-8", lambda xp, x: xp.sum(xp.maximum(x, 0.0 * x)), lambda x: 1.0 * (x > 0),
     np.array([1e-8]), "right"),
    ("|x| at 0", lambda xp, x: xp.sum(xp.abs(x)), np.sign, np.array([0.0]), "right"),
    ("a noise of 1e-9 in f", noisy, lambda x: 2 * x, X5, "can't tell"),
    ("shape (64,) for (1, 64)", lambda xp, x: xp.sum(x**2), lambda x: 2 * x.reshape(-1),
     np.ones((1, 64)), "wrong"),
    ("1/n forgotten", lambda xp, x: xp.sum(x**2) / 5, lambda x: 2 * x, X5, "wrong"),
    ("softmax under sum", lambda xp, x: xp.sum(xp.exp(x) / xp.sum(xp.exp(x))), lambda x: 0 * x,
     X5, "right"),
]


def ours(f: Any, claim: Any, x: np.ndarray) -> str:
    """check_gradient, with what it adds."""
    report = ag.check_gradient(lambda x: f(np, x), claim, x)
    suspects = report.entries[0].suspects
    more = f" ({suspects[0].kind})" if suspects else " (and a note)" if report.notes else ""
    return report.verdict + more


def torchs(f: Any, claim: Any, x: np.ndarray) -> str:
    """torch.autograd.gradcheck of a Function whose backward is the claim."""
    class Claimed(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return f(torch, x)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * torch.as_tensor(np.asarray(claim(x.numpy())))

    return said(lambda: torch.autograd.gradcheck(
        Claimed.apply, (torch.tensor(x, requires_grad=True),)))


def jaxs(f: Any, claim: Any, x: np.ndarray) -> str:
    """jax.test_util.check_grads, reverse mode, of a function with the claim as its vjp."""
    claimed = jax.custom_vjp(lambda x: f(jnp, x))
    claimed.defvjp(lambda x: (f(jnp, x), x),
                   lambda x, g: (g * jnp.asarray(claim(np.asarray(x))),))
    return said(lambda: jax_check(claimed, (jnp.asarray(x),), order=1, modes=["rev"]))


def autograds(f: Any, claim: Any, x: np.ndarray) -> str:
    """autograd.test_util.check_grads of a primitive with the claim as its vjp."""
    claimed = primitive(lambda x: f(anp, x))
    defvjp(claimed, lambda y, x: lambda g: g * claim(x))
    return said(lambda: autograd_check(claimed, modes=["rev"], order=1)(x))


def scipys(f: Any, claim: Any, x: np.ndarray) -> str:
    """scipy.optimize.check_grad, which takes vectors only."""
    if x.ndim != 1:
        return "takes vectors only"
    error = scipy.optimize.check_grad(lambda x: f(np, x), claim, x)
    return f"{'right' if error < 1e-6 else 'wrong'} ({error:.0e})"


def said(check: Callable[[], Any]) -> str:
    """The verdict of a checker that raises when it isn't content."""
    try:
        check()
    except Exception as error:
        mismatch = any(word in str(error).lower() for word in
                       ("mismatch", "jacobian", "not equal", "failed", "not satisf", "tolerance"))
        return "wrong" if mismatch else f"error: {type(error).__name__}"
    return "right"


def main() -> None:
    """Print the table; a verdict that isn't the right one is marked with a cross."""
    warnings.simplefilter("ignore")
    checkers = {"autograd_mini": ours, "torch": torchs, "jax": jaxs, "autograd": autograds,
                "scipy": scipys}
    print(" | ".join(["case".ljust(36), "should be".ljust(10),
                      *(name.ljust(28 if name == "autograd_mini" else 20) for name in checkers)]))
    failures = dict.fromkeys(checkers, 0)
    for name, f, claim, x, right in CASES:
        row = [name.ljust(36), right.ljust(10)]
        for checker, check in checkers.items():
            verdict = check(f, claim, x)
            bad = not verdict.startswith(right)
            failures[checker] += bad
            row.append((("✗ " if bad else "  ") + verdict).ljust(
                28 if checker == "autograd_mini" else 20))
        print(" | ".join(row).rstrip())
    print("\nnot the right verdict: " + ", ".join(f"{k} {v}" for k, v in failures.items()))


if __name__ == "__main__":
    main()
