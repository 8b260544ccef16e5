"""The reverse pass of `backward` through a graph of floats alone: cotangents lie in the nodes.

A dict from nodes to cotangents is what the plain pass has, and what every other pass here has, for
two passes may share nodes: in threads, or where a rule has a pass of its own. On a million nodes
its places are all over the memory. So the one pass that gets hold of a lock has a slot in each node
instead. What another pass has left there, even one that was interrupted, is never taken for its
own: the mark that says "seen, and nothing was sent yet" is a new object each time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .. import ops
from ..backprop import by_parent, fit
from ..graph import Node
from ..primitive import Elementwise
from ..value import Value
from .letters import MINUS_G, G, letters, sent_by
from .rules import RULES, asked_again, plain_pull

__all__ = ["LOCK", "swept"]

LOCK = threading.Lock()
Leaves = list[tuple[Node, float]]


def swept(output: Any, seed: float, stored: Any) -> Leaves | None:
    """The leaves with their cotangents; every other node has got its gradient.

    What was there before is put into `stored.replaced`, and the node that was visited last into
    `stored.last`. None, and nothing done, if not all are floats, or if another pass holds the lock.
    After an error, or Ctrl-C, the nodes have no gradients.
    """
    if type(output) is not Value or not LOCK.acquire(blocking=False):
        return None
    try:
        nothing = float("-0")  # −0.0 + x is x for every x; and no other −0.0 is this very object
        order = marked_order(output, nothing)
        if order is None:
            return None
        order[-1]._sent = seed
        waiting = reversed(order)
        try:
            leaves: Leaves = sweep(waiting, nothing, stored.replaced)
            stored.last = order[0]
            return leaves
        except BaseException:
            _forget(order, len(list(waiting)))
            raise
    finally:
        LOCK.release()


def _forget(order: list[Any], left: int) -> None:
    """Take the gradients away from the nodes whose turn has come; the first `left` still wait."""
    for node in order[left + 1:]:
        if node.op is not None:
            node.gradient = None
    for node in order[left : left + 1]:  # whose turn it was, perhaps to its end
        if node.op is not None and node.gradient is node._sent:
            node.gradient = None


def marked_order(output: Any, mark: float) -> list[Any] | None:
    """The nodes, each after its parents, marked; None if one of them isn't a float of the usual
    kind.
    """
    postorder: list[Any] = []
    stack: list[Any] = [output]
    node: Any
    try:
        while stack:
            node = stack.pop()
            if node is None:  # the parents of the node below it are listed
                postorder.append(stack.pop())
            elif node._sent is not mark:
                kind = type(node)
                if kind is not Value:
                    return None
                node._sent = mark
                first, second = node._from_a, node._from_b
                if type(first) is not tuple:
                    stack.append(node)
                    stack.append(None)
                    if second is not None and second._sent is not mark:
                        stack.append(second)
                    if first is not None and first._sent is not mark:
                        stack.append(first)
                elif not first:
                    postorder.append(node)
                elif getattr(node.op, "many", False):
                    stack += node, None, *[p for p in first[::-1] if p is not None]
                else:
                    return None
    except AttributeError:  # a node without the slot: copied, or made by hand
        return None
    return postorder


SWEEP = '''
def sweep(order, nothing, replaced):
    leaves = []
    for node in order:
        g, op = node._sent, node.op
        if g is nothing:  # on the side that a choice didn't take
            g = 0.0
            if op is None:
                leaves.append((node, g))
                continue
{branches}
        elif op is None:
            leaves.append((node, g))
            continue
        else:
            p, q, rule = node._from_a, node._from_b, RULES[op]
            try:
                sent = (plain_pull(node, g) if rule is None else
                        rule(g, node.value, node._a, node._b, p, q))
            except Exception as error:
                if rule is None:
                    raise
                sent = (*asked_again(node, g, error), None)
            if rule is None or type(p) is tuple:
                for parent, x in by_parent(node.parents, sent):
                    if parent is not None and x is not None:
                        parent._sent += fit(x, parent, node)
            elif p is q and sent[0] is not None and sent[1] is not None:
                p._sent += sent[0] + sent[1]
            else:
                if sent[0] is not None:
                    p._sent += sent[0]
                if sent[1] is not None:
                    q._sent += sent[1]
        if node.gradient is not None:
            replaced.append((node, node.gradient))
        node.gradient = g
    return leaves
'''

BRANCH = '''
        elif op is {name}:
            p, q = node._from_a, node._from_b
            if p is q:
                p._sent += {a} + {b}
            else:
                if p is not None:
                    p._sent += {a}
                if q is not None:
                    q._sent += {b}'''


def contributions(row: Elementwise) -> list[str]:
    """What a row of two arguments sends to each, as text: by its slopes in the table, if these are
    1, −1 or an argument.
    """
    texts = {G: "g", MINUS_G: "-g", 0: "g * node._a", 1: "g * node._b"}
    return [texts[number] for number in sent_by(row, letters(2))]


def _written() -> Callable[..., Any]:
    """The pass, with a branch for each row that nearly all nodes of a network of floats are of."""
    rows = {"multiply": ops.multiply, "add": ops.add, "subtract": ops.subtract}
    branches = [BRANCH.format(name=name, **dict(zip("ab", contributions(row), strict=True)))
                for name, row in rows.items()]
    space = {"RULES": RULES, "asked_again": asked_again, "by_parent": by_parent, "fit": fit,
             "plain_pull": plain_pull, **rows}
    exec(SWEEP.format(branches="".join(branches)), space)
    return space["sweep"]  # type: ignore[return-value]


sweep: Callable[..., Any] = _written()
