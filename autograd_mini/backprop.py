"""The chain rule, once: walk the graph consumers first, and let each node tell its parents.

Each product cotangent · slope is made by a primitive's `pull`; `reverse_pass()` alone adds them up,
in the right order; `backward()`, `gradients()` and whatever wants derivatives listen to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Never, NoReturn

import numpy as np

from .errors import AnomalyError, DTypeError, GraphError, ShapeError
from .graph import Node, leaf, made, value_of, ways
from .ops import astype, shape, unbroadcast
from .primitive import Structural
from .recording import check_real, current_observer, current_tracer, lock, undisturbed, unrecorded

__all__ = ["Step", "backward", "gradients", "reverse_pass"]

Step = tuple[Node, Any, Sequence[Any]]
"""One node's turn in a reverse pass: the node; its cotangent ∂output/∂node, complete; what it
contributes to the cotangent of each parent (None where nothing)."""

Pull = Callable[[Node, Any], Sequence[Any]]
"""How a node answers to its cotangent: with a contribution for each parent."""

Rules = Mapping[Node, Callable[[Any], Iterable[tuple[Node | None, Any]]]]
"""For some nodes another rule: from the cotangent, pairs of a receiver and a contribution."""


def pull(node: Node, g: Any) -> Sequence[Any]:
    """What `node` contributes to its parents' cotangents by its row of the table, as numbers."""
    if not node.op.trusted:
        lock(*node.inputs)
    return apply_rule(node, g, node.value, node.inputs)


def pull_nodes(node: Node, g: Any) -> Sequence[Any]:
    """The same with nodes for numbers: the rule records itself, so it can be differentiated."""
    return apply_rule(_as_recorded(node), g, node, inputs_as_nodes(node))


def reverse_pass(output: Node, seed: Any, pull: Pull = pull, rules: Rules | None = None,
                 wanted: set[Node] | None = None) -> Iterator[Step]:
    """Backpropagate `seed` (∂L/∂output, of its shape) and yield each node's step.

    rules: for some nodes, in place of their rows. wanted: only what leads to these is visited.
    """
    order, ends = ways(output, wanted)  # without `wanted`: the topological order
    rules, cotangents = {**(rules or {}), **dict.fromkeys(ends, nothing)}, {output: seed}
    contributions: Sequence[Any]
    for node in order:
        g = cotangents.pop(node, None)
        if g is None:  # it was sent nothing: it is on the side that a `where` didn't choose
            g, contributions = zero_like(node), ()
        elif node.op is None:
            g, contributions = copy_if_array(g), ()  # a leaf's is the listener's to keep
        else:
            contributions = pull(node, g) if node not in rules else ()
        yield node, g, contributions
        sent = rules[node](g) if node in rules else by_parent(node.parents, contributions)
        for parent, contribution in sent:
            if parent is not None and contribution is not None:
                contribution = fit(contribution, parent, node)
                known = cotangents.get(parent)
                cotangents[parent] = contribution if known is None else known + contribution


def backward(output: Node, seed: Any = None) -> None:
    """Compute ∂output/∂node for every node that `output` depends on, and store it.

    Leaves accumulate: a second call adds the same again. Every other node shows the gradient
    of the last call. seed: the cotangent of the output, of its shape; 1 for a scalar.

    Raises `ShapeError` for a non-scalar without a seed; nothing has been changed then.
    """
    found = cotangents_of(output, as_seed(value_of(seed_for(output, seed)), output))
    before = [(node, node.gradient) for node, _ in found]
    try:
        for node, g in found:
            node.gradient = g if node.op is not None else accumulated(node, g)
    except BaseException:  # Ctrl-C: all is as it was before
        for node, gradient in before:
            node.gradient = gradient
        raise


# ── below: what the idea doesn't need ────────────────────────────────────────────────────────

from .recording import Followed  # noqa: E402


def gradients(output: Node, inputs: Any, seed: Any = None, create_graph: bool = False,
              **other: Never) -> Any:
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
    if other:
        from .spellings import refuse_keywords

        refuse_keywords("gradients", other)
    wanted = [inputs] if isinstance(inputs, Node) else list(inputs)
    for i, x in enumerate(wanted):
        if not isinstance(x, Node):
            raise GraphError(f"input {i} is a {type(x).__name__}, not a node: wrap it in Value or "
                             "Tensor before computing with it")
    found = collect(output, wanted, seed_for(output, seed), create_graph)
    for i, (node, g) in enumerate(zip(wanted, found, strict=True)):
        if g is None:
            raise GraphError(
                f"the output doesn't depend on input {i}, {_name(node)}: was it made anew, or "
                "cut off by float(), .item(), .data or no_grad()?"
            )
    found = [as_node(g) for g in found] if create_graph else [copy_if_array(g) for g in found]
    return found[0] if isinstance(inputs, Node) else found


def by_parent(parents: Sequence[Node | None], contributions: Sequence[Any]
              ) -> Iterable[tuple[Node | None, Any]]:
    """Each parent with its contribution; of x − x both in one.

    For K − K is 0, but not where K has met something smaller before: (k + K) − K has lost k.
    """
    if len(parents) == 2 and parents[0] is parents[1] and len(contributions) == 2:
        first, second = contributions
        if first is not None and second is not None:
            return [(parents[0], first + second)]
    return zip(parents, contributions, strict=False)


def nothing(g: Any) -> Iterable[tuple[Node | None, Any]]:
    """The rule of a node that sends nothing on."""
    return ()


def accumulated(leaf: Node, g: Any) -> Any:
    """The leaf's gradient with g added to it, in the leaf's own form."""
    total = g if leaf.gradient is None else leaf.gradient + g
    return float(total) if type(leaf.value) is float else np.asarray(total)


Pairs = list[tuple[Node, Any]]
Pass = Callable[[Node, Any, set[Node] | None, bool], Pairs | None]


def arithmetic(output: Node, seed: Any, wanted: set[Node] | None, create_graph: bool
               ) -> Pairs | None:
    """(node, cotangent) of the `wanted` nodes, or of all, by one reverse pass."""
    steps = reverse_pass(output, seed, pull_nodes if create_graph else pull, wanted=wanted)
    return [(node, g) for node, g, _ in steps if wanted is None or node in wanted]


PASSES: list[Pass] = [arithmetic]
"""What is tried, in this order, until no nan shows. Arithmetic has nan for 0·∞, although the 0 may
say that nothing was sent at all: passes.py knows more, and puts its own passes here."""


def cotangents_of(output: Node, seed: Any, wanted: set[Node] | None = None,
                  create_graph: bool = False) -> Pairs:
    """(node, cotangent) for the `wanted` nodes; without them for every node before `output`."""
    if current_tracer() is not None and not create_graph:
        raise GraphError(
            "a plain gradient inside a function to be compiled would be a constant of the program: "
            "use ag.grad or its kin inside, or ag.gradients(…, create_graph=True)"
        )
    found: Pairs = []
    anomaly: AnomalyError | None = None
    with undisturbed():
        for attempt in PASSES:
            try:
                result = attempt(output, seed, wanted, create_graph)
            except AnomalyError as error:
                anomaly = error
                continue
            if result is not None:
                found = result
                if not shows_nan(found, wanted):
                    return found
                if (tracer := current_tracer()) is not None and tracer.follows:
                    tracer.met_nan()
    if anomaly is not None:
        raise anomaly
    return found


def shows_nan(found: Pairs, wanted: set[Node] | None = None) -> bool:
    """Whether there is a nan where it does harm: in what is wanted, or in a leaf's gradient."""
    return any([has_nan(g) for node, g in found if wanted is not None or node.op is None])


def fit(contribution: Any, parent: Node, node: Node) -> Any:
    """`contribution` in the shape and dtype of `parent`: broadcasting undone, by shape alone."""
    value = parent.value
    if type(contribution) is type(value) and (type(value) is float or (
            contribution.shape == value.shape and contribution.dtype is value.dtype)):
        return contribution
    if isinstance(node.op, Structural) and shape(contribution) != shape(value):
        raise GraphError(
            f"the rule of {node.op.name} returned a cotangent of shape {shape(contribution)} for "
            f"an input of shape {shape(value)}: a pullback must return its input's shape"
        )
    contribution = unbroadcast(contribution, shape(value))
    if isinstance(contribution, Node):
        same = type(value) is float or np.result_type(contribution.value) == value.dtype
        return contribution if same else astype(contribution, value.dtype)
    if type(contribution) is Followed:
        return contribution if type(value) is float else contribution.astype(value.dtype)
    return float(contribution) if type(value) is float else np.asarray(contribution, value.dtype)


def as_float64(x: Any) -> Any:
    """A Python number as np.float64, whose poles are inf and nan rather than exceptions."""
    return np.float64(x) if isinstance(x, float | int) else x


def apply_rule(node: Node, g: Any, y: Any, xs: tuple[Any, ...]) -> Sequence[Any]:
    """What the row's rule says of these: numbers, or nodes."""
    try:
        return node.op.pull(g, y, xs, node)  # type: ignore[no-any-return]
    except (ArithmeticError, ValueError):
        pass  # Python's floats raise where IEEE 754 has inf or nan: 1/0.0, 1e200 ** 2
    except Exception as error:
        explain(error, node)
    return in_float64(node, g, y, xs)


def in_float64(node: Node, g: Any, y: Any, xs: tuple[Any, ...]) -> Sequence[Any]:
    """What the row's rule says of NumPy's numbers, whose arithmetic raises nothing."""
    op: Any = node.op
    try:
        contributions = op.pull(as_float64(g), as_float64(y), tuple(map(as_float64, xs)), node)
    except Exception as error:
        explain(error, node)
    return [float(c) if isinstance(c, np.floating) else c for c in contributions]


def explain(error: Exception, node: Node) -> NoReturn:
    """Raise the error of a rule again, with the operation, its shapes, and how to get the line."""
    if isinstance(error, RecursionError):
        raise GraphError(
            f"the rule of {node.op.name} asks for a gradient that leads through a node which "
            f"{node.op.name} made, and so for its own answer, without end: take it at variables, "
            "as ag.vjp(lambda y, x: …, y, x) or ag.grad of such a function does") from None
    if isinstance(error.__context__, RecursionError):  # it has been said, of a turn further in
        raise error
    observer = current_observer()
    place = observer.places.get(node) if observer is not None else None
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


def _as_recorded(node: Node) -> Node:
    """The node; in a program of arrays, one like it whose parameters are followed."""
    tracer = current_tracer()
    if tracer is None or not tracer.follows or not node.params:
        return node
    params = {name: tracer.followed(x) for name, x in node.params.items()}
    return made(node.op, node.value, node.inputs, node.parents, params)


def inputs_as_nodes(node: Node) -> tuple[Any, ...]:
    """The inputs with nodes where there are any; refused if one has changed since."""
    for parent, x in zip(node.parents, node.inputs, strict=True):
        if parent is not None and parent.value is not x and not _same(parent.value, x):
            raise GraphError(
                f"{_name(parent)} was updated after {_name(node)} was computed from it, so the "
                "graph no longer says what was computed: run the forward pass again before "
                "create_graph=True (a plain backward() uses the recorded numbers)"
            )
    tracer = current_tracer()
    plain = tracer.followed if tracer is not None and tracer.follows else value_of
    return tuple([plain(x) if p is None else p
                  for p, x in zip(node.parents, node.inputs, strict=True)])


def _same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b, equal_nan=True))


def _name(node: Node) -> str:
    kind = type(node).__name__
    made = f" made by {node.op.name}" if node.op else ""
    return f"the {kind} {node.label!r}" if node.label else f"a {kind}{made}"


def seed_for(output: Node, seed: Any) -> Any:
    """The cotangent to start from: 1 for a scalar; for anything else the user's."""
    if not isinstance(output, Node):
        raise DTypeError(
            f"only a Value or a Tensor has a gradient, not a {type(output).__name__}: did "
            "float(), .item() or .data cut the graph?"
        )
    if output.op is None and output.params == unrecorded:
        raise GraphError(
            f"{_name(output)} was computed under no_grad(), so what it depends on isn't recorded: "
            "compute it outside the block"
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


def has_nan(g: Any) -> bool:
    """Whether a cotangent holds a nan."""
    g = g.held if type(g) is Followed else value_of(g)
    if isinstance(g, float):
        return g != g
    if g.flags.f_contiguous:  # vdot would copy it
        g = g.T
    squares = np.vdot(g, g)  # a sum of squares is nan only if one of them is
    return bool(squares != squares)


def copy_if_array(g: Any) -> Any:
    """A copy if g is an array, which the caller may change; anything else as it is."""
    return np.array(g) if type(g) is not Followed and isinstance(g, np.ndarray) else g


def as_node(g: Any) -> Node:
    """g, or a leaf that holds it: what a rule fed nodes returns may yet be a constant."""
    if isinstance(g, Node):
        return g
    if type(g) is Followed:
        return leaf(g.recorder.constant(g))
    return leaf(np.asarray(g) if isinstance(g, np.ndarray) else float(g))


def collect(output: Node, wanted: Sequence[Node], seed: Any, create_graph: bool,
            all_wanted: set[Node] | None = None) -> list[Any]:
    """The cotangents of the `wanted` nodes; None for one that the output doesn't reach.

    all_wanted: the set of them, if it is at hand.
    """
    seed = seed if create_graph else value_of(seed)
    found = dict(cotangents_of(output, seed, all_wanted or set(wanted), create_graph))
    return [_in_form(found.get(node), node) for node in wanted]


def rows_at_once(output: Node, wanted: Sequence[Node], all_wanted: set[Node]) -> Any:
    """For each of the `wanted` nodes, the rows of the Jacobian in one array; here None, which says
    that each entry of the output needs a pass of its own. `fast/rows.py` has them in one.
    """
    return None


def _in_form(g: Any, node: Node) -> Any:
    """A plain cotangent as the node holds its value: NumPy makes scalars of arrays of shape ()."""
    if g is None or type(g) is np.ndarray or isinstance(g, Node):
        return g
    return float(g) if type(node.value) is float else np.asarray(g, node.value.dtype)
