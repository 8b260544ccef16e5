"""From what the search found to what is said: suspects, with the user's names and lines."""

from __future__ import annotations

import itertools
import linecache
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..backprop import NOTHING
from ..graph import Node
from ..primitive import Elementwise
from .constants import Constants, same, shown
from .diagnose import Claim, Finding, Search
from .malrules import RIGHT
from .record import Record, Site
from .repair import Repair
from .report import Suspect

__all__ = ["Reshaped", "reshaped", "suspects_of",
           "with_repairs"]

AT_MOST = 5  # suspects that are named


# ── a gradient of another shape than its parameter ───────────────────────────────────────────


class Reshaped(NamedTuple):
    """What was done wrong with a shape, and the gradient in the right one."""

    suspect: Suspect
    gradient: np.ndarray


def reshaped(record: Record, name: str, given: np.ndarray, true: np.ndarray) -> Reshaped | None:
    """What the shape of a claim says; the candidate that gives the numbers, or the first."""
    if not np.isfinite(given).all() or not given.size:
        return None
    options = list(_reshapings(record, name, given, true))
    if given.size == true.size and np.allclose(given.ravel(), true.ravel(), rtol=1e-7):
        options.sort(key=lambda option: option.suspect.kind != "shape")  # nothing else is wrong
    for option in options:
        if np.allclose(option.gradient, true, rtol=1e-7, atol=1e-12 * np.max(np.abs(true))):
            return option
    for option in options:
        size = float(np.sum(true * true))
        c = float(np.sum(option.gradient * true)) / size if size else 0.0
        if c and np.allclose(option.gradient, c * true, rtol=1e-7):
            return option
    return options[0] if options else None


def _reshapings(record: Record, name: str, given: np.ndarray, true: np.ndarray
                ) -> Iterator[Reshaped]:
    have, to = given.shape, true.shape
    said = f"the gradient of {name} has shape {have}, {name} has shape {to}: "
    uses = record.uses[record.parameters[name]]
    where = dict(where=place_of(record, uses[0].output), node=uses[0].output) if uses else {}

    def option(kind: str, what: str, gradient: Any, fix: str = "") -> Reshaped:
        return Reshaped(Suspect(kind, said + what, fix=fix, evidence=0.0, shared=(name,),
                                plain=True, **where),
                        np.asarray(gradient, float))

    for full in _unsummed(record, name):
        lead = full.ndim - len(to)
        due = {*range(lead), *(lead + k for k, n in enumerate(to) if n == 1)}
        for axes in _subsets(full.ndim):
            part = full.sum(axes)
            c = _multiple(given, part)
            if c is not None and part.size and set(axes) < due:
                left = ", ".join(str(k) for k in sorted(due - set(axes)))
                yield option("unreduced", f"it wasn't summed over axis {left}, along which {name} is "
                             "broadcast", c * true)
            elif c is not None and part.size:
                what = f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes}"
                yield option("wrong-axis", f"it was summed over {what}, the wrong one", c * true)
    if len(have) > 1:
        for order in itertools.permutations(range(len(have))):
            if tuple(have[k] for k in order) == to and have != to:
                yield option("transpose", "it is transposed", given.transpose(order), "add .T")
    if tuple(n for n in have if n > 1) == tuple(n for n in to if n > 1):
        yield option("shape", f"nothing is broadcast here: reshape it to {to}", given.reshape(to),
                     f"d{name}.reshape({to})")
    for axes in _subsets(len(have)):
        summed = given.sum(axes)
        if summed.size == true.size and tuple(n for n in summed.shape if n > 1) == tuple(
                n for n in to if n > 1):
            yield option("unreduced", f"it wasn't summed over axis "
                         f"{', '.join(map(str, axes))}, along which {name} is broadcast",
                         summed.reshape(to), f"d{name} = (…).sum(axis={axes[0]})")
    if given.size == true.size:
        yield option("shape", f"reshape it to {to}", given.reshape(to), f"d{name}.reshape({to})")
    for axes in _subsets(true.ndim):
        c = _multiple(given, true.sum(axes))
        if c is not None:
            yield option("wrong-axis", "it was summed over axes that it should keep", c * true)


def _multiple(given: np.ndarray, part: np.ndarray) -> float | None:
    """c if given = c·part in the same shape (but for axes of length 1)."""
    if tuple(n for n in given.shape if n > 1) != tuple(n for n in part.shape if n > 1):
        return None
    u, v = given.ravel(), part.ravel()
    if given.shape == part.shape and np.allclose(u, v, atol=1e-12):  # both may be 0 by symmetry
        return 1.0
    size = float(v @ v)
    c = float(u @ v) / size if size > 1e-24 * max(1.0, float(u @ u)) else 0.0
    return c if c and np.allclose(u, c * v, rtol=1e-8, atol=1e-12 * np.max(np.abs(u))) else None


def _unsummed(record: Record, name: str) -> Iterator[np.ndarray]:
    """What each use of a parameter that is broadcast there sends, before it is summed."""
    fulls = []
    for site in record.uses[record.parameters[name]]:
        op, g = site.output.op, record.cotangents[site.output]
        if isinstance(op, Elementwise) and g is not NOTHING and np.ndim(site.output.value):
            slope = op.slope(site.i, site.output.value, site.output.inputs)
            if slope is not None:
                fulls.append(np.asarray(np.broadcast_to(g * slope, np.shape(site.output.value))))
    yield from fulls
    if len(fulls) > 1 and len({full.shape for full in fulls}) == 1:
        yield np.sum(fulls, axis=0)


def _subsets(n: int) -> Iterator[tuple[int, ...]]:
    for count in range(1, n + 1):
        yield from itertools.combinations(range(n), count)


# ── words ────────────────────────────────────────────────────────────────────────────────────


def place_of(record: Record, node: Node) -> str:
    """file:line: the text of the line, where a node was made."""
    place = record.places.get(node)
    if place is None or not place.line:
        return ""
    text = linecache.getline(place.file, place.line).strip()
    return f"{os.path.basename(place.file)}:{place.line}: {text}".rstrip(": ")


def _as_factor(name: str) -> str:
    """A name that may stand in a product."""
    return name if re.fullmatch(r"[\w.\[\]'\"]+(\(.*\))?", name) else f"({name})"


def _operands(record: Record, site: Site) -> list[str]:
    """The names of a site's arguments."""
    if site.block:
        return [record.names[site.input]]
    return [
        record.names[parent] if parent is not None else
        f"{float(x):g}" if np.ndim(x) == 0 else record.constant_name(x)
        for parent, x in zip(site.output.parents, site.output.inputs, strict=True)
    ]


def _words(record: Record, site: Site) -> dict[str, str]:
    """What {x}, {y}, {f} … stand for at a site."""
    operands = _operands(record, site)
    place = record.places.get(site.output)
    y, x = record.names[site.output], record.names[site.input]
    code = place.code if place is not None and 0 < len(place.code) <= 60 else ""
    a, b = operands[0], operands[1] if len(operands) == 2 else ""
    names = {"x": x, "y": y, "a": a, "b": b}
    words = {key: _as_factor(name) for key, name in names.items()}
    words |= {"d" + key: "d" + _as_factor(name) for key, name in names.items()}
    words["f"] = f"`{code}`" if code else site.name
    right = RIGHT.get(site.name, ())
    words["right"] = f", {_fill(right[site.i], words)}" if site.i < len(right) else ""
    return words


def _fill(template: str, words: Mapping[str, str]) -> str:
    for key in ("x", "y", "a", "b"):
        template = template.replace(f"d{{{key}}}", f"{{d{key}}}")
    return template.format_map(words)


def _fix(site: Site, words: Mapping[str, str]) -> str:
    """The right formula at a site."""
    right = RIGHT.get(site.name, ())
    if site.i >= len(right):
        return ""
    formula = _fill(right[site.i], words)
    if formula.startswith("d"):  # a whole rule
        return formula
    if formula in ("1", "-1"):
        return f"{words['dx']} = {'-' if formula == '-1' else ''}{words['dy']}"
    return f"{words['dx']} = {words['dy']} * {formula}"


def _about_factor(c: float, constants: Constants, name: str) -> tuple[str, str]:
    """(kind, words) for a gradient that is c times what it should be."""
    if same(c, -1.0):
        return "sign", f"the gradient of {name} has the wrong sign"
    what = constants.name(c)
    told = f" ({what})" if what and " = " in what else ""
    sign = ", and has the wrong sign" if c < 0 else ""
    return "factor", f"the gradient of {name} is {shown(abs(c))} times what it should be{told}{sign}"


def _suspect(search: Search, finding: Finding, name: str, also: Sequence[Suspect] = ()) -> Suspect:
    """What is said of a finding, about one parameter."""
    record, constants = search.record, search.constants
    factor, evidence = finding.explains.get(name, (1.0, np.nan))
    further = list(also)
    if finding.parts:
        first, *others = (_suspect(search, part, name) for part in finding.parts)
        further += others
        message, where, fix, kind = first.message, first.where, first.fix, first.kind
        node = first.node
    else:
        message, where, fix, kind, node = _said(search, finding, name)
    for c in (factor, finding.local):
        if c != 1.0:
            its_kind, words = _about_factor(c, constants, name)
            further.append(Suspect(its_kind, "besides, " + words, evidence=evidence, shared=(name,)))
    shared = tuple(n for n, (f, _) in finding.explains.items()) or (name,)
    plain = not further and finding.cost < 2.9 and not finding.spoils
    return Suspect(kind, message, where, fix, evidence, tuple(further), shared=shared, plain=plain,
                   node=node)


def _said(search: Search, finding: Finding, name: str) -> tuple[str, str, str, str, Any]:
    record = search.record
    if not finding.sites:
        where = place_of(record, record.output)
        return _counted(search, finding, name, finding.said, {}), where, "", finding.kind, None
    site = finding.sites[0]
    words = _words(record, site)
    message = _counted(search, finding, name, finding.said, words)
    if len(finding.sites) > 1:
        message += f" (each of the {len(finding.sites)} times)"
    return (message, place_of(record, site.output), _fix(site, words), finding.kind, site.output)


def _counted(search: Search, finding: Finding, name: str, said: str, words: Any) -> str:
    """The words, with the factor in them if they have one."""
    if "{c}" in said:
        got, true = finding.gradients[name], search.claims[name].true
        c = float(np.sum(got * true) / np.sum(true * true))
        what = search.constants.name(c)
        told = f" ({what})" if what and " = " in what else ""
        said = said.replace("{c}", shown(c)) + told
    return _fill(said, words)


def suspects_of(search: Search, name: str) -> tuple[Suspect, ...]:
    """The suspects for one parameter, best first; those that give the same numbers are ties."""
    fit = sorted((f for f in search.findings.values() if name in f.explains),
                 key=lambda f: f.rank(name))
    found: list[Suspect] = []
    for finding in fit:
        suspect = _suspect(search, finding, name)
        if suspect.message not in [s.message for s in found]:
            found.append(suspect)
        if len(found) == AT_MOST:
            break
    if not fit:
        found.append(_pattern(search, name))
    return tuple(found)


def _pattern(search: Search, name: str) -> Suspect:
    """What can be said of a gradient that nothing explains: a factor, some entries, nothing."""
    claim = search.claims[name]
    size = float(np.sum(claim.true**2))
    c = float(np.sum(claim.given * claim.true)) / size if size else 0.0
    if c and claim.given.size > 1 and np.isfinite(claim.evidence(c * claim.true)):
        kind, words = _about_factor(c, search.constants, name)
        return Suspect(kind, words, evidence=claim.evidence(c * claim.true), shared=(name,))
    off = np.abs(claim.given - claim.true)
    wrong = off > 1e-9 * np.abs(claim.true) + 1e3 * claim.eps * claim.sizes
    told = (claim.true != 0) | (claim.given != 0)  # where both are 0 nothing is right or wrong
    if (told & ~wrong).any():
        return Suspect("partial", f"{_some(wrong & told, told, claim)}; the others are right",
                       shared=(name,))
    return Suspect("unknown", "no mistake in the table gives these numbers, alone or in pairs",
                   shared=(name,))


def _some(wrong: np.ndarray, told: np.ndarray, claim: Claim) -> str:
    """Which entries are wrong, and what they share."""
    count = int(wrong.sum())
    where = f"{count} of {told.sum()} entries {'is' if count == 1 else 'are'} wrong"
    for axis, name in enumerate(("row", "column")[: wrong.ndim] if wrong.ndim == 2 else ()):
        lines = np.moveaxis(wrong, axis, 0)
        others = np.moveaxis(told, axis, 0)
        whole = [k for k in range(len(lines)) if lines[k].any() and (lines[k] == others[k]).all()]
        if whole and lines[whole].sum() == count:
            where = f"the {name}{'s' if len(whole) > 1 else ''} {', '.join(map(str, whole[:8]))} " \
                    f"{'are' if len(whole) > 1 else 'is'} wrong"
            break
    else:
        if count <= 4:
            where += f" ({', '.join(str(list(map(int, at))) for at in np.argwhere(wrong))})"
    if not claim.given[wrong].any():
        where += ", 0 was given there"
    return where


def with_repairs(suspects: tuple[Suspect, ...], found: Sequence[Repair]) -> tuple[Suspect, ...]:
    """The suspects with the corrected line; where the table has no answer, the edit is the answer.
    """
    if not found:
        return suspects
    first = found[0]
    told = tuple(replace(s, line=r.where, fix=r.fix) for s, r in
                 ((s, next((r for r in found if r.kind == s.kind), first)) for s in suspects))
    if told and (told[0].plain or (told[0].kind == "partial" and first.kind != "index")):
        return told
    own = tuple(
        Suspect(r.kind, f"with one change of `{r.where.split(': ', 1)[-1]}` all is right: `{r.fix}`",
                line=r.where, fix=r.fix, evidence=0.0) for r in found)
    return own + tuple(s for s in told if s.kind not in ("unknown",))
