"""Each node of a recorded function as text, in a line of its own where it needs one."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np

from ..graph import Node
from ..primitive import Elementwise
from .constants import constant, is_uniform
from .expressions import ATOM, Text
from .operands import Operands, held_in
from .recorded import Recorded
from .rows import HELPERS, NotPrintableError, written

__all__ = ["RESERVED", "Writing"]

COMMENTS = 50  # where comments begin
RESERVED = {"np", "jnp", "torch", "math", "all", "type", "repr", "float", "slice", "tuple",
            "range", "int",
            *HELPERS}  # what the code calls something itself
LONG = 60  # letters of an expression that gets a name of its own


class Writing(Operands):
    """The lines of a function, and how each node is called in them."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__(recorded)
        self.lines: list[str] = []
        self.defined: dict[str, str] = {}  # the names, and what they stand for
        self.taken = {*recorded.parameters, *RESERVED}
        self.labels = self._labels()
        self.uses = Counter(p for node in recorded.order for p in node.parents if p is not None)
        self.numbers = itertools.count(1)
        self.known: dict[tuple[str, Any], Text] = {}

    def _labels(self) -> dict[Node, str]:
        """The function's own names, and d… for their gradients."""
        labels: dict[Node, str] = {}
        for node, name in self.recorded.names.items():
            if name not in self.taken and name.isidentifier():
                labels[node] = name
                self.taken.add(name)
        if self.recorded.result not in labels:
            labels[self.recorded.result] = self.free("loss")
        arguments = {x: name for name, x in self.recorded.parameters.items()
                     if isinstance(x, Node) and name in self.recorded.gradients}
        for node, g in self.recorded.cotangents.items():
            of = arguments.get(node) or labels.get(node)
            if isinstance(g, Node) and g not in labels and g not in self.recorded.forward and of:
                labels[g] = self.free(f"d{of}")
        return labels

    def free(self, name: str) -> str:
        """The name, with underscores as long as it is taken."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def node(self, node: Node) -> None:
        """The text of a node, in a line of its own if it is used more than once, or is long."""
        if node in self.texts:
            return
        for parent in node.parents:  # of a node that is only compared
            if parent is not None and parent not in self.texts:
                self.node(parent)
        if node.op is None or (not self._follows(node.params) and all(
                self._is_constant(node, i) for i in range(len(node.inputs)))):
            self.constants.add(node)
            self.texts[node] = constant(node.value)
            return
        held = [held_in(x if p is None else p) for p, x in zip(
            node.parents, node.inputs, strict=True)]
        exact = any(h.dtype.kind != "f" for h in held)
        parts = [self.plain(x, exact) if p is None else constant(p.value, exact)
                 if p in self.constants else self.texts[p]
                 for p, x in zip(node.parents, node.inputs, strict=True)]
        shapes = [h.shape for h in held]
        text = self._simply(node, parts, held)
        if text is None:
            try:
                text = written(node.op, self._in_full(node, parts, shapes, exact),
                               self._params(node), shapes, held_in(node).dtype == np.float32)
            except NotPrintableError as error:
                place = self.recorded.places.get(node)
                raise NotPrintableError(f"{error} ({place})" if place else str(error)) from None
        self._keep(node, text)

    def _simply(self, node: Node, parts: list[Text], held: list[np.ndarray]) -> Text | None:
        """The operand itself, where an operation changes nothing: times 1, to its own shape."""
        y = np.asarray(node.value)
        if node.op is not None and node.op.name == "multiply":
            for mine, other in ((0, 1), (1, 0)):
                if self._is_constant(node, mine) and np.all(np.equal(held[mine], 1)) and (
                        held[other].shape, held[other].dtype) == (y.shape, y.dtype):
                    return parts[other]
        if node.op is not None and node.op.name in ("reshape", "broadcast_to") and (
                held[0].shape == y.shape):
            return parts[0]
        return None

    def _in_full(self, node: Node, parts: list[Text], shapes: Any, exact: bool) -> list[Text]:
        """The operands; an array of one number alone is that number where others give its shape."""
        shape = np.shape(node.value)
        alike = [self._is_constant(node, i) and is_uniform(x) for i, x in enumerate(node.inputs)]
        spread = isinstance(node.op, Elementwise) and shape in [
            s for s, its in zip(shapes, alike, strict=True) if not its]
        return [constant(held_in(x).ravel()[0].item(), exact) if its and spread else part
                for part, its, x in zip(parts, alike, node.inputs, strict=True)]

    def _keep(self, node: Node, text: Text) -> None:
        same = self.known.get((text.code, np.shape(node.value)))
        if same is not None:
            self.texts[node] = same
            return
        named = self.labels.get(node)
        is_name = text.level == ATOM and text.code.isidentifier()
        if named is None and (is_name or (self.uses[node] <= 1 and len(text.code) <= LONG)):
            self.texts[node] = text
            return
        if named is None:
            named = self.free(f"v{next(self.numbers)}")
        self.lines.append(self._beside(f"{named} = {text.code}", node))
        self.defined[named] = text.code
        self.texts[node] = self.known[text.code, np.shape(node.value)] = Text(named)

    def _beside(self, line: str, node: Node) -> str:
        """A line, with the user's line that it comes from."""
        place = self.recorded.places.get(node)
        if place is None or not place.line:
            return line
        again = "" if node in self.recorded.forward or not place.code else f": {place.code}"
        return f"{line:<{COMMENTS}}  # line {place.line}{again}"
