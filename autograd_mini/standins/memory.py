"""The memory of an array that takes nodes: its plain numbers, and where each of them came from.

NumPy's arrays are written to, and a graph never changes. So a write of a node makes a note: these
entries came from that node. A read gives a node made of what the entries came from, and what was
read before stays the older one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..graph import Node, value_of
from ..ops import broadcast_to, concatenate, reshape, stack, where
from ..recording import lock

__all__ = ["PLAIN", "Memory", "gathered", "in_order"]

PLAIN = -1
"""The source of an entry that was never written by a node: its number stands in the array."""


class Memory:
    """What arrays share that are views of one another.

    | field      | what it is                                                                  |
    |------------|-----------------------------------------------------------------------------|
    | `array`    | the plain numbers, always up to date; contiguous                            |
    | `whole`    | the node that all entries came from, in its own order; None if there is none|
    | `sources`  | the nodes that were written; `whole` is the first                           |
    | `source`   | for each entry, which of the sources it came from; None: all from `whole`   |
    | `position` | for each entry, which entry of its source, counted in C's order             |
    | `version`  | how often it was written to                                                 |
    | `rows`     | the sources of rows that were written whole, and by no other write since    |
    | `on_write` | what is called before a write, if the array is one from outside             |

    The two arrays of notes lie as `array` does, so that a view of it has views of them at the same
    place: NumPy itself says which entries an index means.
    """

    __slots__ = ("array", "on_write", "origin", "owned", "position", "rows", "source",
                 "sources", "version", "whole")

    def __init__(self, array: np.ndarray, whole: Node | None = None) -> None:
        self.array, self.whole, self.owned = array, whole, whole is None
        self.sources: list[Node] = [] if whole is None else [whole]
        self.source: np.ndarray | None = None
        self.position: np.ndarray | None = None
        self.rows: dict[int, Node] = {}
        self.version = self.origin = 0
        self.on_write: Callable[[], None] | None = None

    @classmethod
    def of_node(cls, node: Node) -> Memory:
        """The memory of an array that holds what the node holds."""
        array = node.value
        if not (array.flags.c_contiguous or array.flags.f_contiguous):
            array = np.ascontiguousarray(array)
        lock(array)
        return cls(array, node)

    @property
    def is_plain(self) -> bool:
        """Whether no node was ever written to it."""
        return self.whole is None and self.source is None

    def own(self) -> None:
        """Before a write: a node's array must not change."""
        if self.on_write is not None:
            self.on_write()
        if not self.owned:
            self.origin = address(self.array)
            self.array = np.array(self.array, order="K")
            self.owned = True

    def current(self, view: np.ndarray) -> np.ndarray:
        """The view at the same place of the array as it is now: `own` may have exchanged it."""
        array = self.array
        if not self.owned or view is array or view.base is array or np.may_share_memory(
                view, array):
            return view
        return view_at(address(view) - self.origin, view.shape, view.strides, array)

    def covers(self, view: np.ndarray) -> bool:
        """Whether the view is of all entries, in their order."""
        return view.shape == self.array.shape and view.strides == self.array.strides

    def take_notes(self) -> None:
        """Before the first write of a node, or over one: a note for each entry."""
        if self.source is not None:
            return
        self.source = np.full_like(self.array, PLAIN if self.whole is None else 0, dtype=np.int64)
        self.position = np.empty_like(self.array, dtype=np.int64)
        if self.whole is not None:
            self.position[...] = in_order(self.array.shape)

    def add_source(self, node: Node) -> int:
        """The number of a new source. Those that nothing came from any longer are let go."""
        source: Any = self.source
        if len(self.sources) > 2 * source.size + 16:
            kept, places = np.unique(source, return_inverse=True)
            plain = bool(kept.size and kept[0] == PLAIN)
            source[...] = places.reshape(source.shape) - plain
            self.sources = [self.sources[i] for i in kept[plain:]]
        self.whole = None
        self.sources.append(node)
        return len(self.sources) - 1

    def becomes(self, node: Node) -> None:
        """All entries come from this node now, in its own order."""
        self.whole, self.sources, self.source, self.position = node, [node], None, None

    def notes(self, view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The notes on the entries of a view of `array`: their sources, and positions there."""
        assert self.source is not None
        assert self.position is not None
        if self.covers(view):
            return self.source, self.position
        size = self.array.itemsize  # the notes are of another
        start = (address(view) - address(self.array)) // size
        strides = tuple([step // size for step in view.strides])
        return (view_at(8 * start, view.shape, tuple([8 * n for n in strides]), self.source),
                view_at(8 * start, view.shape, tuple([8 * n for n in strides]), self.position))


def address(array: np.ndarray) -> int:
    """Where the first entry lies."""
    found: int = array.__array_interface__["data"][0]
    return found


def view_at(start: int, shape: tuple[int, ...], strides: tuple[int, ...], array: np.ndarray
            ) -> np.ndarray:
    """The view of a contiguous array that begins `start` bytes behind its first entry."""
    flat = array.ravel(order="K")
    if 0 in shape:
        return np.empty(shape, array.dtype)
    view = np.ndarray(shape, array.dtype, flat, start, strides)
    view.flags.writeable = not _overlaps(shape, strides, array.itemsize)
    return view


def _overlaps(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> bool:
    """Whether an entry may be named twice: NumPy lets nobody write to such a view."""
    reach = itemsize
    for stride, n in sorted(zip(map(abs, strides), shape, strict=True)):
        if n > 1:
            if stride < reach:
                return True
            reach = stride * n
    return False


def gathered(memory: Memory, view: np.ndarray, source: np.ndarray, position: np.ndarray) -> Any:
    """The entries of a view as one node; as a plain array if none of them came from a node."""
    if not view.size:
        return np.array(view)
    one = source.item(0)
    if (source == one).all():
        return np.array(view) if one == PLAIN else _entries_of(memory.sources[one], position)
    used = np.unique(source).tolist()
    if used[0] == PLAIN and len(used) == 2:
        node = memory.sources[used[1]]
        mask = source != PLAIN
        if np.size(node.value) == view.size and _in_order(position, mask):
            return where(mask, _shaped(node, view.shape), np.array(view))
    return _assembled(memory.sources, source, position, view)


def in_order(shape: tuple[int, ...]) -> np.ndarray:
    """The positions of an array's own entries: 0, 1, 2, … in C's order."""
    return _few_in_order(shape) if math.prod(shape) < 1000 else _all_in_order(shape)


def _all_in_order(shape: tuple[int, ...]) -> np.ndarray:
    places = np.arange(math.prod(shape)).reshape(shape)
    places.flags.writeable = False
    return places


_few_in_order = lru_cache(maxsize=64)(_all_in_order)  # rows are asked for again and again


def _in_order(position: np.ndarray, mask: Any = None) -> bool:
    """Whether each entry stands where it stood in its source; looked at where the mask is set."""
    places = in_order(position.shape)
    same = position == places
    return bool(same.all() if mask is None else same[mask].all())


def _shaped(node: Any, shape: tuple[int, ...]) -> Any:
    return node if np.shape(node.value) == shape else reshape(node, shape=shape)


def _entries_of(node: Any, position: np.ndarray) -> Any:
    """Some entries of one node, in the order and shape of `position`."""
    size = np.size(node.value)
    if size == position.size and _in_order(position):
        return _shaped(node, position.shape)
    if size == 1:
        return broadcast_to(_shaped(node, ()), shape=position.shape)
    return _flat(node)[np.array(position)]


def _assembled(sources: Sequence[Any], source: np.ndarray, position: np.ndarray,
               view: np.ndarray) -> Any:
    """A node made of entries of several: single numbers are stacked, arrays joined and indexed."""
    used, first = np.unique(source, return_index=True)
    order = used[np.argsort(first)].tolist()
    if all([i == PLAIN or np.size(sources[i].value) == 1 for i in order]):
        singles = zip(source.ravel().tolist(), view.ravel().tolist(), strict=True)
        entries = [x if i == PLAIN else _shaped(sources[i], ()) for i, x in singles]
        return _of_dtype(_shaped(stack(entries), view.shape), view)
    parts = [np.array(view[source == PLAIN]) if i == PLAIN else _flat(sources[i]) for i in order]
    starts = np.cumsum([0, *[np.size(value_of(part)) for part in parts]])
    start = np.empty(len(used), int)
    start[np.argsort(first)] = starts[:-1]
    index = np.where(source == PLAIN, np.cumsum(source == PLAIN).reshape(view.shape) - 1, position)
    index += start[np.searchsorted(used, source)]
    joined = concatenate(parts)
    as_joined = index.size == starts[-1] and _in_order(index)
    return _of_dtype(_shaped(joined, view.shape) if as_joined else joined[index], view)


def _flat(node: Any) -> Any:
    shape = np.shape(node.value)
    return node if len(shape) == 1 else reshape(node, shape=(-1,))


def _of_dtype(node: Any, view: np.ndarray) -> Any:
    return node if node.value.dtype == view.dtype else node.astype(view.dtype)
