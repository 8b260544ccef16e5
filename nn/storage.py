"""Parameters to a file and back: NumPy's .npz, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .module import Module

__all__ = ["load", "save"]

FOLDER = "parameters/"  # before each name, for a parameter may be called `file`, as savez's own is


def save(model: Module, path: str | Path) -> None:
    """Write every parameter of `model` to `path` (.npz), under its name."""
    named = model.named_parameters()
    arrays: dict[str, Any] = {FOLDER + name: np.asarray(p.data) for name, p in named}
    with Path(path).open("wb") as file:
        np.savez(file, **arrays)


def load(model: Module, path: str | Path) -> None:
    """Read the parameters that `save` wrote into a model of the same form.

    Raises `ValueError`, before anything is changed, if names or shapes differ.
    """
    own = dict(model.named_parameters())
    with np.load(path, allow_pickle=False) as file:
        arrays = {name.removeprefix(FOLDER): file[name] for name in file.files}
    wrong = sorted(
        name for name in own.keys() | arrays.keys()
        if name not in own or name not in arrays or np.shape(own[name].data) != arrays[name].shape
    )
    if wrong:
        raise ValueError(f"{path} doesn't fit the model: {', '.join(wrong)} missing or of "
                         "another shape")
    for name, parameter in own.items():
        parameter.data = arrays[name]
