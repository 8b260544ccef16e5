"""Nested containers of numbers and arrays: taken apart into leaves, and put together again.

Tuples, lists, dicts, dataclasses and classes derived from them are containers; all else is a leaf.
What is put together is of the same kind as what was taken apart, or the kind is refused by name;
`flatten` makes one vector of all numbers, and back.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np

from .errors import DTypeError, ShapeError, with_article
from .graph import Node, value_of
from .ops import astype, concatenate, reshape, shape
from .recording import plain_array

__all__ = ["flat", "flatten", "is_nested", "is_nested_array", "nested_array", "rebuilt",
           "steps_into", "tree_fill", "tree_leaves", "tree_map", "why_a_leaf"]

_CONTAINERS = (dict, tuple, list)


def tree_leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, leaf) of a nested container; the path reads like Python: `[0]['W'].scale`.

    An array of objects (of Values, in a program that `compile` records) is nested too.
    """
    if is_nested(tree):
        for step, branch in steps_into(tree):
            yield from tree_leaves(branch, path + step)
    else:
        yield path, tree


def tree_map(function: Callable[..., Any], tree: Any) -> Any:
    """The tree with `function` applied to each leaf; each container as `rebuilt` makes it."""
    if is_nested(tree):
        return rebuilt(tree, [tree_map(function, branch) for branch in _entries(tree)])
    return function(tree)


def tree_fill(tree: Any, leaves: Sequence[Any]) -> Any:
    """The tree with its leaves replaced, in order; a None stays, and takes none of them."""
    rest = iter(leaves)
    return tree_map(lambda x: None if x is None else next(rest), tree)


def flat(tree: Any) -> list[Any]:
    """The leaves alone."""
    if not is_nested(tree):
        return [tree]
    found: list[Any] = []
    for branch in _entries(tree):
        found += flat(branch) if is_nested(branch) else (branch,)
    return found


def flatten(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """(vector, unflatten): all numbers of the tree in one array of one axis, and the way back.

    unflatten(vector) has the containers, shapes and dtypes of the tree, for an array or a node, and
    is differentiable; so it makes a loss of a tree one of a vector, as SciPy's optimizers want it.
    A None in the tree stays one. Raises `DTypeError` for what is no real number, `ShapeError` from
    unflatten for an array of another length.

    >>> vector, unflatten = flatten({"W": np.eye(2), "b": 3.0})
    >>> vector
    array([1., 0., 0., 1., 3.])
    >>> unflatten(2 * vector)["b"]
    6.0
    """
    leaves = [_numbers(x, path) for path, x in tree_leaves(tree) if x is not None]
    vector = concatenate([reshape(x, (-1,)) for x in leaves]) if leaves else np.zeros(0)
    form = tree_fill(tree, [0.0 if type(value_of(x)) is float else np.zeros_like(value_of(x))
                            for x in leaves])
    return vector, partial(_unflatten, form)


def _numbers(x: Any, path: str) -> Any:
    """A leaf as a float or an array of floats; a node as it is."""
    if isinstance(x, Node):
        return x
    array = plain_array(x, f"the tree{path and ' at ' + path}")
    if not isinstance(x, np.ndarray):
        return float(array)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _unflatten(form: Any, vector: Any) -> Any:
    """The tree of this form that `flatten` made this vector of."""
    leaves = [x for x in flat(form) if x is not None]
    ends = np.cumsum([0, *[np.size(x) for x in leaves]])
    if shape(vector) != (ends[-1],):
        raise ShapeError(f"unflatten takes an array of shape ({ends[-1]},), not {shape(vector)}")
    return tree_fill(form, [_part(vector[start:end], x)
                            for start, end, x in zip(ends, ends[1:], leaves, strict=False)])


def _part(numbers: Any, form: Any) -> Any:
    """Numbers in the shape and dtype of a leaf."""
    if type(form) is float:
        return float(numbers[0]) if isinstance(numbers[0], np.floating) else numbers[0]
    x = reshape(numbers, form.shape)
    same = value_of(x).dtype in (form.dtype, object)  # object: the Values of a program
    return x if same else astype(x, dtype=form.dtype)


def is_nested(x: Any) -> bool:
    """Whether x is a container rather than a leaf."""
    kind: Any = type(x)
    asks = _asks(kind)
    return asks is not None and asks(x)


@lru_cache(maxsize=256)  # each number that is differentiated by is asked for
def _asks(kind: type) -> Callable[[Any], bool] | None:
    """What decides whether something of this kind is a container; None if it never is."""
    if issubclass(kind, _CONTAINERS):
        return lambda x: True
    if issubclass(kind, np.ndarray):
        return is_nested_array
    return (lambda x: not why_a_leaf(x)) if hasattr(kind, "__dataclass_fields__") else None


def is_nested_array(x: Any) -> bool:
    """Whether x is an array of objects."""
    return isinstance(x, np.ndarray) and x.dtype == object


def nested_array(entries: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    """The entries as an array of objects; arrays of one shape become its last axes."""
    inner = {np.shape(x) if isinstance(x, np.ndarray) else None for x in entries}
    if len(inner) == 1 and None not in inner:
        return np.stack(entries).reshape(shape + entries[0].shape)
    array = np.empty(len(entries), dtype=object)
    for i, x in enumerate(entries):
        array[i] = x
    return array.reshape(shape)


def steps_into(tree: Any) -> list[tuple[str, Any]]:
    """(step, entry) of one container: `['W']` in a dict, `[0]` in a list, `.W` of a dataclass."""
    if isinstance(tree, dict):
        return [(f"[{key!r}]", branch) for key, branch in _items(tree)]
    if isinstance(tree, tuple | list):
        return [(f"[{i}]", branch) for i, branch in enumerate(_entries(tree))]
    if is_nested_array(tree):
        return [(str(list(place)), branch) for place, branch in np.ndenumerate(tree)]
    return [(f".{name}", getattr(tree, name)) for name in _fields(tree)]


def _entries(tree: Any) -> Sequence[Any]:
    """The entries of one container, as they lie in it, whatever its class makes of them."""
    if type(tree) is tuple or type(tree) is list:
        return tree
    if type(tree) is dict:
        return [*tree.values()]
    if isinstance(tree, dict):
        return [branch for _, branch in _items(tree)]
    if isinstance(tree, tuple | list):
        return [*(tuple.__iter__(tree) if isinstance(tree, tuple) else list.__iter__(tree))]
    if is_nested_array(tree):
        return [*tree.flat]
    return [getattr(tree, name) for name in _fields(tree)]


def _items(tree: dict[Any, Any]) -> Any:
    return OrderedDict.items(tree) if isinstance(tree, OrderedDict) else dict.items(tree)


def _keys(tree: dict[Any, Any]) -> list[Any]:
    return [key for key, _ in _items(tree)]


def _fields(x: Any) -> list[str]:
    """The names of a dataclass's fields that are set."""
    return [field.name for field in dataclasses.fields(x) if hasattr(x, field.name)]


def rebuilt(tree: Any, entries: Sequence[Any]) -> Any:
    """A container of the kind of `tree`, with the same keys in the same order, and these entries.

    A class of the user's own is called with its entries, and must then hold just these: raises
    `DTypeError` naming the class if it can't be called so, changes them, or has attributes beside.
    """
    kind = type(tree)
    if kind is list or kind is tuple:
        return kind(entries)
    if kind is dict:
        return dict(zip(tree, entries, strict=True))
    if isinstance(tree, np.ndarray):
        return nested_array(entries, tree.shape).view(kind)
    if not isinstance(tree, _CONTAINERS):
        return _dataclass(tree, entries)
    new, why = _called(tree, entries)
    if why and all(a is b for a, b in zip(entries, _entries(tree), strict=True)):
        return tree  # nothing is to be replaced
    if why:
        base = next(base for base in _CONTAINERS if isinstance(tree, base)).__name__
        raise DTypeError(
            f"{with_article(kind.__name__)} can't be rebuilt with other entries, as a gradient "
            f"has: {why}; give a plain {base}, and make the {kind.__name__} inside the function"
        )
    return new


def _called(tree: Any, entries: Sequence[Any]) -> tuple[Any, str]:
    """What the class of a container makes of other entries; or why it isn't what was asked for."""
    if beside := _attributes(tree):
        return None, f"its attribute {beside[0]} would be lost"
    kind: Any = type(tree)
    try:
        if isinstance(tree, dict):
            pairs = dict(zip(_keys(tree), entries, strict=True))
            factory = [tree.default_factory] if isinstance(tree, defaultdict) else []
            new = kind(*factory, pairs)
        else:
            new = kind._make(entries) if hasattr(kind, "_make") else kind(entries)
    except Exception as error:
        return None, f"its class, called with them, raised {type(error).__name__}: {error}"
    if not _holds(new, tree, entries):
        return None, "its class, called with them, made something else of them"
    return new, ""


def _holds(new: Any, tree: Any, entries: Sequence[Any]) -> bool:
    """Whether a new container is what was asked for: its kind, its keys, the very entries."""
    if type(new) is not type(tree):
        return False
    if isinstance(tree, dict) and _keys(new) != _keys(tree):
        return False
    if isinstance(tree, defaultdict) and new.default_factory is not tree.default_factory:
        return False
    held = _entries(new)
    return len(held) == len(entries) and all(a is b for a, b in zip(held, entries, strict=True))


def _dataclass(tree: Any, entries: Sequence[Any]) -> Any:
    """Another instance with other fields, also if it is frozen."""
    kind: Any = type(tree)
    new = kind.__new__(kind)
    for name, entry in zip(_fields(tree), entries, strict=True):
        object.__setattr__(new, name, entry)
    return new


def why_a_leaf(x: Any) -> str:
    """Why a dataclass isn't taken apart; "" if it is, or if x is no dataclass.

    Another instance is made without `__init__`, which might check or convert the numbers.
    """
    if not hasattr(type(x), "__dataclass_fields__"):
        return ""
    if hasattr(type(x), "__post_init__"):
        return "its class has a __post_init__, which would not be run for other numbers"
    known = {field.name for field in dataclasses.fields(x)}
    beside = [name for name in _attributes(x) if name not in known
              and not isinstance(getattr(type(x), name, None), cached_property)]
    return f"its attribute {beside[0]} isn't a field, and would be lost" if beside else ""


def _attributes(x: Any) -> list[str]:
    """The names of what is set on an instance."""
    own = _attribute(x, "__dict__", {})
    names = [] if own is x else [*own]  # a dict that is its own namespace: its entries
    for kind in type(x).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if _attribute(x, name, slots) is not slots:
                names.append(name)  # noqa: PERF401  it needs the two loops
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _attribute(x: Any, name: str, otherwise: Any) -> Any:
    """The attribute, without asking a `__getattr__` of its class."""
    try:
        return object.__getattribute__(x, name)
    except AttributeError:
        return otherwise
