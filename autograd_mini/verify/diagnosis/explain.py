"""From what the search found to what is said: suspects, with the user's names and lines."""

from __future__ import annotations

import linecache
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...graph import Node
from ...places import Place
from ..report import Suspect
from .known_factors import Constants, same, shown
from .mistakes import RIGHT
from .record import Record, Site, as_factor, cotangent_of
from .repair import Repair
from .search import Claim, Finding, Search

__all__ = ["place_of", "suspects_of", "with_repairs"]

AT_MOST = 5  # suspects that are named


# ── words ────────────────────────────────────────────────────────────────────────────────────


def place_of(record: Record, node: Node) -> str:
    """file:line: the text of the line, where a node was made; first where that was called."""
    place = record.places.get(node)
    if place is None or not place.line:
        return ""
    own = _line_of(place)
    return own if place.caller is None else f"{_line_of(place.caller)} → {own}"


def _line_of(place: Place) -> str:
    text = linecache.getline(place.file, place.line).strip()
    return f"{os.path.basename(place.file)}:{place.line}: {text}".rstrip(": ")


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
    words = {key: as_factor(name) for key, name in names.items()}
    words |= {"d" + key: cotangent_of(name) for key, name in names.items()}
    words["f"] = f"`{code}`" if code else f"`{y}`" if site.output.label else site.name
    right = RIGHT.get(site.name, ())
    words["right"] = f", {_fill(right[site.i], words)}" if site.i < len(right) else ""
    words["slope"] = words["right"].removeprefix(", ")
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
    said = words["dx"] + words["dy"] + formula
    if "the output of" in said or "another array" in said:
        return ""
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
    size = shown(abs(c))
    return "factor", f"the gradient of {name} is {size} times what it should be{told}{sign}"


def _suspect(search: Search, finding: Finding, name: str, also: Sequence[Suspect] = ()) -> Suspect:
    """What is said of a finding, about one parameter."""
    constants = search.constants
    factor, evidence = finding.explains.get(name, (1.0, np.nan))
    further = list(also)
    if finding.parts:
        first, *others = (_suspect(search, part, name) for part in finding.parts)
        further += others
        message, where, kind = first.message, first.where, first.kind
        fix = "; ".join(s.fix for s in (first, *others) if s.fix)
        node = first.node
    else:
        message, where, fix, kind, node = _said(search, finding, name)
    for c in (factor, finding.local):
        if c != 1.0:
            its_kind, words = _about_factor(c, constants, name)
            further.append(Suspect(its_kind, words.replace(" is ", " is, besides, ", 1).replace(
                " has ", " has, besides, ", 1), evidence=evidence, shared=(name,)))
    shared = tuple(n for n, (f, _) in finding.explains.items()) or (name,)
    plain = not further and finding.cost < 2.9 and not finding.spoils
    return Suspect(kind, message, where, fix, evidence, tuple(further), shared=shared, plain=plain,
                   node=node)


def _said(search: Search, finding: Finding, name: str) -> tuple[str, str, str, str, Any]:
    record = search.record
    if not finding.sites:
        where = place_of(record, record.output)
        fix = _scaled_back(finding, search, name)
        return _counted(search, finding, name, finding.said, {}), where, fix, finding.kind, None
    site = finding.sites[0]
    words = _words(record, site)
    message = _counted(search, finding, name, finding.said, words)
    if len(finding.sites) > 1:
        message += f" (each of the {len(finding.sites)} times)"
    fix = "" if finding.kind == "extra-term" else (
        _scaled_back(finding, search, name) or _fix(site, words))
    return message, place_of(record, site.output), fix, finding.kind, site.output


def _scaled_back(finding: Finding, search: Search, name: str) -> str:
    """If all that is wrong is a factor: what to multiply by."""
    got, true = finding.gradients.get(name), search.claims[name].true
    if got is None or not np.any(true) or not np.any(got):
        return ""
    c = float(np.sum(got * true) / np.sum(true * true))
    if not c or not np.allclose(got, c * true, rtol=1e-9):
        return ""
    return f"-1 times the gradient given for {name}" if same(c, -1.0) else (
        f"{shown(1 / c)} times the gradient given for {name}")


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
        if found:
            suspect = replace(suspect, tied=_same_numbers(fit[0], finding, name))
        if suspect.message not in [s.message for s in found]:
            found.append(suspect)
        if len(found) == AT_MOST:
            break
    if not fit:
        found.append(_pattern(search, name))
    return tuple(found)


def _same_numbers(first: Finding, other: Finding, name: str) -> bool:
    """Whether the numbers can't tell two findings apart, in whatever they touch."""
    return other.explains[name][0] == 1.0 and other.spoils == first.spoils and (
        set(other.explains) == set(first.explains))


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
        Suspect(r.kind, f"with `{r.fix}` instead of `{r.where.split(': ', 1)[-1]}` all is right",
                line=r.where, fix=r.fix, evidence=0.0) for r in found)
    return own + tuple(s for s in told if s.kind not in ("unknown",))
