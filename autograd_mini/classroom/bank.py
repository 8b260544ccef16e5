"""A bank of exercises: expressions to derive by hand, by subject and difficulty.

A template's numbers are drawn with the seed: {a}, {b} are 2 to 5, {n} is 2 to 4.
"""

from __future__ import annotations

import random

from ..errors import ArgumentError

__all__ = ["SUBJECTS", "expression_for"]

SUBJECTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "powers": (
        ("{a}*x**{n}", "x**{n} + {a}*x", "{a}*x**2 - {b}*x + 1", "x**{n} / {a}"),
        ("({a}*x + {b})**{n}", "{a} / x**{n}", "sqrt({a}*x)", "(x**2 + {a})**{n}"),
        ("1 / ({a}*x**2 + {b})**2", "(x**2 + {a})**1.5", "x**{n} * sqrt(x**2 + {a})")),
    "products and quotients": (
        ("{a}*x*w", "x * w**{n}", "(x + {a}) * (w - {b})", "x / w"),
        ("x * exp(x)", "x / (w + {a}*x**2 + 6)", "x**{n} * sin(x)", "(x + {a}) / (x**2 + {b})"),
        ("x*w / (x**2 + w**2)", "x * exp(-x) / (w**2 + {a})", "exp(x) / (exp(x) + exp(w))")),
    "chain rule": (
        ("exp({a}*x)", "sin({a}*x + {b})", "cos(x**{n})", "exp(-x)"),
        ("exp(-{a}*x**2)", "log(x**2 + {a})", "tanh(x**2)", "sin(x)**{n}"),
        ("tanh(exp(-x**2))", "log(1 + exp({a}*x))", "sin(cos({a}*x))", "sqrt(1 + exp(-{a}*x))")),
    "adding up": (
        ("x*x + x", "x*w + x", "x*x*x", "{a}*x + x*x"),
        ("x * sin(x)", "x * tanh(w*x)", "x*x / (1 + x*x)", "exp(x) * x**{n}",
         "x * cos({a}*x)", "(x + w) * exp(x)"),
        ("tanh(x * tanh(x))", "x * exp(-x*x) + x*w", "(x*w + x)**{n} * x",
         "sin(x) * exp({a}*x) * x", "(x + w) * (x - {a}*w) * x", "x / (x + tanh(x*w))")),
    "neurons": (
        ("w*x + b", "u*x + v*z + b", "{a}*w*x"),
        ("tanh(w*x + b)", "sigmoid(w*x + b)", "relu(w*x + b)", "tanh(w*x)**2",
         "sigmoid({a}*w*x + b)", "tanh(w*x - {b})"),
        ("tanh(w*tanh(v*x + b))", "sigmoid(u*sigmoid(w*x))", "x + tanh(w*x + b)",
         "{a}*tanh(w*x + b) + v*x", "sigmoid(w*x + b) * tanh(v*x)", "tanh(w*x**2 + {a}*b)")),
    "losses": (
        ("(w*x - t)**2", "{a}*(w*x - t)**2", "(w*x + b - t)**2", "(w*x - t)**2 / {a}",
         "(t - w*x - {a}*b)**2", "(w*x - t)**2 + w**2"),
        ("(sigmoid(w*x) - t)**2", "log(1 + exp(-t*w*x))", "(tanh(w*x) - t)**2",
         "exp(-t*w*x) / {a}", "log(cosh(w*x - t))", "(sigmoid(w*x) - t)**2 / {a}"),
        ("(tanh(w*x + b) - t)**2 + lam*w**2", "log(exp(u) + exp(v)) - u",
         "-t*log(sigmoid(w*x)) - (1 - t)*log(1 - sigmoid(w*x))", "log(1 + exp(-t*w*x)) + lam*w**2",
         "(sigmoid(w*x + b) - t)**2 / {a}", "sqrt((w*x - t)**2 + {a})")),
}
"""Each subject's templates, of difficulty 1, 2 and 3."""


def expression_for(subject: str | None, difficulty: int | None, seed: int) -> str:
    """An expression of the bank, chosen and filled in by the seed.

    Raises `ArgumentError` for a subject or difficulty that isn't there.

    >>> expression_for("chain rule", 1, seed=4)
    'sin(4*x + 2)'
    """
    if subject is not None and subject not in SUBJECTS:
        raise ArgumentError(f"no exercises on {subject!r}; there are some on "
                            f"{', '.join(SUBJECTS)}")
    if difficulty not in (None, 1, 2, 3):
        raise ArgumentError(f"difficulty is 1, 2 or 3, not {difficulty!r}")
    draw = random.Random(seed)
    templates = SUBJECTS[subject or draw.choice(list(SUBJECTS))]
    template = draw.choice(templates[(difficulty or draw.choice((1, 2, 3))) - 1])
    a, b = draw.sample(range(2, 6), 2)
    return template.format(a=a, b=b, n=draw.randint(2, 4))
