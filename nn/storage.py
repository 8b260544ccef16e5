"""Models go to a file and come back by name; and a whole run, so that it goes on as if never cut.

A file may be cut short, of another model, or made to do harm. So what it holds is looked at first,
and whatever is replaced is replaced only when all of it has been read.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from autograd_mini import errors

from . import npz, safetensors
from .module import Module
from .npz import BUFFERS, PARAMETERS, Member
from .state import Entry, assign, entries, listed, refusal

__all__ = ["check_target", "load", "replacing", "save"]

Problem = errors.StorageError


def save(model: Module, path: str | os.PathLike[str]) -> None:
    """Write every parameter and buffer of `model` to `path`, under its name.

    A path that ends in .safetensors is written in that format, which PyTorch and others read; the
    names are PyTorch's, so that its `load_state_dict` takes them. Any other is NumPy's .npz. The
    file is complete or isn't there: it is written beside `path` and then takes its place, so
    whatever interrupts it leaves an older file as it was. Warns (`RuntimeWarning`, before
    anything is written) of parameters that hold nan or inf. Raises `StorageError` if two
    parameters have one name, `ArgumentTypeError` if `model` isn't a Module, `OSError` where a
    file can't be written.

    >>> import os, tempfile
    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "model.npz")
    >>> model = nn.Linear(2, 1, rng=0)
    >>> nn.save(model, path)
    >>> other = nn.Linear(2, 1, rng=1)
    >>> nn.load(other, path)
    >>> np.array_equal(other.weight.data, model.weight.data)
    True
    >>> folder.cleanup()
    """
    own = _entries(model)
    _tell_of_nan(f"saving {path}", {name: e.value for name, e in own.items() if e.node is not None})
    with replacing(Path(path)) as file:
        if _is_safetensors(path):
            safetensors.write(file, {name: entry.value for name, entry in own.items()})
        else:
            folders = {name: BUFFERS if e.node is None else PARAMETERS for name, e in own.items()}
            members: dict[str, Any] = {folders[name] + name: e.value for name, e in own.items()}
            np.savez(file, **members)


def load(model: Module, path: str | os.PathLike[str]) -> None:
    """Read the parameters and buffers that `save` wrote into a model of the same form.

    A file of .safetensors is known by its content, whoever wrote it. The parameters stay the same
    nodes, so an optimizer that steps them goes on doing so. All of them are replaced or none:
    whatever is wrong with the file is one `StorageError` (a `ValueError`) before anything is
    changed, and before an array is unpacked that isn't of its parameter's shape. That is: no file
    of either kind, or a damaged one; names that are missing, unknown or there twice; other shapes;
    numbers that aren't floats, or float64 for float32, which can't hold them exactly. Nothing is
    ever unpickled. Arrays with nan or inf are loaded as they are, with a `RuntimeWarning`
    beforehand. A buffer that the file hasn't, or in another shape, stays as it is, and one that the
    model hasn't is left in the file, which is told in the same way; one that comes back is a new
    array in its attribute, so that no array of yours is written to. Raises `OSError` if there is no
    such file.

    >>> import os, tempfile
    >>> from autograd_mini import nn
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "model.npz")
    >>> nn.save(nn.Linear(2, 1, rng=0), path)
    >>> model = nn.Linear(2, 1, rng=1)
    >>> nn.load(model, path)
    >>> model.weight.data.round(2)
    array([[ 0.19, -0.33]])
    >>> folder.cleanup()
    """
    own = _entries(model)
    with Path(path).open("rb") as file:
        arrays, unknown = _read(file, path, own)
    nodes = {name for name, entry in own.items() if entry.node is not None}
    _tell_of_nan(f"loading {path}", {name: a for name, a in arrays.items() if name in nodes})
    _tell_of_buffers(path, [name for name in own if name not in arrays], unknown)
    assign(own, arrays)


def _entries(model: Module) -> dict[str, Entry]:
    """What the model consists of. Raises `ArgumentTypeError` for anything else."""
    if not isinstance(model, Module):
        raise errors.ArgumentTypeError(
            f"save and load take (model, path), and the model is a Module, not "
            f"{type(model).__name__}"
        )
    return entries(model)


def _is_safetensors(path: str | os.PathLike[str]) -> bool:
    """Whether a file is to be written in that format."""
    return Path(path).suffix.lower() == ".safetensors"


def _has_safetensors(file: IO[bytes], path: Any) -> bool:
    """Whether a file is in that format: after the length of its header, that begins."""
    start = file.read(9)
    file.seek(0)
    return start[:2] != b"PK" and (start[8:] == b"{" or _is_safetensors(path))


def _tell_of_nan(doing: str, arrays: dict[str, np.ndarray]) -> None:
    """Warn, at the line that called save or load, of the first array that isn't finite."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            what = "nan" if np.isnan(array).any() else "inf"
            warnings.warn(
                f"{doing}: {name} holds {what}, as after training that diverged; go back to "
                "an earlier file, or look for the step that made it with ag.detect_anomaly()",
                RuntimeWarning, stacklevel=3,
            )
            return


def _tell_of_buffers(path: Any, missing: list[str], unknown: list[str]) -> None:
    """Warn of buffers that stay as they are, and of those that the model has no place for."""
    if missing:
        warnings.warn(
            f"loading {path}: {listed(missing)} {'stay' if len(missing) > 1 else 'stays'} as "
            "before, for the file has no array of that name and shape (one written by an older "
            "version has none)", RuntimeWarning, stacklevel=3)
    if unknown:
        warnings.warn(
            f"loading {path}: {listed(unknown)} of the file {'are' if len(unknown) > 1 else 'is'} "
            "left out, for the model has no plain array of floats of that name",
            RuntimeWarning, stacklevel=3)


# ── writing ──────────────────────────────────────────────────────────────────────────────────

@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `path` when the block ends well, and only then."""
    target = Path(os.path.realpath(path))  # of a symbolic link, what it stands for
    check_target(target)
    fresh = target.with_name(f".nn-save-{secrets.token_hex(6)}.tmp")
    try:
        with fresh.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power failure could leave the name without the bytes
        if target.exists():
            shutil.copymode(target, fresh)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def check_target(target: Path) -> None:
    """Raise the `OSError` that opening `target` for writing would raise: replacing it wouldn't."""
    if not target.parent.is_dir():
        raise OSError(errno.ENOENT, "there is no such folder; make it first", str(target.parent))
    if target.exists() and not target.is_file():
        number = errno.EISDIR if target.is_dir() else errno.EINVAL
        raise OSError(number, "this isn't a file; give the name of one", str(target))
    if target.exists() and not os.access(target, os.W_OK):
        raise OSError(errno.EACCES, "this file is write-protected; give another", str(target))


# ── reading ──────────────────────────────────────────────────────────────────────────────────

def _read(file: IO[bytes], path: Any, own: dict[str, Entry]
          ) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays by name, once everything about the file has been checked, and the names of the
    buffers that the model hasn't.
    """
    try:
        with contextlib.ExitStack() as stack:
            if _has_safetensors(file, path):
                headers = safetensors.members(file, os.fstat(file.fileno()).st_size)
            else:
                npz.check_kind(file, path)
                headers = npz.members(stack.enter_context(zipfile.ZipFile(file)), path)
            if npz.TREE in headers:
                raise Problem(f"{path} is a checkpoint of a whole run: give it to "
                              "nn.load_checkpoint. Nothing was changed")
            found = _renamed(headers, own)
            unknown = [name for name in found if name not in own]
            members = _checked({name: header() for name, header in found.items() if name in own},
                               {name: found[name] for name in unknown}, path, own)
            # A copy in the machine's own byte order, of this file no longer.
            return {name: np.array(member.read(), own[name].value.dtype)
                    for name, member in members.items()}, unknown
    except Problem:
        raise
    except Exception as error:  # zipfile, zlib, json and NumPy raise a dozen kinds on garbage
        raise Problem(f"{path} can't be loaded: it is damaged or cut short "
                      f"({str(error) or type(error).__name__}). Nothing was changed; save it "
                      "again with nn.save") from error


def _renamed(found: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The members by today's names: before, what a `Sequential` holds was called `steps.0`."""
    today = {name: re.sub(r"(^|\.)steps\.(?=\d)", r"\1", name) for name in found}
    return {today[name] if name not in own and today[name] in own and today[name] not in found
            else name: member for name, member in found.items()}


def _checked(members: dict[str, Member], unknown: dict[str, Callable[[], Member]], path: Any,
             own: dict[str, Entry]) -> dict[str, Member]:
    """The members that take an entry's place. Raises `StorageError` if the file is another's."""
    missing = [name for name, e in own.items() if name not in members and e.node is not None]
    strangers = [name for name, header in unknown.items() if not header().is_buffer]
    problems = [f"{listed([*map(repr, names)])} {what}" for names, what in (
        (missing, "missing in the file"), (strangers, "unknown to the model")) if names]
    if problems:
        raise _doesnt_fit(path, problems)
    fitting = {name: member for name, member in members.items()  # a buffer may have changed
               if own[name].node is not None or member.shape == own[name].value.shape}
    for name, member in fitting.items():
        said = refusal(name, own[name], member.shape, member.dtype, "file")
        if said or not member.is_whole:
            problems.append(said or f"{name} is not as long in the file as its header says")
    if problems:
        raise _doesnt_fit(path, problems)
    return fitting


def _doesnt_fit(path: Any, problems: list[str]) -> errors.StorageError:
    """The error for a whole file of other parameters than the model's."""
    return Problem(f"{path} doesn't fit the model: {listed(problems, '; ')}. Nothing was changed; "
                   "make the model as it was when the file was saved")
