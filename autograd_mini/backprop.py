"""The chain rule, once: walk the graph consumers first, and let each node tell its parents.

`sweep()` is the only place where a derivative meets another. `backward()` and `gradients()`
listen to it, and so may anybody who wants to watch.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, NoReturn

import numpy as np

from .errors import AnomalyError, DTypeError, GraphError, ShapeError
from .graph import Node, consumers_first, leaf, raw, wide
from .ops import (
    OF_EACH_MATRIX,
    astype,
    linear,
    logsumexp,
    matmul,
    prod,
    rules_for_equal_values,
    shape,
    sum,
    unbroadcast,
    where,
)
from .ops.reductions import flat, no_slope, through_zero
from .primitive import Elementwise, Structural
from .recording import check_real, compared, guard, recording, unrecorded, watcher

__all__ = ["Step", "backward", "gradients", "sweep"]


Step = tuple[Node, Any, Sequence[Any]]
"""One node's turn: the node; its cotangent ∂output/∂node, complete; what it adds to each
parent's (None where nothing). Arrays in the last belong to the sweep when the turn is over."""


# "Nothing was sent yet". This very object is told from other zeros by `is`; and it is −0.0, to
# which floats can be added without asking whether they are the first: −0.0 + x is x for every x,
# where 0.0 + x would make 0.0 of −0.0.
NOTHING = float("-0")


PRODUCTS = {matmul, linear}
"""Structural functions whose pullbacks make new arrays."""

Cotangents = dict[Node | None, Any]
Instead = Mapping[Node, Callable[[Any], Iterable[tuple[Node, Any]]]]
"""For a node, another rule: from its cotangent, whom to send what (each sent in its shape)."""


def sweep(output: Node, seed: Any, *, create_graph: bool = False, exact: bool = False,
          instead: Instead | None = None, last: Node | None = None) -> Iterator[Step]:
    """Backpropagate `seed` (∂L/∂output, of its shape) and yield each node's turn.

    create_graph: rules are fed nodes and record themselves: the result can be differentiated.
    exact: nothing, not even 0·inf = nan, comes back along a path that `where`, an index … did not
    choose (of floats always; of arrays it takes masks, needed only when a nan has turned up).
    instead: what some nodes send in place of what their rule says: how a mistake is tried out.
    last: a node to end at, if all ways lead through it.
    """
    order = consumers_first(output, last.parents if last is not None else ())
    if last is not None:
        order = [*takewhile(lambda node: node is not last, order), last]
        instead = {**(instead or {}), last: lambda g: ()}
    cotangents: Cotangents = dict.fromkeys(order, NOTHING)
    cotangents[None] = 0.0  # what constants are sent, and nobody asks for
    cotangents[output] = seed
    unchosen = None
    if exact:  # an entry that the seed gives 0 isn't asked for: one row of a Jacobian, say
        unchosen = {output: raw(seed) == 0} if np.ndim(raw(seed)) else {}
    return _turns(order, cotangents, create_graph, unchosen, instead or {})


def _turns(order: list[Node], cotangents: Cotangents, create_graph: bool,
           unchosen: dict[Node, Any] | None, instead: Instead) -> Iterator[Step]:
    """The sweep itself. Floats, of which there may be a million, are dealt with on the spot."""
    mine: set[Node] = set()  # whose cotangent is an array that nobody else holds
    for node in order:
        g, op = cotangents.pop(node), node.op
        sends: Sequence[Any] = ()
        if g is NOTHING:  # every path to it went through something not chosen
            g, op = zero_like(node), None
        if instead and node in instead:
            _send_instead(instead[node](g), cotangents, unchosen)
        elif op is None:
            if type(g) is np.ndarray and node not in mine:
                g = g.copy()  # a leaf's is the listener's to keep
        elif op.written_out is None or create_graph or type(node.value) is not float:
            sends = _pull(node, g, create_graph)
            if create_graph and op.radial:
                sends = _through_zero(node, g, sends, order)
            if unchosen is not None and type(node.value) is np.ndarray:
                sends = _silence_unchosen(node, sends, unchosen)
            yield node, g, sends  # before they are added up in place
            _add(node, g, sends, cotangents, mine)
            continue
        else:
            p, q = node.from_a, node.from_b
            try:
                sends = op.written_out(g, node.value, node.a, node.b, p, q)
            except Exception:  # which asks again, or explains
                sends = (*_pull(node, g, False), None)
            if type(p) is tuple:
                for parent, sent in zip(p, sends):  # noqa: B905  strict costs 10 %
                    cotangents[parent] += sent
            else:
                if sends[0] is not None:
                    cotangents[p] += sends[0]  # −0.0 + it, the first time
                if sends[1] is not None:
                    cotangents[q] += sends[1]
        yield node, g, sends


def _send_instead(sends: Iterable[tuple[Node, Any]], cotangents: Cotangents,
                  unchosen: dict[Node, Any] | None) -> None:
    """Add what another rule sends; all of it is chosen."""
    for target, sent in sends:
        cotangents[target] = cotangents[target] + sent
        if unchosen is not None:
            unchosen[target] = np.zeros(shape(target), bool)


def _add(node: Node, g: Any, sends: Sequence[Any], cotangents: Cotangents, mine: set[Node]
         ) -> None:
    """Add what `node` sends to what its parents were sent before, in their shapes."""
    # Products and sums are new arrays; what else a rule sends may be g, or something it keeps.
    new = isinstance(node.op, Elementwise) or node.op in PRODUCTS
    for parent, sent in zip(node.parents, sends, strict=True):
        if parent is None or sent is None:
            continue
        value, known = parent.value, cotangents[parent]
        array = type(sent) is np.ndarray is type(value)
        if not (array and sent.shape == value.shape and sent.dtype is value.dtype):
            sent = _fit(sent, parent, node)
            array = type(sent) is np.ndarray
        if known is not NOTHING:
            # Since it was owned, a node may have been added to it: then it is one, and the sum of
            # nodes is another node.
            if array and type(known) is np.ndarray and parent in mine:
                known += sent
                continue
            sent = known + sent
        elif sent is g or not new:
            cotangents[parent] = sent
            continue
        cotangents[parent] = sent
        if type(sent) is np.ndarray and sent.base is None:
            mine.add(parent)


def _pull(node: Node, g: Any, create_graph: bool) -> Sequence[Any]:
    """What `node` sends to its parents, by its row of the table."""
    op = node.op
    assert op is not None
    if not op.ours:
        lock(*node.inputs)
    try:
        if create_graph:
            return op.pull(g, node, _inputs_as_nodes(node), node)
        if op.plain and op.written_out is not None:  # it has two answers, and one input or two
            p, q = node.from_a, node.from_b
            sends: Sequence[Any] = op.written_out(g, node.value, node.a, node.b, p, q)
            return sends if node.b is not None else sends[:1]
        return op.pull(g, node.value, node.inputs, node)
    except (ArithmeticError, ValueError):
        return _pull_by_ieee(node, g, create_graph)
    except Exception as error:
        _explain(error, node)


def _pull_by_ieee(node: Node, g: Any, create_graph: bool) -> Sequence[Any]:
    """As `_pull`; Python's floats raise where IEEE 754 has inf or nan: 1/0.0, 1e200 ** 2."""
    assert node.op is not None
    y, xs = (node, _inputs_as_nodes(node)) if create_graph else (node.value, node.inputs)
    try:
        sends = node.op.pull(wide(g), wide(y), tuple(map(wide, xs)), node)
    except Exception as error:
        _explain(error, node)
    return [float(sent) if isinstance(sent, np.floating) else sent for sent in sends]


def _through_zero(node: Node, g: Any, sends: Sequence[Any], order: list[Node]) -> Sequence[Any]:
    """What a length y = ‖x‖ sends, in a form that can be differentiated again where y is 0.

    g·x/y has no slope there in general, and the rows say nan. But where g is 0 as well, a function
    of y that vanishes with it, its limit is (∂g/∂y)·x, by L'Hôpital's rule: ‖x‖² is smooth.
    (∂g/∂y is the limit of g/y, but as a function of y another: where it was taken in an earlier
    sweep and depends on y, two more derivatives are right, and those beyond are nan.)
    """
    if guard() is not None and type(node.value) is float:
        compared(operator.eq, node, 0.0)
    both = (np.asarray(node.value) == 0) & (np.asarray(raw(g)) == 0)
    if not isinstance(g, Node) or not both.any():
        return sends
    rate = _rate(g, node, both)
    if not np.all(np.isfinite(np.asarray(raw(rate))[both])):  # no limit, so no second derivative
        return [sent if sent is None else where(both[()], no_slope(x), sent)
                for x, sent in zip(_inputs_as_nodes(node), sends, strict=True)]
    again = any(n.op is through_zero and any(n.from_b is p for p in node.parents) for n in order)
    return [sent if sent is None else
            where(both[()], through_zero(rate, flat(x) if again else x), sent)
            for x, sent in zip(_inputs_as_nodes(node), sends, strict=True)]


def _rate(g: Node, node: Node, there: np.ndarray) -> Any:
    """∂gᵢ/∂yᵢ at the entries i of `there`; nan if they depend on other entries of y as well.

    Two sweeps tell: a diagonal Jacobian takes weights w to w times what it takes ones to.
    """
    weights = 1.0 + np.modf(0.618 * np.arange(there.size).reshape(there.shape))[0]
    found = []
    for seed in (1.0 * there, weights * there):
        cotangent: Any = None
        for reached, c, _ in sweep(g, as_seed(seed, g), create_graph=True,
                                   instead=_ending_at(node, g)):
            if reached is node:
                cotangent = c
        found.append(zero_like(node) if cotangent is None else cotangent)
    ones, weighted = (np.asarray(raw(c)) for c in found)
    apart = np.abs(weighted - weights * ones * there) > 1e-9 * np.max(np.abs(ones), initial=0.0)
    return found[0] * np.nan if apart.any() else found[0]


def _ending_at(node: Node, output: Node) -> dict[Node, Any]:
    """Rules for a sweep that doesn't look behind `node`, and at other lengths only plainly."""
    def plainly(other: Node) -> Callable[[Any], Iterable[tuple[Node, Any]]]:
        def send(g: Any) -> list[tuple[Node, Any]]:
            assert other.op is not None
            sends = other.op.pull(g, other, _inputs_as_nodes(other), other)
            return [(parent, _fit(sent, parent, other))
                    for parent, sent in zip(other.parents, sends, strict=True)
                    if parent is not None and sent is not None]

        return send

    rules: dict[Node, Any] = {
        other: plainly(other) for other in consumers_first(output)
        if other.op is not None and other.op.radial
    }
    return {**rules, node: lambda g: ()}


def lock(*arrays: Any) -> None:
    """Let nobody write to these arrays."""
    for x in arrays:
        if type(x) is np.ndarray:
            x.flags.writeable = False


def _explain(error: Exception, node: Node) -> NoReturn:
    """Raise the error of a rule again, with the operation, its shapes, and how to get the line."""
    someone = watcher()
    place = someone.places.get(node) if someone is not None else None
    line = f"it was computed by {place}" if place is not None else (
        "run it in a `with ag.detect_anomaly():` block to see the line that computed it")
    shapes = ", ".join(str(shape(x)) for x in node.inputs)
    what = f"{_name(node)} made by {node.op.name}" if node.op and node.label else _name(node)
    where = f"in the backward pass of {what}, of arguments of shape {shapes}: {line}"
    if len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = (f"{error.args[0]}\n  {where}",)
    else:
        error.add_note(where)
    raise error


def _inputs_as_nodes(node: Node) -> tuple[Any, ...]:
    """The inputs with nodes where there are any; refused if one has changed since."""
    for parent, x in zip(node.parents, node.inputs, strict=True):
        if parent is not None and parent.value is not x and not _same(parent.value, x):
            raise GraphError(
                f"{_name(parent)} was updated after {_name(node)} was computed from it, so the "
                "graph no longer says what was computed: run the forward pass again before "
                "create_graph=True (a plain backward() uses the recorded numbers)"
            )
    return tuple([x if p is None else p for p, x in zip(node.parents, node.inputs, strict=True)])


def _same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b, equal_nan=True))


def _name(node: Node) -> str:
    kind = type(node).__name__
    made = f" made by {node.op.name}" if node.op else ""
    return f"the {kind} {node.label!r}" if node.label else f"a {kind}{made}"


def _fit(sent: Any, parent: Node, node: Node) -> Any:
    """`sent` in the shape and dtype of `parent`: broadcasting undone, by shape alone."""
    value = parent.value
    to = () if type(value) is float else value.shape
    if isinstance(node.op, Structural) and shape(sent) != to:
        raise GraphError(
            f"the rule of {node.op.name} returned a cotangent of shape {shape(sent)} for an "
            f"input of shape {to}: a pullback must return its input's shape"
        )
    sent = unbroadcast(sent, to)
    if isinstance(sent, Node):
        return sent if type(value) is float or sent.value.dtype == value.dtype else (
            astype(sent, value.dtype)
        )
    return float(sent) if type(value) is float else np.asarray(sent, value.dtype)


def _reach(node: Node, heard: np.ndarray) -> Sequence[Any]:
    """For each input of a structural node, > 0 where an output that was heard depends on it."""
    op, xs, params = node.op, node.inputs, node.params or {}
    if not isinstance(op, Structural):
        return ()
    if op in PRODUCTS:  # rows and columns meet, whatever their numbers
        xs = tuple(np.ones_like(x, float) for x in xs)
    if op.moves or op in PRODUCTS:
        return op.pull(heard, node.value, xs, node)
    if op in (prod, logsumexp):  # every entry reduced counts, as in a sum
        return [sum.pullbacks[0](heard, node.value, xs[0], **params)]
    if op in OF_EACH_MATRIX:
        of_one = tuple(range(np.ndim(xs[0]) - 2, heard.ndim))
        alive = 1.0 * np.asarray(heard.any(axis=of_one))
        return [np.broadcast_to(alive[..., None, None], shape(xs[0]))]
    some = float(heard.any())  # unknown: silent only if all of it is
    return [np.full(shape(x), some) for x in xs]


def zero_like(node: Node) -> Any:
    """0 in the form of the node's value."""
    return 0.0 if type(node.value) is float else np.zeros_like(node.value)


def one_like(node: Node) -> Any:
    """1 in the form of the node's value."""
    return 1.0 if type(node.value) is float else np.ones_like(node.value)


def as_seed(seed: Any, output: Node) -> Any:
    """A cotangent in the form of the output's value; a node as it is."""
    if isinstance(seed, Node):
        return seed
    held = output.value
    return float(seed) if type(held) is float else np.array(seed, held.dtype)


def _silence_unchosen(node: Node, sends: Sequence[Any], unchosen: dict[Node, Any]
                      ) -> list[Any]:
    """`sends` with zeros for what `node`, or a consumer of it, has not chosen.

    A 0 that arithmetic made times inf is nan, and should be; a 0 that says "not chosen" times
    inf is 0. To tell them apart a mask travels beside the cotangent: an entry is unchosen if
    all its uses are.
    """
    op, y = node.op, node.value
    silent = unchosen.pop(node, np.zeros(y.shape, bool))
    heard = 1.0 * ~silent
    alive = _reach(node, heard)
    quiet: list[Any] = []
    for i, (parent, sent) in enumerate(zip(node.parents, sends, strict=True)):
        if parent is None or sent is None:
            quiet.append(sent)
            continue
        to = shape(parent)
        if isinstance(op, Elementwise):
            slope = op.slope(i, y, node.inputs) if op.selects else 1
            mask = silent | (np.asarray(slope) == 0)
            used = unbroadcast(1.0 * ~mask, to)
        else:
            used = alive[i]
            mask = np.asarray(used) == 0
        quiet.append(None if mask.all() else where(mask, 0.0, sent) if mask.any() else sent)
        unchosen[parent] = unchosen.get(parent, True) & (np.broadcast_to(used, to) == 0)
    return quiet


def _seed_for(output: Node, seed: Any) -> Any:
    """The cotangent to start from: 1 for a scalar; for anything else the user's."""
    if not isinstance(output, Node):
        raise DTypeError(
            f"only a Value or a Tensor has a gradient, not a {type(output).__name__}: did "
            "float(), .item() or .data cut the graph?"
        )
    if seed is None:
        if type(output.value) is not float and output.value.size != 1:
            raise ShapeError(
                f"the output has shape {shape(output)}, and a gradient is that of one number: "
                "reduce it first (.sum() or .mean()), or give the cotangent of each entry as "
                "seed, an array of that shape"
            )
        return one_like(output)
    if shape(seed) != shape(output):
        raise ShapeError(f"the seed has shape {shape(seed)}, the output {shape(output)}: "
                         "they must be the same")
    if not isinstance(seed, Node):
        check_real(np.asarray(seed), "the seed")
    return as_seed(seed, output)


Pairs = list[tuple[Node, Any]]


class Stored:
    """Which gradients a sweep has stored, so that it can be undone."""

    def __init__(self) -> None:
        self.replaced: Pairs = []  # what was there before, where there was something
        self.visits = 0  # how many nodes have been visited

    def undo(self, output: Node) -> None:
        """Put back what was there before."""
        for node in consumers_first(output)[: self.visits]:
            if node.op is not None:
                node.gradient = None
        for node, before in reversed(self.replaced):
            node.gradient = before


def walk(output: Node, seed: Any, wanted: Collection[Node] | None = None,
         create_graph: bool = False, stored: Stored | None = None) -> Pairs:
    """(node, cotangent) of a whole sweep, for the `wanted` nodes.

    Without `wanted`, for the leaves; what is no leaf has its gradient stored then and there, and
    what it replaces kept in `stored`: going back to a million nodes takes as long as visiting
    them. Done again with masks if a nan shows in a leaf's gradient.
    """
    if guard() is not None and not create_graph:
        raise GraphError(
            "a plain gradient inside a function to be compiled would be a constant of the program: "
            "use ag.grad or its kin inside, or ag.gradients(…, create_graph=True)"
        )
    with undisturbed():
        return _Walk(output, seed, wanted, create_graph, stored or Stored()).found()


class _Walk:
    """The sweeps that one gradient takes: usually one."""

    def __init__(self, output: Node, seed: Any, wanted: Collection[Node] | None,
                 create_graph: bool, stored: Stored) -> None:
        self.output, self.seed, self.wanted = output, seed, wanted
        self.create_graph, self.stored, self.someone = create_graph, stored, watcher()

    def found(self) -> Pairs:
        """The cotangents; again where a nan shows: with masks, then by limits."""
        try:
            found = self.pairs(exact=self.someone is not None)
        except AnomalyError:
            limits = self.by_limits()
            if limits is None or _shows_nan(limits):
                raise
            return limits
        # A nan inside that reaches no leaf (and nothing wanted) was stopped, and does no harm.
        if not _shows_nan(found):
            return found
        if self.someone is None:
            found = self.pairs(exact=True)
        return (self.by_limits() or found) if _shows_nan(found) else found

    def pairs(self, exact: bool, instead: Instead | None = None) -> Pairs:
        """Those of one sweep."""
        turns = sweep(self.output, self.seed, create_graph=self.create_graph or bool(instead),
                      exact=exact, instead=instead)
        if self.someone is not None and not instead:
            turns = self.someone.look_at(turns)
        wanted = self.wanted
        if wanted is not None:
            return [(node, g) for node, g, _ in turns if node in wanted]
        leaves, replaced, visits = [], self.stored.replaced, 0
        try:
            for node, g, _ in turns:
                visits += 1
                if node.op is None:
                    leaves.append((node, g))
                    continue
                if node.gradient is not None:
                    replaced.append((node, node.gradient))
                node.gradient = g if instead is None else raw(g)
        finally:
            self.stored.visits = max(self.stored.visits, visits)
        return leaves

    def by_limits(self) -> Pairs | None:
        """Those of a sweep that goes by limits where eigenvalues are equal; None if none are."""
        rules = rules_for_equal_values(consumers_first(self.output), sweep)
        found = self.pairs(exact=True, instead=rules) if rules else None
        if self.create_graph or found is None:
            return found
        return [(node, raw(g)) for node, g in found]


def _shows_nan(found: Pairs) -> bool:
    return any([has_nan(g) for _, g in found])


@contextmanager
def undisturbed() -> Iterator[None]:
    """Recording on, and NumPy's warnings off."""
    with recording(watched=False), np.errstate(all="ignore"):
        yield


def has_nan(g: Any) -> bool:
    """Whether a cotangent holds a nan."""
    g = raw(g)
    if isinstance(g, float):
        return g != g
    return bool(np.isnan(np.vdot(g, g)))  # a sum of squares is nan only if one of them is


def backward(output: Node, seed: Any = None) -> None:
    """Compute ∂output/∂node for every node that `output` depends on, and store it.

    Leaves accumulate: a second call adds the same again. Every other node shows the gradient
    of the last call. seed: the cotangent of the output, of its shape; 1 for a scalar.

    Raises `ShapeError` for a non-scalar without a seed; nothing has been changed then.
    """
    if output.params == unrecorded and output.op is None:
        raise GraphError(
            f"{_name(output)} was computed under no_grad(), so what it depends on isn't recorded: "
            "compute it outside the block"
        )
    start = raw(_seed_for(output, seed))
    stored = Stored()
    try:
        for node, g in walk(output, start, stored=stored):
            total = g if node.gradient is None else node.gradient + g
            stored.replaced.append((node, node.gradient))
            node.gradient = float(total) if type(node.value) is float else np.asarray(total)
    except BaseException:  # an error, or Ctrl-C: all is as it was before
        stored.undo(output)
        raise


def send_back(node: Node) -> None:
    """Add to the parents' gradients what `node`, with the gradient it has, sends: one step of
    `backward`, by hand. A gradient that was not computed counts as 0.
    """
    if node.op is None or node.gradient is None:
        return
    with undisturbed():
        sends = _pull(node, node.gradient, create_graph=False)
        for parent, sent in zip(node.parents, sends, strict=False):
            if parent is not None and sent is not None:
                sent = _fit(sent, parent, node)
                known = parent.gradient
                parent.gradient = np.array(sent)[()] if known is None else known + sent
                if type(parent.value) is np.ndarray:
                    parent.gradient = np.asarray(parent.gradient)


def gradients(output: Node, inputs: Any, seed: Any = None, create_graph: bool = False) -> Any:
    """∂output/∂input for one node or a list of nodes; nothing is stored anywhere.

    output: a scalar node, or any node with a `seed` of its shape. create_graph: return nodes,
    which can be differentiated again, instead of floats and arrays. Returns one gradient, or a
    list in the order of `inputs`, each in its input's shape.

    Raises `GraphError` when the output doesn't depend on an input.

    >>> import autograd_mini as ag
    >>> x = ag.Value(3.0)
    >>> slope = ag.gradients(x**3, x, create_graph=True)
    >>> slope.data, ag.gradients(slope, x)
    (27.0, 18.0)
    """
    wanted = [inputs] if isinstance(inputs, Node) else list(inputs)
    for i, x in enumerate(wanted):
        if not isinstance(x, Node):
            raise GraphError(f"input {i} is a {type(x).__name__}, not a node: wrap it in Value or "
                             "Tensor before computing with it")
    found = collect(output, wanted, _seed_for(output, seed), create_graph)
    for i, (node, g) in enumerate(zip(wanted, found, strict=True)):
        if g is None:
            raise GraphError(
                f"the output doesn't depend on input {i}, {_name(node)}: was it made anew, or "
                "cut off by float(), .item(), .data or no_grad()?"
            )
    found = [as_node(g) for g in found] if create_graph else [own(g) for g in found]
    return found[0] if isinstance(inputs, Node) else found


def own(g: Any) -> Any:
    """An array that nobody else holds, so that the caller may change it."""
    return np.array(g) if isinstance(g, np.ndarray) else g


def as_node(g: Any) -> Node:
    """g, or a leaf that holds it: what a rule fed nodes returns may yet be a constant."""
    if isinstance(g, Node):
        return g
    return leaf(np.asarray(g) if isinstance(g, np.ndarray) else float(g))


def collect(output: Node, wanted: Sequence[Node], seed: Any, create_graph: bool) -> list[Any]:
    """The cotangents of the `wanted` nodes; None for one that the output doesn't reach."""
    seed = seed if create_graph else raw(seed)
    found = dict(walk(output, seed, set(wanted), create_graph))
    return [_in_form(found.get(node), node) for node in wanted]


def _in_form(g: Any, node: Node) -> Any:
    """A plain cotangent as the node holds its value: NumPy makes scalars of arrays of shape ()."""
    if g is None or type(g) is np.ndarray or isinstance(g, Node):
        return g
    return float(g) if type(node.value) is float else np.asarray(g, node.value.dtype)
