"""A whole backward pass derived by hand: which of its lines is the first wrong one?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ..errors import AutogradError, DTypeError, GraphError, ShapeError
from ..graph import Node, topological_order, value_of
from ..standins import as_written
from .backward_pass import followed, locals_as_claims, written_once
from .diagnosis.explain import suspects_in_chain
from .diagnosis.fitting import like
from .diagnosis.record import Record
from .numeric import term_sizes, tolerance
from .report import Entry, Report

__all__ = ["ChainReport", "check_chain"]


@dataclass(frozen=True, repr=False)
class ChainReport(Report):
    """The verdicts in backward order; the first wrong line is blamed for those that follow it."""

    because: tuple[tuple[str, str], ...] = ()  # (wrong only because of, this one)

    @property
    def blamed(self) -> tuple[str, ...]:
        """The claims that are wrong by themselves, in backward order."""
        victims = {name for name, _ in self.because}
        return tuple(e.name for e in self.entries
                     if e.verdict == "wrong" and e.name not in victims)

    def hint(self, level: int = 1) -> str:
        """A hint about each claim that is wrong by itself; see `Report.hint`."""
        if level == 5:
            return super().hint(level)
        blamed = tuple(e for e in self.entries if e.name in self.blamed)
        return replace(self, entries=blamed or self.entries)._hints(level)

    def _headline(self) -> str:
        if self.ok:
            return super()._headline()
        first, *more = self.blamed
        others = f"; by themselves also {', '.join(more)}" if more else ""
        return f"The first mistake is in {first}{others}."

    def _table(self) -> list[str]:
        return []

    def _reasons(self) -> list[str]:
        width = max(len(e.name) for e in self.entries)
        causes, lines = dict(self.because), []
        for e in self.entries:
            said: str = e.verdict
            if e.name in causes and not _is_usable(self[causes[e.name]]):
                said = f"wrong, perhaps only because of {causes[e.name]}: mend that first"
            elif e.name in causes:
                said = f"wrong only because of {causes[e.name]}: right for what was given there"
            elif e.verdict == "wrong":
                said = "wrong: " + Report((replace(e, name="…"),))._reasons()[0].removeprefix("…: ")
            lines.append(f"{e.name.ljust(width)}  {said}")
        return lines


def check_chain(loss: Any, *args: Any, **claims: Any) -> ChainReport:
    """Verify the gradients of intermediate values, and blame the first wrong line.

    loss: the loss, a node; or the variables of a forward pass run on Tensors, by name, such as
    `locals()`, with the loss among them as `loss` or `L`; or a function that returns either (then
    what is said names your lines, and code that only `as_written` follows is followed).
    args: what that function is called with, plain numbers and arrays; its local variables are the
    intermediate values then. The first of them may be the backward pass, a function of the same
    arguments: then its local variables (`dz1` for the gradient of `z1`), and the gradients that it
    returns, are the claims.
    claims: for each gradient (node, numbers); or only the numbers where loss is a mapping or a
    function, and the name is that of the variable, perhaps after a d: `dz1=…`, or `z1=…`.

    Returns a `ChainReport` in backward order: each claim is right; or wrong by itself, and why; or
    wrong only because of an earlier one. Raises `GraphError` for a name that isn't in the graph.

    >>> import numpy as np, autograd_mini as ag
    >>> w = ag.Tensor([0.5, -1.0], label="w")
    >>> z = w * np.array([1.0, 2.0])
    >>> a = np.tanh(z)
    >>> loss, da = np.sum(a**2), 2 * a.data
    >>> dz = da * (1 - z.data**2)  # it should be 1 - a.data**2
    >>> print(check_chain(loss, da=(a, da), dz=(z, dz), dw=(w, dz * np.array([1.0, 2.0]))))
    The first mistake is in dz.
    <BLANKLINE>
    da  right
    dz  wrong: the derivative of tanh, 1 - a**2, was evaluated at z, before the tanh, ...
       corrected       dz = da * (1 - a**2)
    dw  wrong only because of dz: right for what was given there
    """
    if not args:
        return _chain(*_read(loss, claims))
    backward, args = (args[0], args[1:]) if callable(args[0]) else (None, args)
    loss, places = followed(loss, args)
    if backward is None:
        return _chain(*_read(loss, claims, places))
    lines = written_once(backward)
    claims = locals_as_claims(backward, args, loss, lines) | claims
    read = _read(loss, claims, places)
    return _with_lines(_without_other_meanings(_chain(*read), read[1]), lines)


def _with_lines(report: ChainReport, lines: Mapping[str, str]) -> ChainReport:
    """The report with the line that computed each claim, where no other is known."""
    return replace(report, entries=tuple(replace(e, suspects=tuple(
        s if s.line else replace(s, line=lines.get(e.name, "")) for s in e.suspects))
        for e in report.entries))


def _without_other_meanings(report: ChainReport, nodes: Mapping[str, Node]) -> ChainReport:
    """The report without variables that are no gradients, though they are called so.

    `dz = 1 - a**2` may stand for a local derivative, and dz for n times the gradient: then those of
    the leaves that it leads to are claimed, and right. nodes: what each claim is for.
    """
    of_leaves = {node: name for name, node in nodes.items() if node.op is None}
    causes, dropped = dict(report.because), set[str]()
    for e in report.entries:
        below = [report[of_leaves[n]] for n in topological_order(nodes[e.name]) if n in of_leaves]
        follows = not below and causes.get(e.name) in dropped
        if e.verdict == "wrong" and nodes[e.name].op is not None and (follows or below) and all(
                leaf.verdict == "right" for leaf in below):
            dropped.add(e.name)
    return replace(report, entries=tuple(e for e in report.entries if e.name not in dropped),
                   because=tuple(pair for pair in report.because if not dropped & {*pair}))


def _chain(output: Node, nodes: dict[str, Node], given: dict[str, Any], places: Any,
           called: Mapping[Node, str]) -> ChainReport:
    names = {**called, **{node: called.get(node) or _called(name, node)
                          for name, node in nodes.items()}}
    truth = Record(output, places, nodes, names)
    with np.errstate(all="ignore"):
        sizes = term_sizes(output, set(nodes.values()))
    eps = max(_eps(x) for x in [*(node.value for node in truth.order), *given.values()])
    entries: list[Entry] = []
    because: list[tuple[str, str]] = []
    before: dict[Node, Any] = {}
    for name in sorted(nodes, key=lambda name: truth.rank[nodes[name]]):
        record = Record(output, places, {name: nodes[name]}, names, given=before)
        bar = partial(tolerance, terms=np.asarray(sizes[nodes[name]]), eps=eps)
        entry, cause = _judged(truth, record, name, np.asarray(given[name], float), entries, bar)
        if not cause and entry.verdict == "wrong" and _is_usable(entry):
            cause = next((e.name for e in reversed(entries) if not _is_usable(e)
                          and nodes[name] in set(topological_order(nodes[e.name]))), "")
        if cause:
            because.append((name, cause))
        elif entry.verdict == "wrong":
            entry = replace(entry, suspects=suspects_in_chain(entry, record))
        entries.append(entry)
        if _is_usable(entry) and nodes[name].op is not None:
            before[nodes[name]] = like(nodes[name], given[name])
    return ChainReport(tuple(entries), because=tuple(because))


def _is_usable(entry: Entry) -> bool:
    """Whether the gradients after it can be computed from this one, right or wrong."""
    given, expected = np.asarray(entry.given), np.asarray(entry.expected)
    return given.shape == expected.shape and bool(np.isfinite(given).all())


def _called(name: str, node: Node) -> str:
    """What a node is called in what is said: its label, or the claim's name without its d."""
    return node.label or (name[1:].lstrip("_") if name.startswith("d") and len(name) > 1 else name)


def _watched(forward: Any) -> tuple[Any, Mapping[Node, Any]]:
    """What a forward pass returns, and whose lines made its nodes; followed where it is refused."""
    try:
        return Record.watched(forward)
    except AutogradError:
        return Record.watched(as_written(forward))


def _read(loss: Any, claims: Mapping[str, Any], places: Mapping[Node, Any] | None = None
          ) -> tuple[Node, dict[str, Node], dict[str, Any], Any, dict[Node, str]]:
    """(the loss, the node of each claim, its numbers, the places of nodes, their names)."""
    places = places or {}
    if callable(loss) and not isinstance(loss, Node):
        loss, places = _watched(loss)
    variables = loss if isinstance(loss, Mapping) else {}
    output = _loss_in(loss) if variables else loss
    if not isinstance(output, Node) or np.size(output.value) != 1:
        raise DTypeError("check_chain needs the loss: a Value or a Tensor of one number")
    if not claims:
        raise ShapeError("there is nothing to check: give claims, such as dz=(z, my_dz)")
    nodes, given = {}, {}
    reached = set(topological_order(output))
    for name, claim in claims.items():
        node = _variable(name, variables)
        if isinstance(claim, tuple) and len(claim) == 2 and isinstance(claim[0], Node):
            node, claim = claim
        if node is None:
            raise GraphError(f"{name} needs its node: {name}=(node, numbers), or the variables of "
                             "the forward pass in place of the loss")
        if node not in reached:
            raise GraphError(f"the loss doesn't depend on the node of {name}: was it made anew?")
        nodes[name], given[name] = node, _numbers(name, value_of(claim))
    called = {x: x.label or name for name, x in reversed([*variables.items()])
              if isinstance(x, Node)}
    return output, nodes, given, places, called


def _numbers(name: str, claim: Any) -> np.ndarray:
    """A claim as an array of floats."""
    try:
        if np.iscomplexobj(claim):
            raise TypeError
        array = np.asarray(claim)
        return array if array.dtype.kind == "f" else array.astype(float)
    except (TypeError, ValueError):
        kind = type(claim).__name__
        raise DTypeError(f"the claim {name} is a {kind}, not real numbers") from None


def _loss_in(variables: Mapping[str, Any]) -> Any:
    """The loss among the variables of a forward pass."""
    for name in ("loss", "L", "cost", "J", "E"):
        if isinstance(variables.get(name), Node):
            return variables[name]
    raise GraphError("no loss among the variables: call it loss, or give the node itself")


def _variable(name: str, variables: Mapping[str, Any]) -> Node | None:
    for prefix in ("", "d", "d_", "grad_"):
        node = variables.get(name.removeprefix(prefix))
        if isinstance(node, Node):
            return node
    return None


def _judged(truth: Record, record: Record, name: str, claim: np.ndarray, entries: list[Entry],
            bar: Callable[[np.ndarray], np.ndarray]) -> tuple[Entry, str]:
    """(the verdict, the earlier claim because of which it is wrong, if so).

    bar: how far a right gradient may be off.
    """
    right = np.asarray(truth.gradient(name), float)
    if claim.shape != right.shape:
        of = truth.names[record.parameters[name]]
        return Entry(name, "wrong", f"its gradient has shape {claim.shape}, {of} has shape "
                     f"{right.shape}", right, claim), ""
    if not np.isfinite(claim).all():
        bad = int((~np.isfinite(claim)).sum())
        reason = f"{bad} of {claim.size} entries are nan or inf"
        return Entry(name, "wrong", reason, right, claim), ""
    off = np.abs(claim - right)
    is_off = off > bar(right)
    if not is_off.any():
        return Entry(name, "right", "as it should be", right, claim), ""
    at = tuple(int(k) for k in np.unravel_index(np.argmax(off), off.shape))
    entry = Entry(name, "wrong", f"{int(is_off.sum())} of {claim.size} entries are "
                  "wrong", right, claim, at, float(off[at]))
    wrong = [e for e in entries if e.verdict == "wrong"]
    node = record.parameters[name]
    arrived = np.asarray(record.arrived[node], float)
    if wrong and not (np.abs(claim - arrived) > bar(arrived) * _growth(wrong)).any():
        return entry, _nearest(truth, node, [e.name for e in wrong])
    return entry, ""


def _growth(wrong: list[Entry]) -> float:
    """How many times larger than the true ones the wrong claims are, or 1: so is their rounding."""
    growth = [1.0]
    for e in wrong:
        given, true = (np.max(np.abs(np.asarray(x, float)), initial=0.0)
                       for x in (e.given, e.expected))
        growth += [float(given / true)] if true > 0 and np.isfinite(given) else []
    return max(growth)


def _eps(x: Any) -> float:
    """The rounding of a float, or of an array's dtype."""
    dtype = np.result_type(x)
    return float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0


def _nearest(truth: Record, node: Node, wrong: list[str]) -> str:
    """Of the wrong claims, the last one on the way to a node."""
    above = [name for name in wrong if node in set(topological_order(truth.parameters[name]))]
    return (above or wrong)[-1]
