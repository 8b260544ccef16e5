"""The edits of one expression that is known to be at fault: more of them, for trying costs little.
"""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from .edits import Edit, Edits, parts_of, slots, wrapped

__all__ = ["ExpressionEdits"]

RECENT = 8  # variables that a whole rule is written with: the last ones


class ExpressionEdits(Edits):
    """The edits of a function, and those of one expression in it."""

    def of_statement(self, statement: Any, second: bool = False) -> Iterator[Edit]:
        """The edits of what one statement computes, the smallest first; of those that are tried
        after another edit, as a `second`, the few that are likeliest.
        """
        few = (self._exchanges, self._any_names, self._inserted_factors, self._inside_factors)
        more = (self._usual_forms, self._inside_scalars, self._reductions, self._inserted_terms,
                self._inside_terms, self._products, self._differences, self._whole_rules)
        for make in few if second else (*few, *more):
            yield from make(statement, [], 0)

    def _any_names(self, statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
        """Another variable of as many axes: in a loop the shapes at its end needn't be those."""
        yield from self._names(statement, body, k, np.ndim)

    def _reductions(self, statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
        """A forgotten sum, over an axis or all; a product entry by entry that is one of matrices.
        """
        for parent, field, index, part in _inner(statement):
            code = ast.unparse(part)
            for form in (f"np.sum({code}, axis=0)", f"np.sum({code}, axis=1, keepdims=True)",
                         f"np.sum({code}, axis=0, keepdims=True)", f"np.sum({code}, axis=1)",
                         f"np.sum({code})"):
                yield _other(parent, field, index, form, "unreduced")
            if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mult):
                a, b = (f"({ast.unparse(x)})" for x in (part.left, part.right))
                for form in (f"{a} @ {b}.T", f"{a}.T @ {b}", f"{b}.T @ {a}", f"{b} @ {a}.T"):
                    yield _other(parent, field, index, form, "unreduced")

    def _inside_factors(self, statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
        """A forgotten factor of a variable inside."""
        for (parent, field, index), code, name in self._pairs_inside(statement):
            for form in (f"{code} * {name}", f"{code} * {name} * (1 - {name})",
                         f"{code} * (1 - {name} ** 2)", f"{code} * ({name} > 0)"):
                yield _other(parent, field, index, form, "missing-local-derivative")

    def _usual_forms(self, statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
        """Forgotten: the sign of a difference, p(1 − p) below a line, 1 − p, a window's k², a
        penalty's λ sign(w).
        """
        for parent, field, index, part in _inner(statement):
            if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Sub):
                yield _other(parent, field, index, f"np.sign({ast.unparse(part)})",
                             "wrong-local-derivative")
        scalars = {name: x for name, x in self.variables.items() if not np.ndim(x)}
        for slot in slots(statement, self._is_filled(statement)):
            for name, x in scalars.items():
                if isinstance(x, int) or 0 < x < 1:
                    form = f"{name} ** 2" if isinstance(x, int) else f"(1 - {name})"
                    yield wrapped(slot, ast.Div(), form, "factor")
            for name, x in self.variables.items():
                if np.ndim(x) and np.min(x, initial=1) > 0 and np.max(x, initial=0) < 1 and (
                        f"1 - {name}" not in ast.unparse(slot[3])):  # else it is to be left out
                    yield wrapped(slot, ast.Div(), f"({name} * (1 - {name}))",
                                  "missing-local-derivative")
                for scalar in scalars if name in self.parameters and np.ndim(x) else ():
                    yield wrapped(slot, ast.Add(), f"{scalar} * np.sign({name})", "missing-term")

    def _inside_scalars(self, statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
        """A forgotten number at a variable inside: n, 1/n, 2, ½, a sign."""
        scalars = [name for name, x in self.variables.items() if not np.ndim(x)]
        data = [name for name, x in self.variables.items()
                if np.ndim(x) and name not in self.parameters][:2]
        for parent, field, index, part in _inner(statement):
            code = ast.unparse(part)
            if isinstance(part, ast.Call):
                for number in scalars:
                    yield _other(parent, field, index, f"{number} * {code}", "factor")
            if code in self.variables and np.ndim(self.variables[code]):
                for number in [*scalars, *(f"len({name})" for name in data)]:
                    for form in (f"{code} / {number}", f"{number} * {code}"):
                        yield _other(parent, field, index, form, "factor")
                for number in scalars:  # an ε
                    yield _other(parent, field, index, f"({code} + {number})", "missing-term")
                for form, kind in ((f"2 * {code}", "factor"), (f"0.5 * {code}", "factor"),
                                   (f"-{code}", "sign")):
                    yield _other(parent, field, index, form, kind)

    def _inside_terms(self, statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
        """A forgotten term of a variable inside."""
        for (parent, field, index), code, name in self._pairs_inside(statement):
            if np.shape(self.variables[name]) == np.shape(self.variables[code]):
                for form in (f"({code} - {name})", f"({name} - {code})", f"({code} + {name})",
                             f"({code} + {name} * {code} * (1 - {code}))"):  # of x·σ(x)
                    yield _other(parent, field, index, form, "missing-term")

    def _products(self, statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
        """A forgotten term that is a product of two variables, as of another path."""
        arrays = [(name, np.shape(x)) for name, x in self.variables.items() if np.ndim(x)]
        arrays = arrays[-2 * RECENT:]
        for parent, field, index, part in slots(statement):
            for (a, of_a), (b, of_b) in itertools.combinations(arrays, 2):
                forms = [f"{a} * {b}"] if of_a == of_b else []
                if len(of_a) == len(of_b) == 2:
                    forms += [f"{a} @ {b}.T"] if of_a[1] == of_b[1] else []
                    forms += [f"{b} @ {a}.T"] if of_a[1] == of_b[1] else []
                for form in forms:
                    yield _other(parent, field, index, f"{ast.unparse(part)} + {form}",
                                 "missing-path")

    def _pairs_inside(self, statement: Any) -> Iterator[tuple[tuple[Any, str, Any], str, str]]:
        """(where an array stands, its name, another array's name)."""
        for parent, field, index, part in _inner(statement):
            code = ast.unparse(part)
            if code not in self.variables or not np.ndim(self.variables[code]):
                continue
            for name, value in self.variables.items():
                if name != code and np.ndim(value):
                    yield (parent, field, index), code, name

    def _differences(self, statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
        """A forgotten factor that is the difference of two arrays, as of a squared error."""
        arrays = [name for name, x in self.variables.items() if np.ndim(x)][-RECENT:]
        for parent, field, index, part in slots(statement, returned=True):
            for a, b in itertools.permutations(arrays, 2):
                if np.shape(self.variables[a]) == np.shape(self.variables[b]):
                    yield _other(parent, field, index, f"({ast.unparse(part)}) * ({a} - {b})",
                                 "missing-incoming")

    def _whole_rules(self, statement: Any, body: list[Any], k: int) -> Iterator[Edit]:
        """The rules of a softmax and of a normalisation, with variables that are there."""
        arrays = [name for name, x in self.variables.items() if np.ndim(x)][-RECENT:]
        for parent, field, index, _part in slots(statement):
            for p, g in itertools.permutations(arrays, 2):
                if np.shape(self.variables[p]) != np.shape(self.variables[g]):
                    continue
                for axis in ("axis=-1, keepdims=True", "axis=0, keepdims=True", ""):
                    along = f", {axis}" if axis else ""
                    yield _other(parent, field, index, f"{p} * ({g} - np.sum({g} * {p}{along}))",
                                 "wrong-local-derivative")
                    yield _other(parent, field, index, f"{p} * np.sum({g}{along}) - {g}",
                                 "wrong-local-derivative")  # of cross-entropy, g the targets
                    yield from self._normalisations(p, g, along, (parent, field, index))
                    for n in [*self.variables][-RECENT:]:
                        if n not in (p, g):
                            yield _other(parent, field, index,
                                         f"({g} - {p} * np.sum({g} * {p}{along})) / {n}",
                                         "wrong-local-derivative")


    def _normalisations(self, y: str, g: str, along: str, place: tuple[Any, str, Any]
                        ) -> Iterator[Edit]:
        """(g − mean g − y·mean(g·y))/σ, or times 1/σ, with variables of fewer entries for σ."""
        if not along:
            return
        for s, value in [*self.variables.items()][-RECENT:]:
            if 1 < np.size(value) < np.size(self.variables[y]):
                whole = f"({g} - np.mean({g}{along}) - {y} * np.mean({g} * {y}{along}))"
                for form in (f"{whole} / {s}", f"{whole} * {s}"):
                    yield _other(*place, form, "wrong-local-derivative")


def _inner(statement: Any) -> Iterator[tuple[Any, str, int | None, Any]]:
    """The expressions in a statement but for numbers, axes and indices."""
    for parent, field, index, part in list(parts_of(statement)):
        if not isinstance(part, ast.Constant | ast.Slice) and not _is_axis(parent) and not (
                isinstance(parent, ast.Call) and field == "func"):
            yield parent, field, index, part


def _other(parent: Any, field: str, index: int | None, form: str, kind: str) -> Edit:
    """Another expression in a place."""
    return Edit(parent, field, index, _parsed(form), kind)


@functools.lru_cache(maxsize=4096)  # the same forms are tried in many places
def _parsed(form: str) -> ast.expr:
    return ast.parse(form, mode="eval").body


def _is_axis(parent: Any) -> bool:
    return isinstance(parent, ast.keyword | ast.Subscript | ast.Slice)
