"""What can go wrong, said well: what happened, where, and what to do about it.

Every class inherits the builtin that a NumPy user would catch anyway.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

__all__ = [
    "AnomalyError",
    "ArgumentError",
    "ArgumentTypeError",
    "AutogradError",
    "BroadcastWarning",
    "CutWarning",
    "DTypeError",
    "ExpressionError",
    "GradientError",
    "GraphError",
    "IndependentWarning",
    "MissingExtraError",
    "NotDifferentiableError",
    "NotFollowedError",
    "NotComputedWarning",
    "ShapeError",
    "SpellingError",
    "SpellingImportError",
    "StorageError",
    "all_stated",
    "is_installed",
    "missing_extra",
    "with_article",
]


class AutogradError(Exception):
    """The base of the engine's own errors."""


class ShapeError(AutogradError, ValueError):
    """Two shapes that don't fit each other."""


class DTypeError(AutogradError, TypeError):
    """Numbers of a kind that has no gradient here: complex, object, strings."""


class ArgumentError(AutogradError, ValueError):
    """An argument of the right kind whose value makes no sense, such as a negative rate."""


class ArgumentTypeError(AutogradError, TypeError):
    """An argument of the wrong kind, or of a name that isn't known."""


class StorageError(AutogradError, ValueError):
    """A file of parameters that is damaged, or doesn't fit the model."""


class GraphError(AutogradError, RuntimeError):
    """A graph that can't give the gradient asked for, or would give a wrong one."""


class NotFollowedError(GraphError):
    """Something in a function that can't be part of a program of whole arrays."""


class NotDifferentiableError(AutogradError, TypeError):
    """A function that this package doesn't differentiate."""


class SpellingError(AutogradError, AttributeError, TypeError):
    """Another library's name for something that has a name here."""


class SpellingImportError(AutogradError, ImportError):
    """Another library's name, or module, imported from this package."""


class BroadcastWarning(UserWarning):
    """Shapes (n, 1) and (n,) met, became (n, n), and were summed: probably by accident."""


class CutWarning(UserWarning):
    """A plain number was taken out of a node, perhaps by accident."""


class NotComputedWarning(UserWarning):
    """A gradient that was not computed was used as a number; it counts as 0."""


class AnomalyError(AutogradError, FloatingPointError):
    """The first nan or inf, found by `detect_anomaly`."""


class ExpressionError(AutogradError, ValueError):
    """A formula, given as text, that can't be read."""


class MissingExtraError(AutogradError, ImportError):
    """An optional part that isn't installed."""


class GradientError(AutogradError, AssertionError):
    """A hand-derived gradient that is wrong, or can't be told to be right."""


class IndependentWarning(UserWarning):
    """A function whose result doesn't depend on its arguments: its derivative, 0, may surprise."""


def with_article(noun: str) -> str:
    """The name of a class with its article: "a dict", "an object".

    >>> with_article("ndarray"), with_article("Module")
    ('an ndarray', 'a Module')
    """
    vowel = noun[0] in "aeioAEIO" or noun.startswith("nd")
    return f"{'an' if vowel else 'a'} {noun}"


def is_installed(module: str) -> bool:
    """Whether an optional `module` is there; it isn't imported, for that may take a while."""
    return importlib.util.find_spec(module) is not None


def missing_extra(module: str, extra: str, why: str) -> MissingExtraError:
    """The error for an absent optional `module`, naming the command that installs it."""
    return MissingExtraError(
        f"{why} needs the package {module}, which isn't installed. "
        f'Install it with: pip install "autograd-mini[{extra}]" (in a clone: ".[{extra}]")'
    )


def all_stated(function: str, rules: Sequence[Any], *silent: Any) -> list[Any]:
    """The rules of a function's arguments, with one that raises in place of NotImplemented.

    silent: what stands for an argument that is constant by nature; a rule in its place sends
    nothing back.
    """
    stated = next((rule for rule in rules if callable(rule)), None)

    def without_rule(i: int, raises: bool) -> Any:
        def rule(*args: Any, **params: Any) -> None:
            if raises:
                raise NotDifferentiableError(
                    f"{function} isn't differentiable here by its argument {i}, counted from 0: "
                    "no rule is stated for it; pass a plain number or array")

        rule.__wrapped__ = stated  # type: ignore[attr-defined]  # for the keywords it has
        return rule

    return [without_rule(i, rule is NotImplemented) if rule in (*silent, NotImplemented) else rule
            for i, rule in enumerate(rules)]
