"""What a model consists of, by name: its parameters, and the arrays that aren't learned."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import errors

from .arguments import an_array, shown
from .module import Module, held, walk
from .randomness import own_state, set_own_state

__all__ = ["Entry", "Keys", "assign", "entries", "generators", "kept", "listed", "load_state",
           "refusal"]


class Entry(NamedTuple):
    """A parameter, or a buffer: then `node` is None, and it stands in modules, lists or dicts."""

    value: np.ndarray
    node: Any
    places: tuple[tuple[Any, Any], ...] = ()


class Keys(NamedTuple):
    """The names that a state lacked, and those that the model has no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def entries(model: Module) -> dict[str, Entry]:
    """Each parameter and buffer by name. Raises `StorageError` if two have one name."""
    if not isinstance(model, Module):
        raise errors.ArgumentTypeError(f"the model is a Module, not {type(model).__name__}")
    places: dict[int, list[tuple[Any, Any]]] = {}  # of an array, wherever it is held
    for _, holder, key in model._buffers():
        places.setdefault(id(held(holder, key)), []).append((holder, key))
    first = {name: held(holder, key) for name, holder, key in model._buffers()}
    nodes = [(name, Entry(np.asarray(p.value), p)) for name, p in model.named_parameters()]
    arrays = [(name, Entry(array, None, tuple(places[id(first[name])])))
              for name, array in model.named_buffers()]
    return dict(_each_once([*nodes, *arrays]))


def _each_once(named: Iterable[tuple[str, Entry]]) -> Iterator[tuple[str, Entry]]:
    """The pairs. Raises `StorageError` if two have one name."""
    seen: set[str] = set()
    for name, entry in named:
        if name in seen:
            raise errors.StorageError(
                f"two {'buffers' if entry.node is None else 'parameters'} of the model have the "
                f"name {name!r} (as the keys 1 and '1' of a dict give them): a file would keep "
                "one. Rename one of them")
        seen.add(name)
        yield name, entry


def refusal(name: str, entry: Entry, shape: tuple[int, ...], dtype: Any, where: str) -> str:
    """Why an array can't take the place of an entry; nothing if it can. `where` it comes from."""
    wanted = entry.value.dtype
    if dtype.hasobject:
        return f"{name} holds Python objects, which are never unpickled"
    if shape != entry.value.shape:
        return f"{name} has shape {shape} in the {where} and {entry.value.shape} in the model"
    if dtype.kind != wanted.kind or not np.can_cast(dtype, wanted, "safe"):
        return (f"{name} has dtype {dtype} in the {where}, which {wanted} in the model doesn't "
                "hold exactly")
    return ""


def load_state(model: Module, state: Mapping[str, Any], strict: bool) -> Keys:
    """See `Module.load_state_dict`."""
    if not isinstance(state, Mapping):
        raise errors.ArgumentTypeError(f"a state is a dict of arrays by name, not {shown(state)}")
    own = entries(model)
    given = {str(name): an_array(array, str(name)) for name, array in state.items()}
    keys = Keys([name for name in own if name not in given],
                [name for name in given if name not in own])
    problems = [f"{listed([*map(repr, names)])} {what}" for names, what in zip(
        keys, ("missing in the state", "unknown to the model"), strict=True) if names and strict]
    arrays = {name: array for name, array in given.items() if name in own}
    problems += [said for name, a in arrays.items() if (
        said := refusal(name, own[name], a.shape, a.dtype, "state"))]
    if problems:
        raise errors.StorageError(f"the state doesn't fit the model: {listed(problems, '; ')}. "
                                  "Nothing was changed")
    assign(own, arrays)
    return keys


def assign(own: dict[str, Entry], arrays: Mapping[str, np.ndarray]) -> None:
    """Give entries their numbers, all of them or, if it is interrupted, none.

    Buffers become new arrays, so that no array of the user's is written to.
    """
    before = _held(own)
    try:
        for name, array in arrays.items():
            _give(own[name], np.array(array, own[name].value.dtype))
    except BaseException:  # a KeyboardInterrupt too
        _put_back(before)
        raise


@contextlib.contextmanager
def kept(model: Module) -> Iterator[None]:
    """A block after which the model's numbers, gradients and generators are what they were."""
    nodes = [(p, p.value, p.gradient) for _, p in model.named_parameters()]
    buffers = [(holder, key, held(holder, key)) for _, holder, key in model._buffers()]
    contents = [(x, x.copy()) for *_, x in buffers if isinstance(x, np.ndarray)]
    states = [(rng, copy.deepcopy(rng.bit_generator.state)) for rng in generators(model).values()]
    own = own_state()
    try:
        yield
    finally:
        for p, value, gradient in nodes:
            p.value, p.grad = value, gradient
        for holder, key, array in buffers:
            hold(holder, key, array)
        for array, content in contents:
            if array.flags.writeable:  # it may have been written into
                array[...] = content
        for rng, state in states:
            rng.bit_generator.state = state
        set_own_state(own)


def generators(model: Module) -> dict[str, np.random.Generator]:
    """The generators that modules hold, also in lists and dicts, by path."""
    return {path: x for path, x in walk(model) if isinstance(x, np.random.Generator)}


def hold(holder: Any, key: Any, x: Any) -> None:
    """Put x there."""
    if isinstance(holder, Module):
        setattr(holder, key, x)
    else:
        holder[key] = x


def _held(own: dict[str, Entry]) -> list[tuple[Entry, Any]]:
    """The numbers of each entry, as they are held."""
    return [(entry, entry.node.value if entry.node is not None else
             [held(holder, key) for holder, key in entry.places]) for entry in own.values()]


def _give(entry: Entry, array: np.ndarray) -> None:
    """One entry's new numbers."""
    if entry.node is not None:
        entry.node.data = array
    for holder, key in entry.places:
        scalar = isinstance(held(holder, key), np.floating)
        hold(holder, key, array[()] if scalar else array)


def _put_back(before: list[tuple[Entry, Any]]) -> None:
    """What was there."""
    for entry, was in before:
        if entry.node is not None:
            entry.node.value = was
        for (holder, key), old in zip(entry.places, was if entry.places else (), strict=True):
            hold(holder, key, old)


def listed(names: list[str], between: str = ", ") -> str:
    """The first few."""
    more = f"{between}and {len(names) - 3} more" if len(names) > 3 else ""
    return between.join(names[:3]) + more
