"""check_jacobian and check_hessian: whole matrices of derivatives, derived by hand."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..backprop import one_like
from ..call import Call
from ..errors import DTypeError, ShapeError
from ..graph import value_of
from ..places import refused_at
from ..standins import as_written
from ..transforms import grad
from ..trees import tree_leaves
from .diagnosis.fitting import near
from .diagnosis.known_factors import same, shown
from .forms import copied, first_of
from .gradient import check_gradient, report_on
from .names import meant
from .numeric import term_sizes
from .report import Entry, Report, Suspect
from .vjp import VjpForm

__all__ = ["check_hessian", "check_jacobian"]

ROWS = 1000  # results, up to which each row of a Jacobian is computed for comparison


class JacobianForm(VjpForm):
    """A function and its Jacobian, which is judged by its product with a cotangent from the left.
    """

    def __init__(self, f: Any, jacobian: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
                 ) -> None:
        super().__init__(f, jacobian, args, kwargs)
        if not isinstance(self.seed, np.ndarray | float):
            raise DTypeError("the function must return one array; of several, check each alone")
        self.by_name = False

    def results(self, loss: Any) -> Callable[..., Any]:
        """The function whose Jacobian it is, of all arguments by position."""
        run = super(VjpForm, self).number_of(loss)
        return lambda *args: self._taken_apart(run(*args), args)[0]

    def number_of(self, loss: Any) -> Callable[..., Any]:
        """⟨f(arguments), cotangent⟩."""
        run = self.results(loss)
        return lambda *args: np.sum(run(*args) * self.seed)

    def matrix(self, i: int) -> tuple[np.ndarray, np.ndarray] | None:
        """(the Jacobian by argument i, the sizes of the terms that each entry adds up); None if the
        engine can't follow the function, or it has too many results.
        """
        if np.size(self.seed) > ROWS:
            return None
        for loss in (self.loss, as_written(self.loss)):
            with contextlib.suppress(Exception), np.errstate(all="ignore"):
                args = [_float(x) if k == i else x for k, x in enumerate(copied(self.args))]
                call = Call(self.results(loss), args, (i,), {})
                (x,) = call.variables
                rows = [call.output[at] if at else call.output for at in np.ndindex(
                    np.shape(self.seed))]
                pairs = [(call.pull(y, one_like(y))[0], term_sizes(y).get(x, 0.0)) for y in rows]
                shape = (*np.shape(self.seed), *np.shape(args[i]))
                J, terms = (np.stack([np.broadcast_to(value_of(p[k]), np.shape(args[i]))
                                      for p in pairs]).reshape(shape) for k in (0, 1))
                return J.astype(float), terms.astype(float)
        return None

    def claim(self, args: Sequence[Any]) -> Any:
        """The product of the cotangent and the Jacobian given."""
        if callable(self.gradient):
            return super().claim(args)
        return self._read(self.gradient, lambda x: x)

    def _read(self, returned: Any, of: Callable[[Any], Any]) -> Any:
        if isinstance(returned, Mapping):
            return {key: self._product(J) for key, J in returned.items()}
        if isinstance(returned, tuple):
            return tuple(map(self._product, returned))
        return self._product(returned)

    def _product(self, J: Any) -> Any:
        """seed · J, over the axes of the result; J itself, if it hasn't these."""
        J, seed = np.asarray(value_of(J), float), np.asarray(self.seed)
        if J.shape[:seed.ndim] != seed.shape:
            return J
        return np.tensordot(seed, J, seed.ndim) if seed.ndim else seed * J


class HessianForm(JacobianForm):
    """A loss and its Hessian: the Jacobian of its gradient."""

    def results(self, loss: Any) -> Callable[..., Any]:
        """The loss's gradient."""
        run = super(VjpForm, self).number_of(loss)
        return grad(lambda *args: first_of(run(*args)))

    def forward(self, given: Sequence[Any], named: Mapping[str, Any]) -> tuple[Any, Any]:
        """The first argument, whose shape the gradient has."""
        return given[0] if given else next(iter(named.values())), None


def check_jacobian(f: Callable[..., Any], J: Any, *args: Any,
                   wrt: str | int | Sequence[str | int] | None = None, **kwargs: Any) -> Report:
    """Verify a Jacobian derived by hand: all first derivatives of a function's results.

    f: a function of arrays in NumPy. J: a function of the same arguments, or its numbers; of
    shape (*shape of the result, *shape of the argument), so that J[i, j] is ∂f[i]/∂x[j]; a tuple or
    a dict by argument name for several. wrt, kwargs: as in `check_gradient`.

    Returns a `Report`; the entries are of the whole Jacobian.

    >>> A = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> print(check_jacobian(lambda x: A @ x, lambda x: A.T, np.ones(2))["x"].suspects[0])
    the Jacobian is transposed: J[i, j] is ∂f[i]/∂x[j], of shape (3, 2)
    """
    form = JacobianForm(f, J, args, kwargs)
    return _whole(form, report_on(form, wrt), "Jacobian")


def check_hessian(loss: Callable[..., Any], H: Any, *args: Any, **kwargs: Any) -> Report:
    """Verify a Hessian derived by hand: all second derivatives of a loss by its first argument.

    loss: as in `check_gradient`. H: a function of the same arguments, or its numbers; of shape
    (*shape of x, *shape of x), so that H[i, j] is ∂²loss/∂x[i]∂x[j]. The engine's second
    derivatives are confirmed by finite differences of its first ones, and these by finite
    differences of the loss.

    Returns a `Report`; the entry is of the whole Hessian. Of one that isn't symmetric it says so.

    >>> def loss(x):
    ...     return x[0] ** 2 * x[1]
    >>> def wrong(x):
    ...     return np.array([[2 * x[1], 2 * x[0]], [0.0, 0.0]])
    >>> print(check_hessian(loss, wrong, np.array([1.0, 3.0]))["x"].suspects[0])
    only its upper triangle was given, and it is symmetric
    """
    if not args:
        raise ShapeError("check_hessian needs the point: the arguments of the loss, the one it is "
                         "differentiated by first")
    if isinstance(args[0], list):
        args = (np.asarray(args[0], float), *args[1:])
    form = HessianForm(loss, H, args, kwargs)
    doubt = _doubt(form)
    if doubt:
        return Report((Entry(form.names[0], "can't tell", doubt, None, None),), what="Hessian")
    return _whole(form, report_on(form, 0), "Hessian")


def _doubt(form: HessianForm) -> str:
    """Why the engine's gradient, which is differentiated, isn't certain; "" if it is."""
    given, named = form._given(form.args)
    refusal = ""
    for loss in (form.loss, as_written(form.loss)):
        try:
            numbers = grad(lambda *args, loss=loss: first_of(loss(*args, **named)))(*given)
        except Exception as error:
            refusal = refusal or refused_at(error)
            continue
        form.loss = loss
        entry = check_gradient(loss, numbers, *given, wrt=0, **named).entries[0]
        if entry.verdict == "right":
            return ""
        return f"the gradient itself isn't certain here, so its derivatives aren't: {entry.reason}"
    return f"the engine can't follow the loss ({refusal}), and it is needed for second derivatives"


def _float(x: Any) -> Any:
    x = np.asarray(x, float)
    return x if x.ndim else float(x)


# ── the whole matrix ─────────────────────────────────────────────────────────────────────────


def _whole(form: JacobianForm, report: Report, what: str) -> Report:
    """The report with whole matrices in the place of their products with a cotangent."""
    given = _given(form, [e.name for e in report.entries])
    kinds = [x.dtype for _, x in tree_leaves(list(form.args)) if getattr(x, "dtype", None) == (
        np.float32)] or [getattr(J, "dtype", None) for J in given.values()]
    eps = float(np.finfo(np.float32 if np.float32 in kinds else np.float64).eps)
    entries = []
    for e in report.entries:
        J, known = given.get(e.name), None
        if J is not None and e.verdict != "can't tell":
            known = form.matrix(form.names.index(e.name))
        ndim = np.ndim(form.args[form.names.index(e.name)]) if e.name in form.names else 0
        entries.append(e if J is None or known is None else _entry(e, J, *known, what, ndim, eps))
    return replace(report, entries=tuple(entries), what=what)


def _given(form: JacobianForm, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The matrices that were claimed, by argument."""
    claimed: Any = form.gradient
    if callable(claimed):
        given, named = form._given(copied(form.args))
        claimed = claimed(*given, **named)
    if isinstance(claimed, Mapping):
        by_name = {name: claimed[key] for key, name in meant(claimed, form.names).items()}
    else:
        several = claimed if isinstance(claimed, tuple) else (claimed,)
        by_name = dict(zip(names, several, strict=False))
    arrays = {name: np.asarray(value_of(J)) for name, J in by_name.items()}
    return {name: J if J.dtype.kind == "f" else J.astype(float) for name, J in arrays.items()}


def _entry(e: Entry, J: np.ndarray, true: np.ndarray, terms: np.ndarray, what: str, ndim: int,
           eps_of: float) -> Entry:
    """The verdict on a whole matrix, beside the engine's, which is confirmed already.

    ndim: axes of the argument; eps_of: the rounding of the coarsest floats involved.
    """
    shape = np.shape(true)
    if J.shape != shape:
        return replace(e, verdict="wrong", given=J, expected=true, suspects=_of_shape(
            e.name, J, true, what), reason=f"the {what} has shape {J.shape}; it is (*shape of the "
            f"result, *shape of {e.name}): {shape}")
    if "kink" in e.reason:  # other subgradients are as right
        return replace(e, given=J, expected=true, worst=None)
    eps, size = eps_of, np.abs(J) + np.abs(true)
    rows = np.max(size, tuple(range(true.ndim - ndim, true.ndim)), keepdims=True, initial=0.0)
    bar = np.sqrt(eps) * np.abs(true) + 1e3 * eps * (
        np.where(np.isfinite(terms), terms, 0.0) + rows) + 10 * eps * np.max(size, initial=0.0)
    bar = bar + np.finfo(float).tiny
    off = np.abs(J - true)
    at = tuple(int(k) for k in np.unravel_index(np.argmax(off), shape)) if off.size else ()
    facts: dict[str, Any] = {
        "given": J, "expected": true, "worst": at, "absolute_error": float(off[at]),
        "error_bar": float(bar[at]),
        "relative_error": float(off[at] / max(abs(true[at]), 1e-300))}
    if (off <= bar).all():
        return replace(e, **facts) if e.verdict == "right" else e
    found = tuple(_related(e.name, J, true, what))
    if found and e.suspects and e.suspects[0].line:
        found = tuple(replace(s, line=e.suspects[0].line, fix=e.suspects[0].fix) for s in found)
    rest = tuple(s for s in e.suspects if s.kind not in ("unknown", "partial") and (
        what == "Jacobian" or s.message.startswith("with `")))
    rows = f"{int((off > bar).sum())} of its {off.size} entries are wrong"
    unknown = Suspect("unknown", "no usual mistake gives these numbers", shared=(e.name,))
    both = (*rest, *found) if rest and rest[0].kind != "factor" else (*found, *rest)
    return replace(e, verdict="wrong", reason=rows, suspects=both or (unknown,), **facts)


def _of_shape(name: str, J: np.ndarray, true: np.ndarray, what: str) -> tuple[Suspect, ...]:
    """What a matrix in another shape is."""
    if J.ndim == true.ndim == 2 and J.shape == true.T.shape and near(J, true.T).all():
        return (Suspect("transpose", f"the {what} is transposed: J[i, j] is ∂f[i]/∂x[j], of shape "
                        f"{true.shape}", shared=(name,), plain=True),)
    if true.ndim == 2 and true.shape[0] == true.shape[1] and J.shape == true.shape[:1] and near(
            J, np.diagonal(true)).all():
        return (Suspect("shape", f"only the diagonal of the {what} was given: np.diag makes the "
                        "matrix of it", shared=(name,), plain=True),)
    return (Suspect("shape", f"the {what} has another shape", shared=(name,), plain=True),)


def _constant(name: str, J: np.ndarray, true: np.ndarray) -> Iterator[Suspect]:
    """One number too much or too little in some entries."""
    off = ~near(J, true)
    some = [tuple(map(int, at)) for at in np.argwhere(off)]
    gaps = (true - J)[off]
    if len(some) < 2 or not np.allclose(gaps, gaps[0], rtol=1e-9):
        return
    where = ", ".join(str(list(at)) for at in some[:6]) + (" …" if len(some) > 6 else "")
    kind, said = ("missing-term", "missing") if gaps[0] * np.sign(true[some[0]] or 1) > 0 else (
        "extra-term", "too much")
    yield Suspect(kind, f"the number {shown(abs(float(gaps[0])))} is {said} at {where}",
                  evidence=0.0, shared=(name,), plain=True)


def _related(name: str, J: np.ndarray, true: np.ndarray, what: str) -> Iterator[Suspect]:
    """What a matrix is of the right one."""
    def suspect(kind: str, message: str) -> Suspect:
        return Suspect(kind, message, evidence=0.0, shared=(name,), plain=True)

    size = float(np.sum(true * true))
    c = float(np.sum(J * true)) / size if size else 0.0
    if c and near(J, c * true).all():
        if same(c, -1.0):
            yield suspect("sign", f"the {what} has the wrong sign")
        else:
            yield suspect("factor", f"the {what} is {shown(c)} times what it should be")
    yield from _constant(name, J, true)
    if true.ndim != 2 or true.shape[0] != true.shape[1]:
        return
    diagonal = np.diag(np.diagonal(true))
    forms = [("transpose", f"the {what} is transposed: J[i, j] is ∂f[i]/∂x[j]", true.T),
             ("partial", "only its diagonal was given, and 0 elsewhere", diagonal),
             ("partial", "only its upper triangle was given, and it is symmetric", np.triu(true)),
             ("partial", "only its lower triangle was given, and it is symmetric", np.tril(true)),
             ("factor", "what is off the diagonal was counted twice", 2 * true - diagonal),
             ("factor", "what is off the diagonal is half of what it should be",
              (true + diagonal) / 2),
             ("factor", "its diagonal was counted twice", true + diagonal),
             ("factor", "its diagonal is half of what it should be", true - diagonal / 2)]
    symmetric = near(true, true.T).all()
    for kind, message, matrix in forms:
        if not near(matrix, true).all() and near(J, matrix).all() and (
                symmetric or "symmetric" not in message):
            yield suspect(kind, message)
    if what == "Hessian" and symmetric and not near(J, J.T).all():
        i, j = (int(k) for k in np.unravel_index(np.argmax(np.abs(J - J.T)), J.shape))
        yield suspect("partial", f"it isn't symmetric: [{i}, {j}] is {J[i, j]:.6g}, [{j}, {i}] is "
                      f"{J[j, i]:.6g}; second derivatives don't depend on the order in which they "
                      "are taken, where they are continuous")
