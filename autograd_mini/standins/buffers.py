"""A Buffer is an array that takes nodes: it is written to as NumPy's are, and the graph stays true.

The array and its views all show what was written, as in NumPy. What was computed from it before
keeps what it was computed from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..compiler.values import Values
from ..graph import Node, value_of
from ..ops import stack
from ..recording import current_tracer, notify_constant
from ..tensor import Tensor
from ..trees import nested_array
from .conversions import Conversions
from .memory import PLAIN, Memory, gathered, in_order

__all__ = ["Buffer", "as_buffer", "constant", "content", "contents", "copied", "holds_nodes",
           "joined", "numbers", "of_float", "root_of"]


class Buffer(Conversions):
    """An array of floats in a function that is run as it is written.

    It is in one of three states. What an operation has returned holds its `node` alone, for no
    other array shares its memory yet. A plain one has a `memory` that no node was written to. All
    others are views of a memory with notes, and `node` is what was read at `version`.
    """

    __slots__ = ("_notes", "entries", "memory", "node", "version")

    node: Any
    _notes: Any
    memory: Any
    entries: Any  # a view of the memory's array; not named as an attribute of NumPy's arrays is
    version: int

    def __init__(self, node: Any, memory: Memory | None = None, view: Any = None) -> None:
        self.node, self.memory, self.entries, self._notes = node, memory, view, None
        self.version = -1 if memory is None or node is None else memory.version

    # ── what is in it ────────────────────────────────────────────────────────────────────────

    def content(self) -> Any:
        """The node of what is in it now; the plain array if no node ever was."""
        memory = self.memory
        if memory is None:
            return self.node
        if memory.is_plain:
            return self.entries
        if self.version != memory.version:
            self.node, self.version = self._read(), memory.version
        return self.node

    def _read(self) -> Any:
        memory, view = self.memory, self.array
        whole = memory.covers(view)
        if whole and memory.whole is not None:
            return memory.whole
        memory.take_notes()
        node = gathered(memory, view, *self.notes())
        if whole and isinstance(node, Node):
            memory.becomes(node)
        return node

    @property
    def array(self) -> np.ndarray:
        """The plain numbers, as a view of the memory."""
        if self.memory is None:
            array: np.ndarray = self.node.value
            return array
        self.entries = self.memory.current(self.entries)
        found: np.ndarray = self.entries
        return found

    def notes(self) -> tuple[np.ndarray, np.ndarray]:
        """The memory's notes on these entries; found once for as long as they stay where they are.
        """
        source = self.memory.source
        if self._notes is None or self._notes[0] is not source:
            self._notes = source, self.memory.notes(self.array)
        found: tuple[np.ndarray, np.ndarray] = self._notes[1]
        return found

    def share(self) -> None:
        """Give it a memory, before another array becomes a view of it or it is written to."""
        if self.memory is None:
            self.memory = Memory.of_node(self.node)
            self.entries, self.version = self.memory.array, 0

    # ── reading ──────────────────────────────────────────────────────────────────────────────

    def __getitem__(self, index: Any) -> Any:
        index = _plain_index(index)
        taken = self.array[index]
        if type(taken) is not np.ndarray:  # one number
            return self._number(index, taken)
        if not _is_view(index):  # a copy, by a mask or an array of places
            inner = self.content()
            return as_buffer(taken if type(inner) is np.ndarray else inner[index])
        if self.memory is None:
            self.share()
            taken = self.entries[index]
        buffer = self.looking(taken, lambda x: x[index])
        if type(index) is int and index in self.memory.rows and self.memory.covers(self.entries):
            buffer.node, buffer.version = self.memory.rows[index], self.memory.version
        return buffer

    def _number(self, index: Any, number: Any) -> Any:
        """One entry: a node of shape (), or a plain number."""
        memory = self.memory
        if memory is None:
            return self.node[index]
        if memory.is_plain:
            return number
        if self.version == memory.version:
            return number if type(self.node) is np.ndarray else self.node[index]
        if memory.whole is not None:
            return self.content()[index]
        source, position = self.notes()
        which = int(source[index])
        if which < 0:
            return number
        node: Any = memory.sources[which]
        place = int(position[index])
        shape = np.shape(node.value)
        return node if shape == () else node[tuple(map(int, np.unravel_index(place, shape)))]

    def looking(self, view: np.ndarray, way: Callable[[Any], Any]) -> Buffer:
        """A view of the same memory; `way` makes its node from mine, if mine is at hand."""
        buffer = Buffer(None, self.memory, view)
        if self.memory.source is not None:
            source, position = self.notes()
            buffer._notes = self.memory.source, (way(source), way(position))
        if not self.memory.is_plain and (self.version == self.memory.version
                                         or self.memory.whole is not None):
            inner = self.content()
            if isinstance(inner, Node):
                buffer.node, buffer.version = way(inner), self.memory.version
        return buffer

    def __iter__(self) -> Iterator[Any]:
        if not self.array.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self.array)))

    def __len__(self) -> int:
        return len(self.array)

    # ── writing ──────────────────────────────────────────────────────────────────────────────

    def __setitem__(self, index: Any, value: Any) -> None:
        index = _plain_index(index)
        if type(value) is Buffer and value.memory is not None and value.memory is self.memory:
            _copy_entries(self, index, value)
            return
        value = joined(value)
        self.share()
        memory = self.memory
        memory.own()
        array = self.array
        array[index] = value_of(value)  # NumPy says what doesn't fit, before anything is noted
        row = type(index) is int and index >= 0 and memory.covers(array)
        memory.rows.pop(index, None) if row else memory.rows.clear()
        if not isinstance(value, Node):
            if not memory.is_plain:
                memory.take_notes()
                self.notes()[0][index] = PLAIN
                memory.whole = None
                memory.version += 1
            return
        value = of_float(value, array.dtype)
        memory.version += 1
        everything = index is ... or (type(index) is slice and index == slice(None))
        if everything and memory.covers(array) and np.shape(value.value) == array.shape:
            memory.becomes(value)
            return
        memory.take_notes()
        number = memory.add_source(value)
        source, position = self.notes()
        source[index] = number
        size = np.size(value.value)
        position[index] = 0 if size == 1 else in_order(value.value.shape)
        if row and np.shape(value.value) == array.shape[1:]:
            memory.rows[index] = value

    def overwrite(self, node: Any) -> None:
        """Let all entries be those of a node (or plain array) of the same shape and dtype."""
        if self.memory is None:
            self.node = node
        else:
            self[...] = node

    def in_place(self, how: Any, write: Any, other: Any) -> Buffer:
        """`self += other` and its kin: `how` is the operator, and `write` the one that writes."""
        other = joined(other)
        mine = self.content()
        if not isinstance(mine, Node) and not isinstance(other, Node):
            write(self.writable(), other)
            return self
        self.overwrite(_fitting(content(how(mine, other)), self.array))
        return self

    def writable(self) -> np.ndarray:
        """The array, before NumPy writes plain numbers to it; none in it may come from a node."""
        self.memory.own()
        self.memory.version += 1
        return self.array

    def __copy__(self) -> Any:
        return copied(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return copied(self)


def _copy_entries(a: Buffer, index: Any, b: Buffer) -> None:
    """`a[index] = b` of one memory: NumPy copies the notes in the order that it copies numbers in.

    By a mask it doesn't look whether an entry that it reads has been written to already.
    """
    memory = a.memory
    memory.own()
    a.array[index] = b.array
    if not memory.is_plain:
        memory.take_notes()
        memory.rows.clear()
        for mine, other in zip(a.notes(), b.notes(), strict=True):
            mine[index] = other
        memory.whole = None
    memory.version += 1


# ── from and to what is in Buffers ───────────────────────────────────────────────────────────


def as_buffer(x: Any) -> Any:
    """A fresh array of floats, or node that stands for one, as a Buffer; anything else as it is."""
    if type(x) is Tensor:
        if not x.value.ndim:
            return x
        buffer = Buffer(x)
        if 0 in x.value.strides:  # numbers that stand for more, where NumPy has an array of its own
            buffer.share()
        return buffer
    if type(x) is np.ndarray and x.dtype.kind == "f":
        if current_tracer() is not None:  # a program's arrays hold objects, and so take nodes
            return nested_array(x.ravel().tolist(), x.shape).view(Values)
        root = root_of(x)
        return Buffer(None, Memory(root), x) if _is_sound(x, root) else x
    return x


def content(x: Any) -> Any:
    """What is in a Buffer; anything else as it is."""
    return x.content() if type(x) is Buffer else x


def contents(x: Any) -> Any:
    """The same through lists, tuples and dicts, which are made anew if there is a Buffer inside."""
    kind = type(x)
    if kind is Buffer:
        return x.content()
    if kind is list or kind is tuple:
        return kind([contents(v) for v in x])
    if kind is dict:
        return {k: contents(v) for k, v in x.items()}
    return x


def numbers(x: Any) -> Any:
    """The plain numbers of a Buffer, or of a node as the plain run would have them."""
    if type(x) is Buffer:
        return x.array
    if type(x) is Values:
        return np.array([value_of(v) for v in x.ravel().tolist()], float).reshape(x.shape)
    if isinstance(x, Node):
        return x.value[()] if type(x.value) is np.ndarray and not x.value.ndim else x.value
    if type(x) is list or type(x) is tuple:
        return type(x)(map(numbers, x))
    return {k: numbers(v) for k, v in x.items()} if type(x) is dict else x


def constant(x: Any) -> Any:
    """The plain numbers of x, which are said to be constant by nature: a step, a count, a truth."""
    inner = joined(x)
    if type(inner) is Values:
        notify_constant(*inner.ravel().tolist())
    elif isinstance(inner, Node):
        notify_constant(inner)
    return numbers(inner)


def joined(x: Any) -> Any:
    """What is in x; a list that holds nodes as one node."""
    x = content(x)
    if (type(x) is not list and type(x) is not tuple) or not holds_nodes(x):
        return x
    parts = list(map(joined, x))
    if current_tracer() is not None:
        return np.stack([_entries(v) for v in parts]).view(Values)
    return stack([v if isinstance(v, Node) else np.array(v) for v in parts])


def _entries(x: Any) -> np.ndarray:
    """A node, a number or an array as an array of objects."""
    if isinstance(x, np.ndarray):
        return x.astype(object).view(np.ndarray)
    array = np.empty((), object)
    array[()] = x
    return array


def holds_nodes(x: Any) -> bool:
    """Whether there are nodes or Buffers in nested lists and tuples."""
    if type(x) is list or type(x) is tuple:
        return any([holds_nodes(v) for v in x])
    return isinstance(x, Node) or type(x) is Buffer or type(x) is Values


def copied(x: Buffer, order: Any = "K") -> Buffer:
    """An array of its own with the same content.

    order: how its entries lie, as NumPy has it, which decides whether `ravel` gives a view of it.
    """
    inner = x.content()
    laid = np.array(x.array, order=order)
    if not isinstance(inner, Node):
        plain: Buffer = as_buffer(laid)
        return plain
    copy = Buffer(inner)
    if laid.strides != inner.value.strides:
        copy.memory = Memory(laid, inner)
        copy.entries, copy.version = laid, 0
    return copy


def root_of(x: np.ndarray) -> np.ndarray:
    """The array that owns the memory which x is a view of."""
    while isinstance(x.base, np.ndarray):
        x = x.base
    return x


def _is_sound(x: np.ndarray, root: np.ndarray) -> bool:
    """Whether x is an ordinary view of its root: entries of one size, in one piece of memory."""
    return (root.dtype == x.dtype and type(root) is np.ndarray
            and (root.flags.c_contiguous or root.flags.f_contiguous))


def _plain_index(index: Any) -> Any:
    """An index with plain arrays for Buffers, as a list of masks may hold them."""
    if type(index) is Buffer:
        return np.asarray(index)
    if type(index) is tuple:
        return tuple([np.asarray(i) if type(i) is Buffer else i for i in index])
    return index


_OF_VIEWS = {int, slice, type(None), type(...)}


def _is_view(index: Any) -> bool:
    """Whether NumPy gives a view for this index, and no copy."""
    if type(index) is tuple:
        return all([type(i) in _OF_VIEWS or isinstance(i, np.integer) for i in index])
    return type(index) in _OF_VIEWS or isinstance(index, np.integer)


_FLOAT = np.dtype(float)


def of_float(value: Any, dtype: np.dtype[Any]) -> Any:
    """A node in another dtype of floats, such as the array's that it is written to."""
    if not isinstance(value, Node):
        return value
    held = value.value
    if (held.dtype if type(held) is np.ndarray else _FLOAT) == dtype:
        return value
    return value.astype(dtype) if type(value) is Tensor else stack([value]).astype(dtype)[0]


def _fitting(result: Any, mine: np.ndarray) -> Any:
    """The result of `self + other` for `self += other`, in the array's dtype.

    Raises NumPy's own ValueError for another shape.
    """
    shape = np.shape(value_of(result))
    if shape != mine.shape:
        raise ValueError(f"non-broadcastable output operand with shape {mine.shape} doesn't match "
                         f"the broadcast shape {shape}")
    return of_float(result, mine.dtype) if isinstance(result, Node) else result
