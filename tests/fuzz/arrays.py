"""Random NumPy programs: elementwise, indexing, reductions, scans, linear algebra, reuse."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np

from .programs import Program

__all__ = ["generate"]

ELEMENTWISE = """
np.exp(0.5 * {a}) | np.exp(-{a} ** 2) | np.expm1({a}) | np.exp2({a}) | np.log(1.5 + {a} ** 2)
np.log1p({a} ** 2) | np.log2({a} ** 2 + 0.3) | np.sqrt({a} ** 2 + 0.7) | np.cbrt({a} + 3.0)
np.sin({a}) | np.cos({a}) | np.tan(0.3 * {a}) | np.arctan({a}) | np.arcsin(0.4 * np.tanh({a}))
np.sinh({a}) | np.cosh({a}) | np.tanh({a}) | np.arcsinh({a}) | np.arctanh(0.5 * np.sin({a}))
np.square({a}) | np.reciprocal(2.5 + np.sin({a})) | np.abs({a}) | {a} ** 2 | {a} ** 3 | -{a}
2.0 * {a} | {a} - {c} | {c} * {a} | {c} / ({a} ** 2 + 1.0) | {a} + {b} | {a} - {b} | {a} * {b}
{a} / ({b} ** 2 + 1.0) | np.maximum({a}, {b}) | np.minimum({a}, {b}) | np.hypot({a}, {b})
np.arctan2({a}, {b}) | np.logaddexp({a}, {b}) | np.power(np.abs({a}) + 0.5, {b}) | 2.0 ** {a}
np.clip({a}, -0.5, 0.8) | np.maximum({a}, 0.0) | np.minimum({a}, {c}) | np.sinc({a})
np.where({a} > {c}, {a}, {b}) | np.where({a} > 0, {a} ** 2, np.sin({a})) | np.fmax({a}, {b})
np.copysign({a}, {b}) | {a} % 0.7 | np.heaviside({a}, 0.5) * {b} | np.fmod({a}, 0.9)
ag.relu({a}) | ag.sigmoid({a}) | ag.softplus({a}) | ag.elu({a}) | ag.gelu({a}) | ag.silu({a})
ag.leaky_relu({a}) | ag.relu6({a}) | ag.selu({a}) | ag.mish({a}) | ag.hardsigmoid({a})
ag.hardtanh({a}) | ag.logsigmoid({a}) | ag.softsign({a}) | np.logaddexp2({a}, {b})
np.select([{a} > 0.5, {a} > -0.5], [{a}, {a} ** 2], np.exp({a})) | np.nan_to_num({a})
np.piecewise({a}, [{a} > 0], [lambda t: t ** 2, lambda t: np.sin(t)]) | np.deg2rad({a})
np.frexp({a})[0] | np.modf({a})[0] | np.ldexp({a}, 2) | np.fabs({a}) | np.arccos(0.3 * {a})
"""

REDUCTIONS = """
np.sum({a}) | np.sum({a}, axis={k}) | np.sum({a}, axis={k}, keepdims=True) | {a}.sum(axis={k})
np.sum({a}, where={w}) | np.sum({a}, axis={k}, where={w}) | np.sum({a}, initial={c})
np.mean({a}) | np.mean({a}, axis={k}) | np.mean({a}, axis={k}, keepdims=True) | {a}.mean()
np.mean({a}, where={w}) | np.var({a}) | np.var({a}, axis={k}) | np.std({a}, axis={k})
np.var({a}, axis={k}, ddof=1) | np.std({a}, keepdims=True) | np.var({a}, where={w}) | np.prod({a})
np.prod({a}, axis={k}) | np.prod({a}, axis={k}, keepdims=True, where={w}) | np.max({a})
np.max({a}, axis={k}) | np.min({a}, axis={k}, keepdims=True) | {a}.max(axis={k})
np.max({a}, axis={k}, initial={c}, where={w}) | np.min({a}, initial={c}) | np.ptp({a}, axis={k})
np.median({a}) | np.median({a}, axis={k}) | np.quantile({a}, 0.3)
np.percentile({a}, 70.0, axis={k}) | ag.logsumexp({a}) | ag.logsumexp({a}, axis={k})
ag.softmax({a}, axis={k}) | ag.log_softmax({a}, axis={k}) | np.average({a}, weights=np.exp({a}))
np.nansum({a}, axis={k}) | np.nanmax({a}, axis={k}) | np.add.reduce({a})
np.add.reduce({a}, axis={k}, keepdims=True) | np.multiply.reduce({a})
np.maximum.reduce({a}, axis={k}) | np.add.reduce({a}, axis={k}, initial={c}, where={w})
np.logaddexp.reduce({a}, axis={k}) | np.trapezoid({a}) | np.trapezoid({a}, axis={k}, dx=0.5)
"""

SCANS = """
np.sort({a}) | np.sort({a}, axis={k}) | np.sort({a}, axis=None) | np.cumsum({a}) | np.flip({a})
np.cumsum({a}, axis={k}) | np.cumprod({a}) | np.cumprod({a}, axis={k}) | np.diff({a}, axis={k})
np.maximum.accumulate({a}, axis={k}) | np.add.accumulate({a}) | np.multiply.accumulate({a})
np.gradient({a}, axis={k}) | np.ediff1d({a}) | np.partition({v}, 1)[:2]
np.minimum.accumulate({a}) | np.convolve({v}, {v2}) | np.convolve({v}, {v2}, 'same')
np.correlate({v}, {v2}, 'full')
np.interp({v}, np.array([-1.0, 0.1, 1.2]), np.array([0.5, -0.3, 2.0])) | np.unwrap(3.0 * {v})
np.polyval({v}, {a}) | np.cov({m}) | np.corrcoef({m}) | np.cumulative_sum({v}) | np.cov({v}, {v2})
np.nancumsum({a}) | np.bincount(np.arange({n}) % 2, weights={v})
"""

INDEXING = """
{a}[1:] | {a}[:-1] | {a}[::-1] | {a}[..., 1:] | {a}[..., ::2] | {a}[None] | {a}[..., None]
{a}[0] | {a}[-1] | {a}[..., 0] | {a}[[0, 0]] | {a}[[1, 0, 1]] | {a}[..., [-1, 0, -1]]
{a}[{a} > {c}] | {a}[{w}] | {m}[[0, 1], [1, 0]] | {m}[:, [1, 1, 0]] | {m}[0, 1:] | {m}[1, ::-1]
{a}[np.array([[0, 1], [1, 0]])] | {m}[[1, 0], :1] | {m}[np.ix_([0, 1], [0, -1])]
np.take({a}, [0, 0]) | np.take({a}, [0, 1], axis={k}) | np.take({a}, [5, -3], mode='wrap')
np.take_along_axis({a}, np.argsort({a}, axis={k}), axis={k}) | {a}[np.argsort({a}, axis=0)[0]]
np.compress([True, False], {a}, axis={k}) | np.extract({a} > 0, {a}) | {a}[()] | {a}[..., -1:]
np.delete({a}, 0, axis={k}) | np.insert({a}, 1, 0.5, axis={k}) | np.choose([0, 1], [{v}, {v2}])
np.repeat({a}, 2, axis={k}) | np.tile({a}, 2) | np.roll({a}, 1) | np.roll({a}, 1, axis={k})
np.pad({a}, 1) | np.pad({a}, 1, mode='edge') | np.pad({a}, 1, mode='reflect') | np.unique({a})
np.pad({a}, (0, 2), constant_values={c}) | np.lib.stride_tricks.sliding_window_view({a}, 2, {k})
{a}[0] + {a}[-1] + {a}[1:][0] | np.split({a}, 2)[0] | list({a})[0]
"""

SHAPES = """
np.reshape({a}, -1) | {a}.reshape(-1, 1) | {a}.T | np.transpose({a}) | np.swapaxes({a}, 0, -1)
np.moveaxis({a}, 0, -1) | np.expand_dims({a}, {k}) | np.squeeze({a}) | np.ravel({a})
{a}.flatten() | np.concatenate([{a}, {b}]) | np.concatenate([{a}, {a}], axis={k})
np.stack([{a}, {b}]) | np.stack([{a}, {b}, {a}], axis=-1) | np.hstack([{a}, {b}])
np.vstack([{a}, {b}]) | np.copy({a}) | np.broadcast_to({a}, (2, *np.shape({a})))
np.outer({a}, {b}) | np.add.outer({v}, {v2}) | np.diag({v}) | np.diag({m}) | np.tril({m})
np.triu({m}, 1) | np.rot90({m}) | np.diagonal({m}) | np.split({a}, 2, axis={k})[1]
np.array_split({a}, 2)[0] | np.meshgrid({v}, {v2})[0] | np.linspace({a}, {b}, 3)
np.append({a}, {b}) | np.block([[{m}, {m}]]) | np.vander({v}, 3) | np.column_stack([{v}, {v}])
np.atleast_2d({a}) | np.multiply.outer({v}, {v2}) | np.kron({v}, {v2})
"""

ALGEBRA = """
{m} @ {m2} | {m} @ {m}.T | np.dot({a}, {b}) | np.inner({a}, {b}) | {v} @ {v2} | {m} @ {v}
np.vdot({a}, {a}) | np.einsum('ij,ij->i', {m}, {m}) | np.einsum('ij->ji', {m}) | np.trace({q})
np.einsum('i,i->', {v}, {v2}) | np.einsum('ij,kj->ik', {m}, {m2}) | np.tensordot({a}, {b}, 1)
np.linalg.solve({q} + 3.0 * np.eye({n}), {v}) | np.linalg.solve({q} + 3.0 * np.eye({n}), {m})
np.linalg.inv({q} + 3.0 * np.eye({n})) | np.linalg.det({q}) | np.linalg.slogdet({q})[1]
np.linalg.slogdet({q} + 3.0 * np.eye({n})).logabsdet | np.linalg.matrix_power({q}, 3)
np.linalg.cholesky({m} @ {m}.T + np.eye(len({m}))) | np.linalg.cholesky({q} + 4.0 * np.eye({n}))
np.linalg.eigh({q} + np.swapaxes({q}, -1, -2))[0] | np.linalg.eigvalsh({q})
np.linalg.eigh({q})[0] | np.linalg.eigh({q} + np.swapaxes({q}, -1, -2))[1] ** 2
np.linalg.eigvalsh({q}, UPLO='U') | np.linalg.eigh({q})[1][..., -1] ** 2
np.linalg.svd({m}, compute_uv=False) | np.linalg.svd({m}, full_matrices=False)[0] ** 2
np.linalg.svd({m}, full_matrices=False)[2] ** 2 | np.abs(np.linalg.qr({m})[1])
np.linalg.qr({m})[0] ** 2 | np.linalg.norm({a}) | np.linalg.norm({a}, axis={k})
np.linalg.norm({m}, 'fro') | np.linalg.norm({m}, 'nuc') | np.linalg.norm({v}, 3)
np.linalg.norm({v}, 1) | np.linalg.norm({m}, 2) | np.linalg.norm({m}, 1)
np.linalg.norm({a}, axis={k}, keepdims=True) | np.linalg.norm({v}, np.inf)
np.linalg.norm({m}, -2) | np.linalg.pinv({m}) | np.linalg.cond({m})
np.linalg.lstsq({m}, {v}, rcond=None)[0] | np.linalg.multi_dot([{m}, {m2}, {v}])
np.cross({a}, {b})
"""

GROUPS = {"elementwise": (ELEMENTWISE, 10), "reductions": (REDUCTIONS, 5), "scans": (SCANS, 3),
          "indexing": (INDEXING, 5), "shapes": (SHAPES, 3), "algebra": (ALGEBRA, 5)}
TEMPLATES = {name: [t.strip() for row in text.strip().splitlines() for t in row.split(" | ")]
             for name, (text, _) in GROUPS.items()}
SHAPE = [(), (1,), (2,), (3,), (4,), (3,), (2, 2), (3, 3), (2, 3), (3, 2), (1, 3), (3, 1), (1, 1),
         (2, 2, 2), (2, 3, 3), (0,), (0, 3), (2, 3)]
MOST = 40
"""Entries of an intermediate array."""


class Writer:
    """Writes a program line by line, running each on plain numbers as it goes."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.names: dict[str, Any] = {}
        self.lines: list[str] = []
        self.space: dict[str, Any] = Program("def f(): pass", {}).namespace()

    def argument(self, name: str) -> None:
        """A new argument of a random shape; in a third of cases with ties and zeros in it."""
        shape = self.rng.choice(SHAPE)
        n = int(np.prod(shape))
        few = self.rng.random() < 0.15
        numbers = [self.rng.choice([-1.0, 0.0, 0.5, 1.0]) if few
                   else round(self.rng.gauss(0.0, 1.0), 2) for _ in range(n)]
        self.keep(name, np.array(numbers, float).reshape(shape))

    def keep(self, name: str, value: Any) -> None:
        """Note a name and its value."""
        self.names[name] = self.space[name] = value

    def pick(self, test: Any = None) -> str:
        """A name of an array that passes the test, rather a recent one."""
        names = [n for n, x in self.names.items() if test is None or test(x)]
        if not names:
            raise LookupError
        return names[-1] if self.rng.random() < 0.35 else self.rng.choice(names)

    def expression(self, group: str) -> str:
        """A template with names and numbers in its places."""
        template = self.rng.choice(TEMPLATES[group])
        fill: dict[str, str] = {}
        tests = {"m": lambda x: np.ndim(x) == 2, "v": lambda x: np.ndim(x) == 1,
                 "q": lambda x: np.ndim(x) >= 2 and x.shape[-1] == x.shape[-2] > 0}
        for key in ("a", "b", "m", "m2", "v", "v2", "q"):
            if "{" + key + "}" in template:
                fill[key] = self.pick(tests.get(key[0]))
        main = self.names[next((fill[k] for k in "qmva" if k in fill), "x")]
        ndim = np.ndim(main)
        if "{k}" in template and not ndim:
            raise LookupError
        fill["k"] = str(self.rng.randrange(-ndim, ndim)) if ndim else "0"
        if "{k}" in template and ndim > 1 and "sum(" in template and self.rng.random() < 0.2:
            fill["k"] = "(0, -1)"
        fill["c"] = str(round(self.rng.uniform(-1.5, 1.5), 1))
        fill["n"] = str(np.shape(main)[-1] if ndim else 1)
        fill["w"] = f"{fill.get('a', 'x')} > {self.rng.choice([-0.5, 0.0, 0.3])}"
        return template.format(**fill)

    def statement(self, name: str) -> None:
        """One more line: tried until a value of reasonable size comes out."""
        groups = list(GROUPS)
        weights = [GROUPS[g][1] for g in groups]
        for _ in range(60):
            try:
                text = self.expression(self.rng.choices(groups, weights)[0])
                value = eval(text, self.space)
            except Exception:
                continue
            if usable(value):
                self.lines.append(f"{name} = {text}")
                self.keep(name, value)
                return


def usable(value: Any) -> bool:
    """Whether a value may go on: real, finite, not large, not many entries."""
    array = np.asarray(value)
    return bool(array.dtype.kind == "f" and array.size <= MOST and np.all(np.isfinite(array))
                and (not array.size or np.max(np.abs(array)) <= 300.0))


def generate(rng: random.Random) -> Program:
    """A program of one to three arguments and up to eight lines, with one number as its result."""
    writer = Writer(rng)
    arguments = ["x", "y", "z"][: rng.choice([1, 1, 2, 2, 3])]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name in arguments:
            writer.argument(name)
        for name in "abcdeghi"[: rng.choice([1, 2, 3, 4, 5, 6, 8])]:
            writer.statement(name)
        result = ending(writer)
    body = "".join(f"    {line}\n" for line in [*writer.lines, f"return {result}"])
    return Program(f"def f({', '.join(arguments)}):\n{body}",
                   {name: writer.names[name] for name in arguments})


TERMS = ["mix({a})", "np.sum({a})", "np.sum(2.0 * {a})", "np.sum(np.exp(0.3 * {a}))",
         "np.sum(-{a})", "np.sum({a} ** 2)", "np.mean(np.sin({a}))", "mix({a} * {a})",
         "np.sum(3.0 - {a})", "mix(np.tanh({a}))"]


def ending(writer: Writer) -> str:
    """The result: mostly a sum of terms, of which several often use one name again."""
    rng, names = writer.rng, list(writer.names)
    if rng.random() < 0.2:
        return names[-1]
    unused = [n for n in names if not any(_uses(line, n) for line in writer.lines)]
    hub = rng.choice(names[-3:])
    terms = [rng.choice(TERMS).format(a=n) for n in unused]
    terms += [rng.choice(TERMS).format(a=hub) for _ in range(rng.choice([0, 0, 1, 2, 3]))]
    rng.shuffle(terms)
    return " + ".join(terms) or f"mix({names[-1]})"


def _uses(line: str, name: str) -> bool:
    import re

    return bool(re.search(rf"\b{name}\b", line.split(" = ", 1)[1]))
