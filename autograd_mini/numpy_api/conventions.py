"""What the gradient is where mathematics leaves a choice, or computers lose it: one table.

The rule behind it: where the function is differentiable, the derivative; at a convex kink the
subgradient of least norm; elsewhere by continuity (±inf allowed); nan in gives nan out. What a
`where`, an index or a maximum doesn't choose sends nothing back, not even 0·inf.
"""

from __future__ import annotations

import difflib
import math
from typing import Any, NamedTuple

import numpy as np

from .. import functions
from ..errors import DTypeError, NotDifferentiableError
from ..primitive import PRIMITIVES, TABLE
from .catalog import CONSTANT, refusal, supported_names
from .meanings import instead, is_anothers

__all__ = ["EDGES", "Edge", "convention"]

INF, NAN = math.inf, math.nan


class Edge(NamedTuple):
    """One case: an expression in x, a point, and the first and second derivative there.

    For an array x they are the gradient of the sum of the entries, and the gradient of the sum
    of that gradient.
    """

    name: str
    expression: str
    x: Any
    first: Any
    second: Any
    why: str
    torch: str = ""  # the same in PyTorch, if it isn't the expression with torch for np

    @property
    def where(self) -> str:
        """The point, as it is written."""
        return f"{self.expression} at x = {self.x}"

    def __str__(self) -> str:
        second = f", second derivative {self.second}" if self.second is not None else ""
        return f"{self.where}: slope {self.first}{second}\n  {self.why}"


KINK = "a convex kink: the subgradient of least norm"
HINGE = "a convex kink: 0, the least of the subgradients 0 … 1"
LEFT = "at a kink of relu's kind, the left slope"
TIE = "a tie is shared evenly, so that the order of the arguments doesn't matter"
BOUND = "at a bound x is still what is returned"
NOT_CHOSEN = "what isn't chosen hears nothing: not 0 · inf = nan"
LIMIT = "by continuity: the limit, which is infinite"
EXACT = "the exact derivative, in a form that neither overflows nor divides 0 by 0"
PASSED_ON = "nan in, nan out"
LENGTH = "as a convex kink; a length has no second derivative there"
SMOOTH = "smooth, though the length in it isn't: by L'Hôpital's rule"
JUMP = "a jump: the slope on either side"
TRIANGLE = "one triangle is read, and that function is differentiated; see ag.symmetric"
DETERMINED = "a function of the matrix alone, whichever vectors are chosen: the limit"
NONE = "no derivative and no limit: nan says so"

EDGES = (
    # ── kinks
    Edge("relu", "ag.relu(x)", 0.0, 0.0, 0.0, HINGE, "F.relu(x)"),
    Edge("relu", "ag.relu(1 - x)", 1.0, 0.0, 0.0, HINGE, "F.relu(1 - x)"),
    Edge("relu", "ag.relu(x)", NAN, NAN, NAN, PASSED_ON, "F.relu(x)"),
    Edge("leaky_relu", "ag.leaky_relu(x)", 0.0, 0.01, 0.0, LEFT, "F.leaky_relu(x)"),
    Edge("relu6", "ag.relu6(x)", 0.0, 0.0, 0.0, HINGE, "F.relu6(x)"),
    Edge("relu6", "ag.relu6(x)", 6.0, 0.0, 0.0, "a concave kink: the least of the slopes 0 … 1",
         "F.relu6(x)"),
    Edge("hardsigmoid", "ag.hardsigmoid(x)", 3.0, 0.0, 0.0, "as relu6", "F.hardsigmoid(x)"),
    Edge("hardtanh", "ag.hardtanh(x)", 1.0, 1.0, 0.0, BOUND, "F.hardtanh(x)"),
    Edge("elu", "ag.elu(x, 0.5)", 0.0, 0.5, 0.5, LEFT, "F.elu(x, 0.5)"),
    Edge("softsign", "ag.softsign(x)", 0.0, 1.0, 0.0, "smooth; its second derivative has a kink",
         "F.softsign(x)"),
    Edge("abs", "np.abs(x)", 0.0, 0.0, 0.0, KINK),
    Edge("abs", "np.abs(x)", -0.0, 0.0, 0.0, KINK),
    Edge("abs", "np.abs(x)", NAN, NAN, NAN, PASSED_ON),
    Edge("copysign", "np.copysign(x, -1.0)", 0.0, 0.0, 0.0, "as −|x|",
         "torch.copysign(x, torch.tensor(-1.0))"),
    Edge("maximum", "np.maximum(x, 2.0)", 2.0, 0.5, 0.0, TIE, "torch.maximum(x, 0 * x + 2.0)"),
    Edge("maximum", "np.maximum(x, x)", 2.0, 1.0, 0.0, TIE),
    Edge("minimum", "np.minimum(2.0, x)", 2.0, 0.5, 0.0, TIE, "torch.minimum(0 * x + 2.0, x)"),
    Edge("maximum", "np.maximum(x, 1.0)", NAN, NAN, None, PASSED_ON,
         "torch.maximum(x, torch.ones_like(x))"),
    Edge("fmax", "np.fmax(x, 1.0)", NAN, 0.0, 0.0, "its nan is what isn't chosen",
         "torch.fmax(x, torch.tensor(1.0))"),
    Edge("max", "np.max(x)", [3.0, 1.0, 3.0], [0.5, 0.0, 0.5], [0.0, 0.0, 0.0], TIE),
    Edge("min", "np.min(x)", [3.0, 1.0, 1.0], [0.0, 0.5, 0.5], [0.0, 0.0, 0.0], TIE),
    Edge("median", "np.median(x)", [3.0, 1.0, 2.0, 0.0], [0.0, 0.5, 0.5, 0.0], [0.0] * 4,
         "the mean of the two in the middle", "torch.quantile(x, 0.5)"),
    Edge("sort", "np.sort(x)[0]", [1.0, 1.0], [1.0, 0.0], [0.0, 0.0],
         "of equal numbers the first stays first", "torch.sort(x, stable=True)[0][0]"),
    Edge("clip", "np.clip(x, -1.0, 1.0)", 1.0, 1.0, 0.0, BOUND, "torch.clamp(x, -1.0, 1.0)"),
    Edge("clip", "np.clip(x, 3.0, 2.0)", 2.0, 0.0, 0.0, "crossed bounds: the upper is returned",
         "torch.clamp(x, 3.0, 2.0)"),
    # ── norms
    Edge("norm", "np.linalg.norm(x)", [0.0, 0.0], [0.0, 0.0], [NAN, NAN], LENGTH),
    Edge("norm", "np.linalg.norm(x) ** 2", [0.0, 0.0], [0.0, 0.0], [2.0, 2.0], SMOOTH),
    Edge("abs", "np.abs(x) ** 2", 0.0, 0.0, 2.0, SMOOTH),
    Edge("norm", "np.linalg.norm(x, 1)", [0.0, 3.0], [0.0, 1.0], [0.0, 0.0], KINK),
    Edge("norm", "np.linalg.norm(x)", [3e200, 4e200], [0.6, 0.8],
         None, EXACT),
    Edge("hypot", "np.hypot(x, 0.0)", 0.0, 0.0, NAN, LENGTH, "torch.hypot(x, 0 * x)"),
    Edge("hypot", "np.exp(-np.hypot(x, 0.0) ** 2)", 0.0, 0.0, -2.0, SMOOTH,
         "torch.exp(-torch.hypot(x, 0 * x) ** 2)"),
    Edge("hypot", "np.hypot(x, 4e200)", 3e200, 0.6, 1.28e-201, EXACT,
         "torch.hypot(x, 0 * x + 4e200)"),
    Edge("std", "np.std(x)", [2.0, 2.0], [0.0, 0.0], [NAN, NAN], LENGTH,
         "torch.std(x, unbiased=False)"),
    Edge("svdvals", "np.linalg.norm(x, 'nuc')", [[0.0, 0.0], [0.0, 2.0]], [[0.0, 0.0], [0.0, 1.0]],
         None, "σ = 0 is a kink: the subgradient of least norm",
         "torch.linalg.matrix_norm(x, 'nuc')"),
    # ── infinite slopes, and what masks them
    Edge("sqrt", "np.sqrt(x)", 0.0, INF, -INF, LIMIT),
    Edge("cbrt", "np.cbrt(x)", 0.0, INF, -INF, LIMIT, "-"),
    Edge("log", "np.log(x)", 0.0, INF, -INF, LIMIT),
    Edge("divide", "1 / x", 0.0, -INF, INF, LIMIT),
    Edge("power", "x ** 0.5", 0.0, INF, -INF, LIMIT),
    Edge("arcsin", "np.arcsin(x)", 1.0, INF, INF, LIMIT),
    Edge("arccos", "np.arccos(x)", -1.0, -INF, INF, LIMIT),
    Edge("arccosh", "np.arccosh(x)", 1.0, INF, -INF, LIMIT),
    Edge("arctanh", "np.arctanh(x)", 1.0, INF, INF, LIMIT),
    Edge("where", "np.where(x > 0, np.sqrt(x), 0.0)", 0.0, 0.0, 0.0, NOT_CHOSEN),
    Edge("where", "np.where(x > 0, np.log(x), x)", 0.0, 1.0, 0.0, NOT_CHOSEN),
    Edge("where", "np.where(x < 9, np.log1p(np.exp(x)), x)", 1000.0, 1.0, 0.0, NOT_CHOSEN),
    Edge("relu", "ag.relu(np.log(x))", 0.0, 0.0, 0.0, NOT_CHOSEN, "F.relu(torch.log(x))"),
    Edge("getitem", "np.sqrt(x)[1]", [0.0, 4.0], [0.0, 0.25], [0.0, -0.03125], NOT_CHOSEN),
    Edge("power", "np.sqrt(x) ** 2", 0.0, NAN, None,
         "0 · inf of arithmetic is no choice: it isn't hidden"),
    # ── powers and products
    Edge("power", "x ** 0", 0.0, 0.0, 0.0, "x⁰ = 1 everywhere"),
    Edge("power", "x ** 2", 0.0, 0.0, 2.0, EXACT),
    Edge("power", "x ** 3", -2.0, 12.0, -12.0, "exact for whole exponents, also below 0"),
    Edge("power", "0.0 ** x", 0.0, 0.0, 0.0, "0ˣ is flat to the right", "torch.zeros(()) ** x"),
    Edge("power", "(-2.0) ** x", 3.0, NAN, NAN, NONE, "torch.tensor(-2.0) ** x"),
    Edge("prod", "np.prod(x)", [2.0, 0.0, 3.0], [0.0, 6.0, 0.0], [3.0, 5.0, 2.0],
         "the product of the others, never y/x"),
    Edge("cumprod", "np.cumprod(x)[2]", [2.0, 0.0, 3.0], [0.0, 6.0, 0.0], [3.0, 5.0, 2.0],
         "the product of the others, never y/x", "torch.cumprod(x, 0)[2]"),
    Edge("det", "np.linalg.det(x)", [[1.0, 2.0], [2.0, 4.0]], [[4.0, -2.0], [-2.0, 1.0]],
         [[1.0, -1.0], [-1.0, 1.0]], "the cofactors, which a singular matrix has too"),
    Edge("det", "np.linalg.det(x)", [[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]],
         [[1.0, -1.0], [-1.0, 1.0]], "the cofactors, which a singular matrix has too"),
    # ── saturation and overflow
    Edge("sigmoid", "ag.sigmoid(x)", 1000.0, 0.0, 0.0, EXACT, "torch.sigmoid(x)"),
    Edge("sigmoid", "ag.sigmoid(x)", -1000.0, 0.0, 0.0, EXACT, "torch.sigmoid(x)"),
    Edge("sigmoid", "ag.sigmoid(x)", 40.0, math.exp(-40), -math.exp(-40), EXACT,
         "torch.sigmoid(x)"),
    Edge("softplus", "ag.softplus(x)", 50.0, 1.0, math.exp(-50), "exact: no threshold from which "
         "it is x", "F.softplus(x)"),
    Edge("softplus", "ag.softplus(x)", -800.0, 0.0, 0.0, EXACT, "F.softplus(x)"),
    Edge("gelu", "ag.gelu(x, 'tanh')", 1e200, 1.0, 0.0, EXACT, "F.gelu(x, approximate='tanh')"),
    Edge("tanh", "np.tanh(x)", 1000.0, 0.0, 0.0, EXACT),
    Edge("tanh", "np.tanh(x)", -1000.0, 0.0, 0.0, EXACT),
    Edge("expm1", "np.expm1(x)", -40.0, math.exp(-40), math.exp(-40), EXACT),
    Edge("arctan", "np.arctan(x)", 1e200, 0.0, 0.0, EXACT),
    Edge("arcsinh", "np.arcsinh(x)", 1e200, 1e-200, 0.0, EXACT),
    Edge("sinc", "np.sinc(x)", 0.0, 0.0, -math.pi**2 / 3, EXACT),
    Edge("logaddexp", "np.logaddexp(x, 0.0)", INF, 1.0, 0.0, "by its limit: the larger term has "
         "it all", "torch.logaddexp(x, torch.zeros_like(x))"),
    Edge("logaddexp", "np.logaddexp(x, np.inf)", INF, 0.5, 0.0, "both infinite: shared evenly",
         "torch.logaddexp(x, torch.tensor(np.inf))"),
    Edge("logaddexp", "np.logaddexp(x, -np.inf)", -INF, 0.0, 0.0, "e⁻ʸ·eˣ = 0/0: nothing flows",
         "torch.logaddexp(x, torch.tensor(-np.inf))"),
    Edge("logsumexp", "ag.logsumexp(x)", [INF, INF], [0.5, 0.5], None, "both infinite: shared "
         "evenly", "torch.logsumexp(x, 0)"),
    Edge("logsumexp", "ag.logsumexp(x)", [-INF, -INF], [0.0, 0.0], None, "0/0: nothing flows",
         "torch.logsumexp(x, 0)"),
    Edge("logsumexp", "ag.logsumexp(x)", [-INF, 3.0], [0.0, 1.0], [0.0, 0.0], EXACT,
         "torch.logsumexp(x, 0)"),
    # ── jumps, and where there is nothing to choose
    Edge("remainder", "np.mod(x, 2.0)", 4.0, 1.0, 0.0, JUMP, "torch.remainder(x, 2.0)"),
    Edge("heaviside", "np.heaviside(x, 0.5) + 0 * x", 0.0, 0.0, 0.0, JUMP,
         "torch.heaviside(x, 0 * x + 0.5) + 0 * x"),
    Edge("nan_to_num", "np.nan_to_num(x)", NAN, 0.0, 0.0, "a constant was asked for instead"),
    Edge("arctan2", "np.arctan2(x, 0.0)", 0.0, NAN, None, NONE,
         "torch.atan2(x, torch.tensor(0.0))"),
    # ── matrices
    Edge("eigh", "np.linalg.eigh(x)[1][0, 0]", [[1.0, 0.0], [0.0, 1.0]], [[NAN, NAN], [NAN, NAN]],
         None, "equal eigenvalues: the eigenvectors aren't determined"),
    Edge("eigh", "(lambda w, v: (v * w) @ v.T)(*np.linalg.eigh(x))[0, 0]", [[1.0, 0.0], [0.0, 1.0]],
         [[1.0, 0.0], [0.0, 0.0]], None, DETERMINED,
         "(lambda w, v: (v * w) @ v.T)(*torch.linalg.eigh(x))[0, 0]"),
    Edge("svd", "(lambda u, s, v: (u * s) @ v)(*np.linalg.svd(x))[0, 1]", [[1.0, 0.0], [0.0, 1.0]],
         [[0.0, 1.0], [0.0, 0.0]], None, DETERMINED,
         "(lambda u, s, v: (u * s) @ v)(*torch.linalg.svd(x))[0, 1]"),
    Edge("eigvalsh", "np.linalg.eigvalsh(x)[1]", [[2.0, 1.0], [1.0, 2.0]],
         [[0.5, 0.0], [1.0, 0.5]], None, TRIANGLE, "torch.linalg.eigvalsh(x)[1]"),
    Edge("eigvalsh", "np.linalg.eigvalsh((x + x.T) / 2)[1]", [[2.0, 1.0], [1.0, 2.0]],
         [[0.5, 0.5], [0.5, 0.5]], None, "the symmetrised gradient, by name: ag.symmetric(x)"),
    Edge("eigvalsh", "np.sum(np.linalg.eigvalsh(x))", [[1.0, 0.0], [0.0, 1.0]],
         [[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]], DETERMINED,
         "torch.linalg.eigvalsh(x).sum()"),
    Edge("eigvalsh", "np.sum(np.linalg.eigvalsh(x) ** 2)", [[1.0, 0.0], [0.0, 1.0]],
         [[2.0, 0.0], [0.0, 2.0]], [[2.0, 0.0], [4.0, 2.0]], DETERMINED,
         "(torch.linalg.eigvalsh(x) ** 2).sum()"),
    Edge("eigvalsh", "np.linalg.eigvalsh(x)[0]", [[1.0, 0.0], [0.0, 1.0]],
         [[0.5, 0.0], [0.0, 0.5]], [[NAN, NAN], [NAN, NAN]],
         "a kink: shared evenly, the least subgradient; there is no second derivative",
         "torch.linalg.eigvalsh(x)[0]"),
    Edge("cholesky", "np.linalg.cholesky(x)[1, 0]", [[4.0, 1.0], [1.0, 3.0]],
         [[-0.0625, 0.0], [0.5, 0.0]], None, TRIANGLE, "torch.linalg.cholesky(x)[1, 0]"),
    Edge("slogdet", "np.linalg.slogdet(x)[1]", [[1.0, 0.0], [0.0, 0.0]], [[NAN, NAN], [NAN, NAN]],
         None, "the value is −inf; near it the slope goes to +∞ and to −∞",
         "torch.linalg.slogdet(x)[1]"),
    Edge("qr", "np.linalg.qr(x)[0][0, 0]", [[1.0, 1.0], [1.0, 1.0]], [[NAN, NAN], [NAN, NAN]],
         None, "a column that depends on those before it doesn't determine Q",
         "torch.linalg.qr(x)[0][0, 0]"),
)


def convention(name: str) -> str:
    """What is chosen at the edges of the function `name`, and why, as text.

    name: as NumPy has it, with or without `np.`. Raises `NotDifferentiableError` for a name that
    the table doesn't have.

    >>> import autograd_mini as ag
    >>> print(ag.convention("sqrt"))
    sqrt: np.sqrt(x) at x = 0.0: slope inf, second derivative -inf
      by continuity: the limit, which is infinite
    """
    if not isinstance(name, str):
        raise DTypeError(f"convention takes a function's name, not a {type(name).__name__}")
    bare = name.rpartition(".")[2]
    function = getattr(np, bare, None) or getattr(np.linalg, bare, None)
    row = TABLE.get(function)
    names = {bare, getattr(row, "name", bare), getattr(row, "__name__", bare)}
    if cases := [edge for edge in EDGES if edge.name in names]:
        return "\n".join(f"{bare}: {edge}" for edge in cases)
    known = {full.rpartition(".")[2] for full in supported_names()}
    if bare in known or bare in PRIMITIVES or bare in functions.__all__:
        return (f"{bare}: no case of its own is listed: where it is differentiable you get the "
                "derivative, and at kinks and ties what the functions it is composed of choose")
    if function in CONSTANT:
        return f"{bare}: constant by nature: plain numbers come back"
    if function is not None:
        raise refusal(f"np.{bare}")
    if instead(bare)[0]:
        raise refusal(f"scipy.special.{bare}")
    near = [] if is_anothers(bare) else difflib.get_close_matches(
        bare, known | {edge.name for edge in EDGES}, n=1)
    raise NotDifferentiableError(
        f"the table has no function {bare!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
