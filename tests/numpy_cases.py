"""What plain NumPy code looks like: expressions that every differentiable function appears in.

Each is evaluated on Tensors with NumPy itself and, as an oracle, on JAX's arrays with jax.numpy.
"""

from __future__ import annotations

import numpy as np

_rng = np.random.default_rng(7)


def _spread(*shape: int) -> np.ndarray:
    """Numbers well apart from each other and from 0, in random order: no ties, no kinks near."""
    n = int(np.prod(shape))
    values = (np.arange(n) - (n - 1) / 2 + 0.3 * _rng.uniform(-1, 1, n)) * (3.0 / max(n, 1)) + 0.01
    return _rng.permutation(values).reshape(shape)


VARIABLES = {
    "s": np.array(0.7), "u": _spread(4) / 4, "v": _spread(5), "w": _spread(3),
    "z": np.zeros((0, 3)),
    "m": _spread(3, 4), "n": _spread(4, 2), "t": _spread(2, 3, 4),
    "q": _spread(3, 3) + 2 * np.eye(3),
    "k": _spread(2, 3, 3) + 2 * np.eye(3), "p": _rng.uniform(0.5, 2.0, (3, 4)),
    "o": 1.5 + np.abs(_spread(4)), "r": _spread(4, 1),
}
CONSTANTS = {
    "mask": np.array([[True, False, True, True], [False, True, True, True], [True] * 4]),
    "i": np.array([2, 0, 0, 1]), "holes": np.where(_rng.uniform(size=(3, 4)) < 0.3, np.nan, 0.0),
}

ELEMENTWISE = """
np.add(m, r[:3]); np.subtract(m, w[:, None]); np.multiply(t, m); np.divide(m, p); np.negative(m)
np.positive(m); np.power(p, m); np.float_power(p, m); p ** 3; 2.0 ** m; np.square(t); np.abs(m)
np.absolute(s); np.fabs(m); np.exp(m); np.exp2(m); np.expm1(m); np.log(p); np.log2(p); np.log10(p)
np.log1p(p); np.sqrt(p); np.cbrt(p); np.reciprocal(p); np.sin(m); np.cos(m); np.tan(u); np.sinh(m)
np.cosh(m); np.tanh(m); np.arcsin(u); np.arccos(u); np.arctan(m); np.arcsinh(m); np.arccosh(o)
np.arctanh(u); np.arctan2(m, p); np.hypot(m, p); np.logaddexp(m, p); np.logaddexp2(m, p)
np.deg2rad(m); np.rad2deg(m); np.radians(m); np.degrees(m); np.sinc(m); np.sinc(0 * m)
np.maximum(m, 0.5 * p); np.minimum(m, p); np.fmax(m, p); np.fmin(m, p); np.remainder(m, p)
np.mod(5 * m, 0.7); np.fmod(m, p); np.copysign(m, p); np.heaviside(m, 0.5) + m; np.clip(m, -1, 1)
np.where(mask, m, p); np.nan_to_num(m); np.ldexp(m, 3); np.modf(m)[0]; np.frexp(m)[0]
np.divmod(m, p)[1]; m % p; np.real(m); np.conjugate(m); np.real_if_close(m); np.copy(m); 3 % p
np.add.outer(v, w); np.multiply.outer(v, s); np.maximum.outer(v, w); np.power.outer(p, w)
"""

REDUCTIONS = """
np.sum(s); np.sum(z); np.sum(z, axis=0); np.sum(t, axis=(0, -1)); np.sum(m, where=mask)
np.sum(m, initial=2.0); np.sum(t, 1, keepdims=True); np.prod(m, axis=0); np.prod(t, axis=(0, 2))
np.prod(m, where=mask); np.prod(z); np.prod(0 * v); np.prod(v, initial=3.0); np.max(t, axis=1)
np.max(m, initial=0.4, where=mask); np.amax(m); np.min(t, (0, 2), keepdims=True); np.amin(m)
np.min(m, initial=0.4, where=mask, axis=0); np.ptp(m, axis=0); np.ptp(t); np.mean(t)
np.mean(t, axis=-1); np.mean(m, axis=0, where=mask); np.mean(t, (0, 1), keepdims=True); np.var(t)
np.var(t, axis=1, ddof=1); np.var(m, where=mask); np.std(t); np.std(t, axis=(0, 2))
np.std(m, axis=1, ddof=1, keepdims=True); np.std(m, axis=1, where=mask); np.average(m)
np.average(m, weights=p); np.average(m, axis=1, weights=o); np.average(m, axis=0); np.median(v)
np.median(m, axis=1); np.median(t, axis=(0, 2)); np.median(u, keepdims=True); np.quantile(m, 0.3)
np.quantile(m, 0.3, axis=0, keepdims=True); np.quantile(v, np.array([0.1, 0.77]))
np.quantile(t, np.array([0.2, 1.0, 0.0]), axis=1); np.percentile(m, 35.0, axis=-1)
np.quantile(m, 0.3, method='lower'); np.quantile(m, 0.3, method='higher')
np.quantile(m, 0.33, method='midpoint', axis=1); np.quantile(m, 0.37, method='nearest')
np.nansum(m + holes, axis=1); np.nansum(m); np.nanprod(m + holes, axis=0); np.nanmean(m + holes)
np.nanmean(m + holes, axis=1); np.nanvar(m + holes); np.nanvar(m + holes, axis=1, ddof=0)
np.nanstd(m + holes); np.nanmax(m + holes, axis=1); np.nanmin(m + holes, axis=0)
np.nanmedian(m + holes); np.nanquantile(m + holes, 0.4, axis=1); np.nanpercentile(m + holes, 40.0)
np.nancumsum(m + holes); np.nancumprod(m + holes, axis=1); np.cumsum(m); np.cumsum(t, axis=1)
np.cumprod(v); np.cumprod(t, axis=0); np.cumprod(m, axis=-1); np.cumprod(v - v[2])
np.cumulative_sum(m, axis=1); np.cumulative_sum(v, include_initial=True)
np.cumulative_prod(m, axis=0, include_initial=True); np.diff(v); np.diff(t, n=2, axis=1)
np.diff(m, axis=0, prepend=1.0); np.diff(v, append=w); np.ediff1d(m); np.ediff1d(v, to_begin=w)
np.gradient(v); np.gradient(v, 0.3); np.gradient(m, axis=1); np.gradient(m)[0]
np.gradient(m, 0.5, 2.0)[1]; np.trapezoid(m); np.trapezoid(v, np.cumsum(p)[:5])
np.trapezoid(m, dx=0.2); np.trapezoid(m, p, axis=0); np.trapezoid(m, u, axis=1); np.convolve(v, w)
np.convolve(w, v, 'same'); np.convolve(v, u, 'same'); np.convolve(v, w, 'valid')
np.correlate(v, w); np.correlate(v, w, 'full'); np.correlate(v, u, 'same')
np.correlate(w, v, 'same'); np.interp(u, np.array([-2.0, 0.1, 0.2, 3.0]), o)
np.interp(v, np.cumsum(p, axis=1)[0], u)
np.interp(4 * u, np.array([-.5, .1, .5]), w, left=-1., right=2.); np.unwrap(4 * v)
np.polyval(w, m); np.polyder(v); np.polyder(v, 2); np.polyint(v); np.polyadd(v, w)
np.polysub(w, v); np.polymul(v, w); np.apply_along_axis(np.cumsum, 0, m)
np.apply_along_axis(np.sum, 1, t); np.cov(m); np.cov(m, rowvar=False); np.cov(v)
np.cov(v, v ** 2); np.cov(m, bias=True); np.corrcoef(m); np.corrcoef(v, v ** 2); np.bincount(i, u)
np.bincount(i, u, 7)
"""

ALGEBRA = """
np.dot(m, n); np.dot(s, m); np.dot(t, n); np.dot(n.T, t[0].T @ t); np.dot(w, k); m @ n
np.matmul(t, n); v @ v; np.vdot(m, p); np.inner(t, m); np.inner(v, v); np.inner(s, m)
np.outer(v, m); np.kron(m, n); np.kron(v, q); np.tensordot(t, m, axes=([1, 2], [0, 1]))
np.tensordot(q, k, ((0,), (1,))); np.tensordot(v, w, 0); np.tensordot(m, t, axes=((0, 1), (1, 2)))
np.vecdot(t, m); np.linalg.vecdot(t, t * w[:, None], axis=1); np.linalg.vecdot(m, p)
np.matvec(t, u); np.vecmat(w, t); np.linalg.matmul(m, n); np.linalg.outer(v, w)
np.linalg.tensordot(m, n, axes=1); np.cross(w, q); np.cross(q, w[::-1])
np.cross(q, k, axisa=0, axisc=1); np.linalg.cross(q, k); np.trace(q)
np.trace(t, 1, 1, 2); np.linalg.trace(k); np.linalg.trace(t, offset=1)
np.einsum('ij,jk->ik', m, n); np.einsum('ij,jk', m, n); np.einsum('ii', q); np.einsum('ii->i', q)
np.einsum('...ii->...', k); np.einsum('...ij,jk->...ik', t, n); np.einsum('ij->', m)
np.einsum('i,j->ij', v, w); np.einsum('bij,bij->b', k, k); np.einsum('ij,ik,il->jkl', m, m, p)
np.einsum('ij,kl->', m, n); np.einsum('ijj->ji', k); np.einsum('...,...', m, p)
np.einsum('ji', m); np.einsum('iii', np.broadcast_to(w, (3, 3, 3)) * q)
np.einsum('ab,b,...->...a', q, w, s); np.einsum('i,i->i', r[:, 0], u)
np.einsum('ij,j->i', m, r[:, 0]); np.einsum(' i j , j -> i ', m, u)
np.einsum(m, [0, 1], n, [1, 2], [0, 2]); np.einsum(',ij', s, m); np.linalg.norm(v)
np.linalg.norm(m); np.linalg.norm(m, axis=1); np.linalg.norm(t); np.linalg.norm(m, 'fro')
np.linalg.norm(m, 'nuc'); np.linalg.norm(m, np.inf); np.linalg.norm(m, -np.inf)
np.linalg.norm(m, 1); np.linalg.norm(m, -1); np.linalg.norm(m, 2); np.linalg.norm(m, -2)
np.linalg.norm(v, 3); np.linalg.norm(v, 1); np.linalg.norm(v, np.inf); np.linalg.norm(v, -np.inf)
np.linalg.norm(v, 0.5); np.linalg.norm(v, -2); np.linalg.norm(t, axis=(0, 2), keepdims=True)
np.linalg.norm(t, 'nuc', axis=(1, 2)); np.linalg.norm(m, 4, axis=0)
np.linalg.norm(t, 2, axis=(2, 0)); np.linalg.norm(m, axis=0, keepdims=True)
np.linalg.norm(v, 0) * v; np.linalg.vector_norm(t); np.linalg.vector_norm(t, axis=(0, 1), ord=3)
np.linalg.vector_norm(m, keepdims=True); np.linalg.matrix_norm(t)
np.linalg.matrix_norm(t, ord='nuc', keepdims=True); np.linalg.matrix_norm(k, ord=1)
np.linalg.det(q); np.linalg.det(k); np.linalg.slogdet(q)[1]; np.linalg.slogdet(k).logabsdet
np.linalg.inv(q); np.linalg.inv(k); np.linalg.pinv(m); np.linalg.pinv(n); np.linalg.pinv(t)
np.linalg.solve(q, w); np.linalg.solve(q, m); np.linalg.solve(k, m[:, :2])
np.linalg.solve(k, t[:, :, :2]); np.linalg.lstsq(n, u)[0]
np.linalg.lstsq(n, np.stack([u, u ** 2], 1))[0]; np.linalg.cholesky(q @ q.T + np.eye(3))
np.linalg.cholesky(k @ np.swapaxes(k, 1, 2)); np.linalg.qr(n)[0]; np.linalg.qr(n)[1]
np.linalg.qr(m)[1]; np.linalg.qr(t)[0]; np.linalg.qr(q, mode='r'); np.linalg.eigh(q + q.T)[0]
np.linalg.eigh(q + q.T)[1] ** 2; np.linalg.eigh(k + np.swapaxes(k, 1, 2))[1] ** 2
np.linalg.eigvalsh(q @ q.T); np.linalg.eigvalsh(k + np.swapaxes(k, 1, 2))
np.linalg.svd(m, full_matrices=False)[0] ** 2; np.linalg.svd(m, full_matrices=False)[2] ** 2
np.linalg.svd(n, full_matrices=False)[0] ** 2; np.linalg.svd(k)[2] ** 2; np.linalg.svd(q)[1]
np.linalg.svd(m, compute_uv=False); np.linalg.svdvals(t); np.linalg.matrix_power(q, 3)
np.linalg.matrix_power(k, -2); np.linalg.matrix_power(q, 0) + q; np.linalg.multi_dot([m, n, n.T])
np.linalg.multi_dot([w, m, n]); np.linalg.multi_dot([m, n, np.ones(2)]); np.linalg.cond(q)
np.linalg.cond(q, 1); np.linalg.tensorinv(np.reshape(q, (3, 1, 3)), ind=1)
np.linalg.tensorsolve(np.reshape(q, (3, 1, 3)), np.reshape(w, (3, 1))); np.linalg.diagonal(k)
np.linalg.diagonal(t, offset=1); np.linalg.matrix_transpose(t)
"""

SHAPES = """
np.reshape(t, (4, 6)); np.ravel(m); np.transpose(t, (1, 2, 0)); np.swapaxes(t, 0, -1)
np.moveaxis(t, 0, 2); np.moveaxis(t, [0, 1], [-1, 0]); np.rollaxis(t, 2); np.matrix_transpose(t)
np.permute_dims(t, (2, 0, 1)); np.expand_dims(m, (0, 2)); np.squeeze(r); np.atleast_1d(s)
np.atleast_2d(v); np.atleast_3d(m); np.atleast_3d(v); np.broadcast_to(w, (2, 3))
m * np.broadcast_arrays(m, w[:, None])[1]; np.concatenate([m, p])
np.concatenate([m, p, 1 + m], axis=1); np.concatenate([m, v], axis=None); np.stack([m, p], axis=1)
np.vstack([m, u]); np.vstack([s, s * 2]); np.hstack([m, p]); np.hstack([v, w]); np.dstack([m, p])
np.dstack([v, v]); np.column_stack([u, u ** 2, n]); np.append(m, v); np.append(m, p, axis=0)
np.block([[m, p], [p, m]]); np.block([v, w]); np.split(m, 2, axis=1)[1]; np.array_split(v, 3)[0]
np.hsplit(m, 2)[0]; np.vsplit(m, 3)[1]; np.dsplit(t, 2)[1]; np.array_split(v, [1, 3])[1]
np.unstack(t, axis=1)[2]; np.tile(m, 2); np.tile(v, (2, 1)); np.tile(s, 3); np.repeat(m, 2)
np.repeat(m, 3, axis=0); np.repeat(u, np.array([1, 0, 2, 3])); np.roll(m, 1)
np.roll(t, (1, 2), axis=(0, 2)); np.flip(t); np.flip(m, 0); np.fliplr(m); np.flipud(m)
np.rot90(m); np.rot90(t, 3, (1, 2)); np.resize(v, (3, 4)); np.pad(m, 1)
np.pad(v, (1, 2), constant_values=3.0); np.pad(m, ((1, 0), (2, 1)), mode='edge')
np.lib.stride_tricks.sliding_window_view(t, (2, 2), axis=(0, 2))
np.lib.stride_tricks.sliding_window_view(v, 3)
np.pad(m, 2, mode='reflect'); np.pad(v, (3, 1), mode='symmetric'); np.pad(m, (1, 2), mode='wrap')
np.diag(v); np.diag(m, 1); np.diag(w, -2); np.diagonal(t, 0, 1, 2); np.diagonal(q); np.diagflat(n)
np.tril(m); np.triu(t, 1); np.tril(q, -1); np.delete(v, 2); np.delete(m, np.array([0, 2]), axis=1)
np.insert(v, 1, 7.0); np.insert(m, 1, u, axis=0)
np.insert(v, np.array([0, 2]), np.array([3.0, 4.0]))
np.insert(m, np.array([1, 3]), w[:, None], axis=1); np.take(m, i); np.take(m, i, axis=1)
np.take(m, i[None], axis=0); np.take(v, 3 * i, mode='wrap'); np.take(v, 3 * i, mode='clip')
np.take_along_axis(m, np.array([[0], [1], [1]]), axis=1)
np.compress(np.array([True, False, True]), m, axis=0); np.extract(mask, m)
np.choose(np.array([0, 1, 1, 0]), [u, u ** 2]); np.select([mask, ~mask], [m, p])
np.select([mask], [m], 3.0); np.select([mask & (holes == 0)], [p], m)
np.piecewise(m, [mask], [lambda x: x ** 2, 1.0])
np.piecewise(v, [v < 0, v > 1], [lambda x: -x, 5.0, lambda x: x ** 3]); np.sort(m)
np.sort(t, axis=0); np.sort(m, axis=None); np.partition(v, 2)[2]; np.partition(m, 1, axis=0)[1]
np.meshgrid(v, w)[0]; np.meshgrid(v, w, indexing='ij')[1]; np.meshgrid(v, w, sparse=True)[1]
np.linspace(s, 3.0, 5); np.linspace(w, 2 * w, 4, endpoint=False); np.linspace(0.0, w, 3, axis=1)
np.logspace(s, 2.0, 4); np.geomspace(s, 5.0, 4); np.vander(w); np.vander(w, 2, increasing=True)
m * np.full_like(m, s); np.trim_zeros(np.concatenate([np.zeros(1), v, np.zeros(2)])); np.unique(m)
np.astype(m, np.float64); m[1]; t[..., ::2]; m[:, [0, 0, 2]]; m[mask]; t[None, 0, ..., None]; m.T
m[i[1:], i[:3]]; z[:, 1]
"""

METHODS = """
np.add.reduce(m); np.add.reduce(t, axis=(0, 1)); np.multiply.reduce(m, axis=1)
np.maximum.reduce(m); np.minimum.reduce(t, axis=None); np.logaddexp.reduce(m, axis=1)
np.fmax.reduce(m + holes, axis=1); np.fmin.reduce(m); np.add.accumulate(m)
np.multiply.accumulate(m, axis=1); np.maximum.accumulate(v); np.minimum.accumulate(m, axis=1)
m.cumsum(1); m.cumprod(0); m.diagonal(); m.trace(); m.repeat(2, 1); m.take(i, 1); m.sum()
m.mean(0); m.var(1); m.std(); m.prod(0); m.max(1); m.min(); m.clip(-1, 1); m.ravel()
"""

EMPTY_OR_ONE = """
np.mean(s); np.var(s); np.max(s); np.min(s); np.prod(s); np.median(s); np.cumsum(s); np.cumprod(s)
np.sum(s, axis=()); np.ravel(s); np.linalg.norm(s); np.sort(np.atleast_1d(s)); np.clip(s, 0, 1)
np.cumsum(z, axis=0); np.cumprod(z, axis=1); np.sort(z); np.diff(z); np.flip(z); np.tile(z, 2)
np.concatenate([z, w[None]]); np.einsum('ij->j', z); np.einsum('ij,jk->ik', z, m); z @ m
np.tensordot(z, m, 1); np.roll(z, 1); np.where(z > 0, z, 1.0); np.exp(z); np.prod(z, axis=0)
np.linalg.norm(z); np.vstack([z, w]); np.repeat(z, 2, axis=1); np.transpose(z); z.sum(0) + w
np.linalg.inv(z[:0, None] * np.eye(3)); np.kron(z, m); np.outer(z, w); np.pad(z, 1); np.tril(z)
"""


NEWER = {"unstack": "2.1", "cumulative_sum": "2.1", "cumulative_prod": "2.1", "astype": "2.1",
         "matvec": "2.2", "vecmat": "2.2"}
"""Functions that came with a later NumPy than the oldest we support."""


def _exists(case: str) -> bool:
    """Whether this version of NumPy has the functions."""
    return all(hasattr(np, name) for name in NEWER if f"np.{name}(" in case)


def _listed(text: str) -> list[str]:
    return [case.strip() for line in text.splitlines() if line for case in line.split(";")]


TEXTS = ELEMENTWISE, REDUCTIONS, ALGEBRA, SHAPES, METHODS, EMPTY_OR_ONE
CASES = [case for case in _listed("\n".join(TEXTS)) if _exists(case)]
