"""A whole run in one file: model, optimizer, random generators, callbacks, history.

What was saved goes on, once loaded, exactly as if it had never been interrupted.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograd_mini import errors

from . import npz
from .arguments import shown
from .history import Epoch, History
from .module import Module
from .npz import TREE
from .optimizer import Optimizer
from .randomness import own_state, set_own_state
from .state import generators
from .storage import replacing

__all__ = ["load_checkpoint", "save_checkpoint"]

LONGEST_TREE = 100_000_000  # bytes


def save_checkpoint(path: str | os.PathLike[str], model: Module,
                    optimizer: Optimizer | None = None, *, loader: Any = None,
                    callbacks: Iterable[Any] = (), history: Iterable[Epoch] = ()) -> None:
    """Write to `path` (.npz) all that a run needs to go on as if it had not been interrupted.

    That is the parameters and buffers of `model`, the state of its modules' generators (dropout's)
    and of nn's own; what `optimizer` remembers, and its settings; how far the order of `loader` has
    come; the state of those `callbacks` (and of schedules) that have one; and `history`. The file
    is complete or isn't there. Raises what `nn.save` raises.

    >>> import os, tempfile
    >>> from autograd_mini import nn
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "model.npz")
    >>> model = nn.Linear(2, 1, rng=0)
    >>> steps = nn.Adam(model.parameters())
    >>> nn.save_checkpoint(path, model, steps)
    >>> os.path.exists(path)
    True
    >>> folder.cleanup()
    """
    things = _things(model, optimizer, loader, callbacks)
    epochs = [{"number": e.number, "loss": e.loss, "measured": dict(e.measured),
               "seconds": e.seconds} for e in history]
    arrays: dict[str, np.ndarray] = {}
    tree = _apart({"things": {name: _state_of(thing) for name, thing in things.items()},
                   "history": epochs, "own": own_state()}, arrays)
    text = json.dumps(tree).encode()
    with replacing(Path(path)) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr(TREE, text)
        for name, array in arrays.items():
            packed = io.BytesIO()
            np.save(packed, array, allow_pickle=False)
            archive.writestr(f"{name}.npy", packed.getvalue())


def load_checkpoint(path: str | os.PathLike[str], model: Module,
                    optimizer: Optimizer | None = None, *, loader: Any = None,
                    callbacks: Iterable[Any] = ()) -> History:
    """Bring a run back to where `save_checkpoint`, or the callback `Checkpoint`, left it.

    Takes a model, an optimizer … of the same form as those that were saved, and returns the history
    so far, with which `fit(…, history=…)` goes on. Raises `StorageError` (a `ValueError`), before
    anything is changed, for a file that is damaged, or of another run; `OSError` if there is none.
    Nothing is ever unpickled.

    >>> import os, tempfile
    >>> from autograd_mini import nn
    >>> folder = tempfile.TemporaryDirectory()
    >>> path, model = os.path.join(folder.name, "model.npz"), nn.Linear(2, 1, rng=0)
    >>> steps = nn.Adam(model.parameters(), lr=0.1)
    >>> nn.save_checkpoint(path, model, steps)
    >>> steps.lr = 0.5
    >>> nn.load_checkpoint(path, model, steps), steps.lr
    (History of no epochs, 0.1)
    >>> folder.cleanup()
    """
    things = _things(model, optimizer, loader, callbacks)
    saved, history, generator = _read(path)
    if list(saved) != list(things):
        raise errors.StorageError(
            f"{path} holds the state of {', '.join(map(str, saved))}, and is to be loaded into "
            f"{', '.join(things)}: give load_checkpoint the same as was saved. Nothing was changed")
    before, own = {name: _state_of(thing) for name, thing in things.items()}, own_state()
    try:
        for name, thing in things.items():
            _restore(thing, saved[name])
        set_own_state(generator)
    except BaseException as error:
        for name, thing in things.items():
            _restore(thing, before[name])
        set_own_state(own)
        if isinstance(error, errors.StorageError) or not isinstance(error, Exception):
            raise
        raise errors.StorageError(f"{path} doesn't fit: {error!r}. Nothing was changed") from error
    return history


def _things(model: Any, optimizer: Any, loader: Any, callbacks: Iterable[Any]) -> dict[str, Any]:
    """What has a state, by name. Raises `ArgumentTypeError` for what has none."""
    if not isinstance(model, Module) or not isinstance(optimizer, Optimizer | None):
        raise errors.ArgumentTypeError(
            f"a checkpoint is of (path, model, optimizer), not {type(model).__name__}, "
            f"{type(optimizer).__name__}")
    held = [c for c in callbacks if hasattr(c, "state_dict")]
    things = {"model": model, f"optimizer {type(optimizer).__name__}": optimizer,
              "loader": loader} | {
        f"callback {i}, {type(c).__name__}": c for i, c in enumerate(held)}
    given = {name: thing for name, thing in things.items() if thing is not None}
    for name, thing in given.items():
        if not hasattr(thing, "state_dict"):
            raise errors.ArgumentTypeError(f"the {name} has no state to save: {shown(thing)} "
                                           "(a DataLoader has)")
    return given


def _state_of(thing: Any) -> dict[str, Any]:
    """A thing's state; of a model with its generators and modes."""
    if not isinstance(thing, Module):
        return dict(thing.state_dict())
    return {"state": thing.state_dict(), "generators": {
        name: dict(rng.bit_generator.state) for name, rng in generators(thing).items()},
        "training": {path: m.training for path, m in thing.named_modules()}}


def _restore(thing: Any, state: Any) -> None:
    """The opposite of `_state_of`."""
    if not isinstance(thing, Module):
        thing.load_state_dict(state)
        return
    own = generators(thing)
    if set(own) != set(state["generators"]):
        raise errors.StorageError(
            f"the file has generators of {sorted(state['generators'])}, and the model of "
            f"{sorted(own)}: make it as it was, with an rng where it had one")
    thing.load_state_dict(state["state"])
    for name, rng in own.items():
        rng.bit_generator.state = state["generators"][name]
    for path, module in thing.named_modules():
        module.training = bool(state["training"].get(path, module.training))


# ── a tree of states, and the arrays in it ───────────────────────────────────────────────────────

def _apart(x: Any, arrays: dict[str, np.ndarray]) -> Any:
    """A state as JSON takes it; its arrays are put into `arrays`, and named in their place."""
    if isinstance(x, Mapping):
        for key in x:
            if not isinstance(key, str | int):
                raise errors.ArgumentTypeError(f"a state that is saved has names or numbers for "
                                               f"keys, not {shown(key)}")
        return {"dict": [[key, _apart(value, arrays)] for key, value in x.items()]}
    if isinstance(x, list | tuple):
        return {"list": [_apart(value, arrays) for value in x]}
    if isinstance(x, np.ndarray | np.floating):  # a float32 stays one
        array = np.asarray(x)
        if array.dtype.kind not in "fiub":
            raise errors.DTypeError(f"a state that is saved has arrays of real numbers, not of "
                                    f"{array.dtype}")
        name = f"array {len(arrays)}"
        arrays[name] = array
        return {"array": name}
    x = x.item() if isinstance(x, np.generic) else x
    if not isinstance(x, str | int | float | bool | None):
        raise errors.ArgumentTypeError(f"a state that is saved is made of numbers, arrays, text, "
                                       f"lists and dicts, not {shown(x)}")
    return x


def _together(x: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The opposite of `_apart`."""
    if not isinstance(x, dict):
        return x
    ((kind, inside),) = x.items()
    if kind == "dict":
        return {key: _together(value, arrays) for key, value in inside}
    return [_together(value, arrays) for value in inside] if kind == "list" else arrays[inside]


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], History, Any]:
    """The states by name, the history, and the state of nn's own generator. Raises `StorageError`
    for a damaged file, or one of another run.
    """
    with Path(path).open("rb") as file:
        npz.check_kind(file, path)
        try:
            with zipfile.ZipFile(file) as archive:
                if TREE not in archive.namelist():
                    raise errors.StorageError(f"{path} is no checkpoint: give a file that "
                                              "nn.save_checkpoint wrote (nn.load reads nn.save's)")
                with archive.open(TREE) as text:
                    tree = json.loads(text.read(LONGEST_TREE))
                if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
                    raise ValueError("its members are packed, and may unpack to gigabytes")
                arrays = {name: _array(name, header())
                          for name, header in npz.members(archive, path).items() if name != TREE}
                found = _together(tree, arrays)
                epochs = [Epoch(**epoch) for epoch in found["history"]]
                return dict(found["things"]), History(epochs), found["own"]
        except errors.StorageError:
            raise
        except Exception as error:  # zipfile, zlib, json and NumPy raise a dozen kinds on garbage
            raise errors.StorageError(f"{path} can't be loaded: it is damaged or cut short "
                                      f"({error!r}). Nothing was changed") from error


def _array(name: str, member: npz.Member) -> np.ndarray:
    """One array of numbers, which takes no more room than its part of the file."""
    if not member.is_whole or member.dtype.kind not in "fiub":
        raise ValueError(f"{name} has shape {member.shape} and dtype {member.dtype}")
    return member.read()
