"""Whether the parts of a batch add up to it, and whether all processes have the same."""

from __future__ import annotations

import contextlib
import copy
import pickle
import random
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import Node, Value, errors

from .module import Module, walk
from .optimizer import Optimizer
from .parts import Work, amounts_of, backpropagation
from .randomness import own_state
from .state import generators, kept

__all__ = ["Whole", "computed_whole", "digest", "digest_of_form", "digest_of_rows", "gap_of",
           "refusal", "refusal_of_changes"]

FITS, FITS_SINGLE = 1e-9, 1e-4  # of a parameter's largest gradient, what a sum may differ by
NOISE = 100  # times what a change in the last digit of all numbers does


class Whole(NamedTuple):
    """A batch that was computed at once.

    amounts: see `amounts_of`; room: for each parameter, and for the loss, how far a sum of parts
    may be off by rounding; changed: what else of the model computing it changes, by name.
    """

    amounts: np.ndarray
    room: list[float]
    changed: list[str]


def computed_whole(work: Work) -> Whole:
    """The whole batch, computed here; the model stays as it was.

    What rounding does is measured: where a gradient is nothing but rounding, as after a long
    training, or of a bias before batch norm, its largest entry is no measure.
    """
    of_rows = backpropagation(work)
    with kept(work.model), _kept_besides(work):
        before = _besides(work)
        amounts = amounts_of(work.model, of_rows(work.x, work.y)[0])
        after = _besides(work)
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        rng = np.random.default_rng(0)
        for p in work.model.parameters():
            p.data = _nearly(p.value, rng)
        moved = amounts_of(work.model, of_rows(_nearly(work.x, rng), work.y)[0])
    fits = FITS_SINGLE if any(not isinstance(p, Value) and p.dtype == np.float32
                              for p in work.model.parameters()) else FITS
    with np.errstate(invalid="ignore"):
        noise = np.nan_to_num(np.abs(moved - amounts), posinf=0.0)
    room = [fits * _largest(amounts[part]) + NOISE * _largest(noise[part])
            for part in _parts(work.model)]
    return Whole(amounts, room, changed)


def _nearly(x: Any, rng: np.random.Generator) -> Any:
    """Floats, each changed in its last digit or two; anything else as it is."""
    if not isinstance(x, float | np.ndarray) or np.asarray(x).dtype.kind != "f":
        return x
    array = np.asarray(x)
    moved = array * (1 + 4 * np.finfo(array.dtype).eps * rng.choice([-1.0, 1.0], array.shape))
    return float(moved) if isinstance(x, float) else moved.astype(array.dtype)


def _parts(model: Module) -> list[slice]:
    """Where each parameter's gradient stands among the amounts; and where the loss."""
    ends = np.cumsum([0, *(p.size for p in model.parameters())]).tolist()
    return [*map(slice, ends[:-1], ends[1:]), slice(-1, None)]


def _largest(x: np.ndarray) -> float:
    return float(np.max(np.abs(x), where=np.isfinite(x), initial=0.0))


def gap_of(model: Module, total: np.ndarray, whole: Whole) -> tuple[float, str]:
    """(how far the sum of parts is from the whole, of its size; the parameter where); 0 if that is
    rounding, or if the loss isn't finite, which is another error.
    """
    if not np.isfinite(total[-1]) and not np.isfinite(whole.amounts[-1]):
        return 0.0, ""
    same = (total == whole.amounts) | (np.isnan(total) & np.isnan(whole.amounts))
    with np.errstate(invalid="ignore"):
        off = np.where(same, 0.0, np.abs(total - whole.amounts))
    names = [*(name for name, _ in model.named_parameters()), "the loss"]
    worst, where = 0.0, ""
    for part, room, name in zip(_parts(model), whole.room, names, strict=True):
        gap = float(np.max(off[part], initial=0.0))
        if not gap <= room:
            relative = gap / (_largest(whole.amounts[part]) or gap or 1.0)
            relative = relative if np.isfinite(relative) else 1.0
            worst, where = max((worst, where), (relative, name))
    return worst, where


def refusal(gap: float, name: str, cure: str) -> errors.GraphError:
    """Why a batch can't be computed in parts: they don't add up."""
    return errors.GraphError(
        f"the parts' gradients don't add up to the batch's (off by {gap:.2g} of it"
        f"{f', at {name}' if name else ''}): is the loss the mean over the samples, each by itself?"
        " A sum, and a mean that is weighted by classes or leaves labels out, is not; nor are "
        f"samples that see one another; {cure}")


def refusal_of_changes(changed: list[str], cure: str) -> errors.GraphError:
    """Why a batch can't be computed in parts: more than gradients comes of it."""
    return errors.GraphError(
        f"a call of the model changes {', '.join(changed[:4])}{', …' * (len(changed) > 4)}, which "
        "each part would do for itself: batch norm and dropout are of the rows of a batch "
        f"together; {cure}")


# ── what isn't a parameter ───────────────────────────────────────────────────────────────────────

def _besides(work: Work) -> dict[str, Any]:
    """The state of all that a call may change and that isn't a parameter, by name."""
    drawn = {name: repr(rng.bit_generator.state) for name, rng in generators(work.model).items()}
    return drawn | {name: _bytes(holder[key]) for name, holder, key in _plain(work)} | {
        "nn's own generator": repr(own_state()), "random's generator": random.getstate(),
        "np.random's generator": _bytes(np.random.mtrand._rand)}


def _plain(work: Work) -> Iterator[tuple[str, dict[str, Any], str]]:
    """(name, holder, key) of each attribute of a module, or of the loss, that holds no node."""
    things: list[tuple[str, Any]] = [*work.model.named_modules()]
    if hasattr(work.loss, "__dict__") and not hasattr(work.loss, "__code__"):
        things.append(("the loss", work.loss))
    for path, thing in things:
        for key, x in [*vars(thing).items()]:
            if not any(isinstance(part, Node | Module) for _, part in walk(x)):
                yield f"{path}.{key}" if path else key, vars(thing), key


def _bytes(x: Any) -> bytes:
    """What an attribute holds; nothing of what can't be pickled."""
    try:
        return x.tobytes() if type(x) is np.ndarray else pickle.dumps(x)
    except Exception:
        return b""


@contextlib.contextmanager
def _kept_besides(work: Work) -> Iterator[None]:
    """A block after which that state is what it was."""
    numpys, pythons = np.random.get_state(), random.getstate()
    held = []
    for _, holder, key in _plain(work):
        with contextlib.suppress(Exception):
            held.append((holder, key, copy.deepcopy(holder[key]), _bytes(holder[key])))
    try:
        yield
    finally:
        np.random.set_state(numpys)
        random.setstate(pythons)
        for holder, key, x, before in held:
            if _bytes(holder.get(key)) != before:
                holder[key] = x


# ── what all processes have to have alike ────────────────────────────────────────────────────────

def digest(*arrays: Any) -> int:
    """A number that differs if the arrays do."""
    number = 0
    rows = [row for x in arrays for row in (x if isinstance(x, list) else [x])]
    for row in rows:  # of a list, each may be of another length
        plain = np.ascontiguousarray(row)
        number = zlib.crc32(pickle.dumps(plain.tolist()) if plain.dtype.hasobject
                            else plain.tobytes(), number)
    return number


def digest_of_rows(work: Work, whole: bool) -> int:
    """Of all rows; or of the first and the last, which another order would change."""
    parts = (work.x, work.y)
    return digest(*parts) if whole else digest(*[
        part[i] for part in parts for i in (0, -1)])


def digest_of_form(model: Module, optimizer: Optimizer | None) -> int:
    """Of names, shapes and dtypes, and of what the optimizer steps."""
    number = {p: i for i, p in enumerate(model.parameters())}
    form = [(name, np.shape(x), np.asarray(x).dtype.str) for name, x in model.state_dict().items()]
    stepped = optimizer and [type(optimizer).__name__, *[number[p] for p in optimizer.parameters]]
    return zlib.crc32(repr((form, stepped)).encode())
