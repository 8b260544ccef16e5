"""Parameters go to a file and come back by name: NumPy's .npz, read with care.

A file may be cut short, of another model, or made to do harm. So `load` looks at the list of
members and at each array's header first, and unpacks only what has the parameters' own names,
shapes and precision; and it replaces the parameters only when all of them have been read.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import shutil
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from autograd_mini import errors

from .module import Module

__all__ = ["load", "save"]

FOLDER = "parameters/"  # before each name, for a parameter may be called `file`, as savez's own is
BUFFERS = "buffers/"  # the same of what isn't learned
LONGEST_HEADER = 4096  # bytes; of an array of numbers it is 128

Problem = errors.StorageError


def save(model: Module, path: str | os.PathLike[str]) -> None:
    """Write every parameter and buffer of `model` to `path` (.npz), under its name.

    The file is complete or isn't there: it is written beside `path` and then takes its place, so
    whatever interrupts it leaves an older file as it was. Warns (`RuntimeWarning`, before
    anything is written) of parameters that hold nan or inf. Raises `StorageError` if two
    parameters have one name, `ArgumentTypeError` if `model` isn't a Module, `OSError` where a
    file can't be written.
    """
    arrays = {name: np.asarray(p.value) for name, p in _named(model).items()}
    _tell_of_nan(f"saving {path}", arrays)
    members: dict[str, Any] = {FOLDER + name: array for name, array in arrays.items()}
    members |= {BUFFERS + name: array for name, array in _named_buffers(model).items()}
    with _replacing(Path(path)) as file:
        np.savez(file, **members)


def load(model: Module, path: str | os.PathLike[str]) -> None:
    """Read the parameters and buffers that `save` wrote into a model of the same form.

    The parameters stay the same nodes, so an optimizer that steps them goes on doing so. All of
    them are replaced or none: whatever is wrong with the file is one `StorageError` (a
    `ValueError`) before anything is changed, and before an array is unpacked that isn't of its
    parameter's shape. That is: no .npz file, or a damaged one; names that are missing, unknown or
    there twice; other shapes; numbers that aren't floats, or float64 for float32, which can't
    hold them exactly. Nothing is ever unpickled. Arrays with nan or inf are loaded
    as they are, with a `RuntimeWarning` beforehand. A buffer that the file hasn't, or in another
    shape, stays as it is, and one that the model hasn't is left in the file, which is told in the
    same way; one that comes back is a new array in its attribute, so that no array of yours is
    written to. Raises `OSError` if there is no such file.
    """
    own, buffers = _named(model), _named_buffers(model)
    with Path(path).open("rb") as file:
        arrays, kept, unknown = _read(file, path, own, buffers)
    _tell_of_nan(f"loading {path}", arrays)
    _tell_of_buffers(path, [name for name in buffers if name not in kept], unknown)
    before = [(parameter, parameter.value) for parameter in own.values()]
    held = [(module, key, getattr(module, key)) for _, module, key in model._buffers()]
    first = {name: getattr(module, key) for name, module, key in model._buffers()}
    come_back = {id(first[name]): array for name, array in kept.items()}
    try:
        for module, key, array in held:
            if id(array) in come_back:
                fresh = come_back[id(array)]
                setattr(module, key, fresh if isinstance(array, np.ndarray) else fresh[()])
        for name, parameter in own.items():
            parameter.data = arrays[name]
    except BaseException:  # a KeyboardInterrupt too
        for parameter, value in before:
            parameter.value = value
        for module, key, array in held:
            setattr(module, key, array)
        raise


def _named(model: Module) -> dict[str, Any]:
    """The parameters by name, if each has its own."""
    if not isinstance(model, Module):
        raise errors.ArgumentTypeError(
            f"save and load take (model, path), and the model is a Module, not "
            f"{type(model).__name__}"
        )
    return _each_once("parameters", model.named_parameters())


def _named_buffers(model: Module) -> dict[str, np.ndarray]:
    """The buffers by name, if each has its own."""
    return _each_once("buffers", model.named_buffers())


def _each_once(what: str, named: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """A dict of pairs. Raises `StorageError` if two have one name."""
    found: dict[str, Any] = {}
    for name, x in named:
        if name in found:
            raise Problem(f"two {what} of the model have the name {name!r} (as the keys 1 and '1' "
                          "of a dict give them): a file would keep one. Rename one of them")
        found[name] = x
    return found


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
            f"loading {path}: {_listed(missing)} {'stay' if len(missing) > 1 else 'stays'} as "
            "before, for the file has no array of that name and shape (one written by an older "
            "version has none)", RuntimeWarning, stacklevel=3)
    if unknown:
        warnings.warn(
            f"loading {path}: {_listed(unknown)} of the file {'are' if len(unknown) > 1 else 'is'} "
            "left out, for the model has no plain array of floats of that name",
            RuntimeWarning, stacklevel=3)


# ── writing ──────────────────────────────────────────────────────────────────────────────────

@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `path` when the block ends well, and only then."""
    target = Path(os.path.realpath(path))  # of a symbolic link, what it stands for
    _check_target(target)
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


def _check_target(target: Path) -> None:
    """Raise the `OSError` that opening `target` for writing would raise: replacing it wouldn't."""
    if not target.parent.is_dir():
        raise OSError(errno.ENOENT, "there is no such folder; make it first", str(target.parent))
    if target.exists() and not target.is_file():
        number = errno.EISDIR if target.is_dir() else errno.EINVAL
        raise OSError(number, "this isn't a file; give the name of one", str(target))
    if target.exists() and not os.access(target, os.W_OK):
        raise OSError(errno.EACCES, "this file is write-protected; give another", str(target))


# ── reading ──────────────────────────────────────────────────────────────────────────────────

class _Member(NamedTuple):
    """An array in the file, of which only the header has been read."""

    info: zipfile.ZipInfo
    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype[Any]
    start: int  # where its numbers start


def _read(file: IO[bytes], path: Any, own: dict[str, Any], buffers: dict[str, np.ndarray]
          ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], list[str]]:
    """The parameters and the buffers by name, once everything about the file has been checked, and
    the names of the buffers that the model hasn't.
    """
    _check_kind(file, path)
    try:
        with zipfile.ZipFile(file) as archive:
            infos, others = _by_name(archive, path)
            _check_names(infos, path, own)
            members = {name: _header(archive, infos[name]) for name in own}
            _check_arrays(members, path, own)
            fitting = {name: _header(archive, others[name]) for name in buffers if name in others}
            fitting = {name: member for name, member in fitting.items() if _fits(
                member, buffers[name])}
            return ({name: _numbers(archive, member).astype(own[name].dtype, copy=False)
                     for name, member in members.items()},
                    {name: _numbers(archive, member).copy() for name, member in fitting.items()},
                    [name for name in others if name not in buffers])
    except Problem:
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen kinds on garbage
        raise Problem(f"{path} can't be loaded: it is damaged or cut short "
                      f"({str(error) or type(error).__name__}). Nothing was changed; save it "
                      "again with nn.save") from error


def _check_kind(file: IO[bytes], path: Any) -> None:
    """Raise `StorageError` for a file that isn't a zip archive, and say what it is."""
    start = file.read(6)
    file.seek(0)
    if start[:2] == b"PK":
        return
    what = ("is empty" if not start
            else "holds one array without a name (.npy)" if start == b"\x93NUMPY"
            else f"isn't an .npz file (it starts with {start!r})")
    raise Problem(f"{path} can't be loaded: it {what}. Nothing was changed; give a file that "
                  "nn.save wrote")


def _fits(member: _Member, buffer: np.ndarray) -> bool:
    """Whether an array of the file can take the place of a buffer."""
    info, shape, _, dtype, start = member
    return shape == buffer.shape and dtype.kind == "f" and not dtype.hasobject and (
        info.file_size == start + buffer.size * dtype.itemsize)


def _by_name(archive: zipfile.ZipFile, path: Any
             ) -> tuple[dict[str, zipfile.ZipInfo], dict[str, zipfile.ZipInfo]]:
    """The members by the names of the parameters, and of the buffers, that they are for."""
    parameters: dict[str, zipfile.ZipInfo] = {}
    buffers: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        of_buffer = info.filename.startswith(BUFFERS)
        what, folder, found = (("buffer", BUFFERS, buffers) if of_buffer
                               else ("parameter", FOLDER, parameters))
        name = info.filename.removesuffix(".npy").removeprefix(folder)
        if name in found:
            raise Problem(
                f"{path} can't be loaded: it has two arrays for the {what} {name!r} "
                f"({found[name].filename} and {info.filename}). Nothing was changed; save the "
                "model again with nn.save"
            )
        found[name] = info
    return parameters, buffers


def _check_names(infos: dict[str, Any], path: Any, own: dict[str, Any]) -> None:
    """Raise `StorageError` unless the file has each parameter's name and no other."""
    missing, unknown = [n for n in own if n not in infos], [n for n in infos if n not in own]
    problems = [f"{_listed([*map(repr, missing)])} missing in the file"] if missing else []
    problems += [f"{_listed([*map(repr, unknown)])} unknown to the model"] if unknown else []
    if problems:
        raise _doesnt_fit(path, problems)


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    """What the header of an array says, of which no more than that is unpacked."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{info.filename} is packed in a way that NumPy doesn't use")
    with archive.open(info) as packed:
        start = io.BytesIO(packed.read(LONGEST_HEADER))
    version = np.lib.format.read_magic(start)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{info.filename} is an array in format {version}, not 1.0 or 2.0")
    read = (np.lib.format.read_array_header_1_0 if version == (1, 0)
            else np.lib.format.read_array_header_2_0)
    shape, by_columns, dtype = read(start, max_header_size=LONGEST_HEADER)
    return _Member(info, shape, by_columns, dtype, start.tell())


def _check_arrays(members: dict[str, _Member], path: Any, own: dict[str, Any]) -> None:
    """Raise `StorageError` unless each array is what its parameter can hold exactly."""
    problems = []
    for name, (info, shape, _, dtype, start) in members.items():
        wanted = own[name].dtype
        if dtype.hasobject:
            problems.append(f"{name} holds Python objects, which are never unpickled")
        elif shape != own[name].shape:
            problems.append(f"{name} has shape {shape} in the file and {own[name].shape} in the "
                            "model")
        elif dtype.kind != "f" or not np.can_cast(dtype, wanted, "safe"):
            problems.append(f"{name} has dtype {dtype} in the file, which {wanted} in the model "
                            "doesn't hold exactly")
        elif info.file_size != start + own[name].size * dtype.itemsize:
            problems.append(f"{name} is not as long in the file as its header says")
    if problems:
        raise _doesnt_fit(path, problems)


def _numbers(archive: zipfile.ZipFile, member: _Member) -> np.ndarray:
    """The array itself; `zipfile` compares its checksum."""
    with archive.open(member.info) as packed:
        data = packed.read(member.info.file_size)  # read() without a size may unpack 2 GB at once
    if len(data) != member.info.file_size:
        raise ValueError(f"{member.info.filename} is cut short")
    flat = np.frombuffer(data, member.dtype, offset=member.start)
    return flat.reshape(member.shape, order="F" if member.by_columns else "C")


def _doesnt_fit(path: Any, problems: list[str]) -> errors.StorageError:
    """The error for a whole file of other parameters than the model's."""
    return Problem(f"{path} doesn't fit the model: {_listed(problems, '; ')}. Nothing was changed; "
                   "make the model as it was when the file was saved")


def _listed(names: list[str], between: str = ", ") -> str:
    """The first few."""
    more = f"{between}and {len(names) - 3} more" if len(names) > 3 else ""
    return between.join(names[:3]) + more
