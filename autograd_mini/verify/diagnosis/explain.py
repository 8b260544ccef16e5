"""Why a gradient is wrong, in the names and lines of the user: what the search found, in words."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..problem import Problem
from ..report import Entry, Suspect
from .context import changed_in_place, known_factors, record_of, terms_of
from .corrections import Corrections, corrections
from .finding import Claim, Finding
from .fitting import agree, near
from .known_factors import KnownFactors, same, shown
from .mistakes import RIGHT
from .names import as_factor, cotangent_of, line_of
from .record import Record
from .relations import measured_claims, relations
from .repair import Repair
from .scaling import scalings
from .search import Search
from .shapes import Reshaped, reshaped
from .site import Site
from .strategies import run
from .strategies.other_points import updated_points

__all__ = ["explained", "suspects_in_chain"]

AT_MOST = 5  # suspects that are named
TELLING = ("index", "transpose", "wrong-argument", "wrong-operand")  # more than which entries


def explained(problem: Problem, names: list[str], entries: list[Entry], copies: list[Any],
              arrays_of: Callable[[Any], list[Any]]) -> list[Entry]:
    """The entries, with suspects for what is wrong.

    copies: the arguments as the gradient's function left them; arrays_of: what is claimed for each
    argument, in a claim.
    """
    if not problem.engine:
        return _by_numbers(problem, names, entries, arrays_of)
    record = record_of(problem, names)
    if any(entry.name not in record.parameters for entry in entries):
        return entries  # the claim hasn't the form of the parameters: that is what is wrong
    shapes = _shapes(record, entries)
    claims = {e.name: _claim(problem, names, record, e, shapes.get(e.name)) for e in entries}
    factors = known_factors(problem, names)

    def points() -> Any:
        return updated_points(
            lambda values: problem.gradients_at(names, values),
            {n: np.asarray(x.value) for n, x in record.parameters.items()},
            {n: c.given for n, c in claims.items()}, {n: c.true for n, c in claims.items()},
            changed_in_place(problem, names, copies), problem.form.gradient, factors.rates)

    search = Search(record, claims, factors, points)
    run(search)
    problem.cut_short = search.cut_short
    found = {name: suspects_of(search, name) for name in claims if claims[name].wrong}
    for entry in entries:
        shape, rest = shapes.get(entry.name), found.get(entry.name, ())
        if shape is not None:
            found[entry.name] = (replace(shape.suspect, also=rest[:1]), *rest)
        elif entry.name in shapes:
            found[entry.name] = (Suspect("shape", entry.reason, shared=(entry.name,), plain=True),)
    known = all(suspects[0].plain for suspects in found.values())
    wrong = frozenset(e.name for e in entries if e.verdict == "wrong")
    found = exchanged(claims, found)
    told = corrections(problem, names, arrays_of, wrong, known, record)
    entries = [_with(e, with_repairs(found.get(e.name, ()), told.of(e.name), len(wrong),
                                     told.line_of(e.name))) for e in entries]
    return _with_scalings(problem, names, arrays_of, entries)


def _with_scalings(problem: Problem, names: list[str], arrays_of: Callable[[Any], list[Any]],
                   entries: list[Entry]) -> list[Entry]:
    """The entries, with what the error is proportional to where it has no name."""
    nameless = {e.name for e in entries if e.suspects and e.suspects[0].kind == "unknown"}
    found = scalings(problem, names, arrays_of) if nameless else {}
    return [replace(e, suspects=(replace(e.suspects[0], message=f"{e.suspects[0].message}; "
                                         f"{found[e.name]}"), *e.suspects[1:]))
            if e.name in nameless and e.name in found else e for e in entries]


def _by_numbers(problem: Problem, names: list[str], entries: list[Entry],
                arrays_of: Callable[[Any], list[Any]]) -> list[Entry]:
    """The same where the engine can't follow the loss, and only finite differences are known."""
    wrong = frozenset(e.name for e in entries if e.verdict == "wrong")
    given = {e.name: e.given for e in entries if e.given is not None}
    claims = measured_claims(problem, names, given)
    found = exchanged(claims, relations(problem, names, claims, arrays_of))
    known = all(found.get(name, (Suspect("unknown", ""),))[0].plain for name in wrong)
    told = corrections(problem, names, arrays_of, wrong, known, None) if (
        set(claims) >= wrong) else Corrections()
    why = "what went wrong can't be told from the numbers alone"
    entries = [_with(e, with_repairs(found.get(e.name, ()), told.of(e.name), len(wrong), ""))
               for e in entries]
    entries = [_with(e, (Suspect("unknown", why, shared=(e.name,)),)) if e.verdict == "wrong" and (
        not e.suspects or e.suspects[0].kind == "unknown") else e for e in entries]
    return _with_scalings(problem, names, arrays_of, entries)


def _shapes(record: Record, entries: Sequence[Entry]) -> dict[str, Reshaped | None]:
    """Of the gradients in another shape than their parameter's, what they are in that."""
    return {e.name: reshaped(record, e.name, e.given, np.asarray(record.gradient(e.name), float))
            for e in entries if e.verdict == "wrong" and e.given is not None
            and e.given.shape != np.shape(record.parameters[e.name].value)}


def exchanged(claims: Mapping[str, Claim], found: dict[str, tuple[Suspect, ...]]
              ) -> dict[str, tuple[Suspect, ...]]:
    """The suspects, led by this one where two gradients are each the other's."""
    for a, b in itertools.combinations([n for n, c in claims.items() if c.wrong], 2):
        if agree(claims[a].given, claims[b].true) and agree(claims[b].given, claims[a].true):
            suspect = Suspect("wrong-operand", f"the gradients of {a} and {b} are exchanged",
                              evidence=0.0, shared=(a, b), plain=True)
            found = found | {name: (suspect, *found.get(name, ())) for name in (a, b)}
    return found


def _with(entry: Entry, suspects: tuple[Suspect, ...]) -> Entry:
    """The entry with its suspects, if it is wrong; there is always one."""
    if entry.verdict != "wrong":
        return entry
    unknown = Suspect("unknown", "nothing more can be said", shared=(entry.name,))
    return replace(entry, suspects=suspects or (unknown,))


def _claim(problem: Problem, names: list[str], record: Record, entry: Entry,
           shape: Reshaped | None) -> Claim:
    """What the search is told of one parameter; what isn't a gradient at all is left out of it."""
    true = np.asarray(record.gradient(entry.name), float)
    terms = np.broadcast_to(terms_of(problem, names, entry.name), true.shape)
    given = entry.given if shape is None else shape.gradient
    wrong = bool(entry.verdict == "wrong" and given is not None and given.shape == true.shape
                 and np.isfinite(given).all() and not np.allclose(given, true, rtol=1e-7, atol=0))
    given = given if wrong and given is not None else true
    return Claim(given, true, terms, problem.eps(given.dtype), wrong)


def suspects_in_chain(entry: Entry, record: Record) -> tuple[Suspect, ...]:
    """The suspects for one claim in a chain, given what was claimed before it."""
    ((name, node),) = record.parameters.items()
    true, given = np.asarray(record.arrived[node], float), entry.given
    assert given is not None
    shape = reshaped(record, name, given, true) if given.shape != true.shape else None
    if shape is not None:
        given = shape.gradient
    suspects: tuple[Suspect, ...] = ()
    if not np.isfinite(given).all():
        return entry.suspects
    if given.shape == true.shape and not near(given, true).all():
        claim = Claim(given, true, np.abs(true), float(np.finfo(float).eps), True)
        arrays = {record.names[n]: n.value for n in record.order if n.op is None}
        with np.errstate(all="ignore"):
            search = Search(record, {name: claim}, KnownFactors(arrays, {}))
            run(search)
        suspects = suspects_of(search, name)
    if shape is not None:
        suspects = (replace(shape.suspect, also=suspects[:1]), *suspects)
    return suspects


# ── words ────────────────────────────────────────────────────────────────────────────────────


def _operands(record: Record, site: Site) -> list[str]:
    """The names of a site's arguments."""
    if site.block:
        return [record.names[site.input]]
    return [
        record.names[parent] if parent is not None else
        f"{float(x):g}" if np.ndim(x) == 0 else record.arrays.constant_name(x)
        for parent, x in zip(site.output.parents, site.output.inputs, strict=True)
    ]


def _words(record: Record, site: Site) -> dict[str, str]:
    """What {x}, {y}, {f} … stand for at a site."""
    operands = _operands(record, site)
    place = record.places.get(site.output)
    y, x = record.names[site.output], record.names[site.input]
    if site.scale is not None:
        y = f"{as_factor(y)} / {record.names[site.scale]}"
    code = place.code if place is not None and 0 < len(place.code) <= 60 else ""
    a, b = operands[0], operands[1] if len(operands) == 2 else ""
    names = {"x": x, "y": y, "a": a, "b": b}
    words = {key: as_factor(name) for key, name in names.items()}
    words |= {"d" + key: cotangent_of(name) for key, name in names.items()}
    words["f"] = f"`{code}`" if code else f"`{y}`" if site.output.label else site.name
    right = RIGHT.get(site.name, ())
    formula = _fill(right[site.i], words) if site.i < len(right) else ""
    nameless = "the output of" in formula or "another array" in formula
    words["right"] = f", {formula}" if formula and not nameless else ""
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


def _about_factor(c: float, factors: KnownFactors, name: str) -> tuple[str, str]:
    """(kind, words) for a gradient that is c times what it should be."""
    if same(c, -1.0):
        return "sign", f"the gradient of {name} has the wrong sign"
    what = factors.name(c)
    told = f" ({what})" if what and " = " in what else ""
    sign = ", and has the wrong sign" if c < 0 else ""
    size = shown(abs(c))
    return "factor", f"the gradient of {name} is {size} times what it should be{told}{sign}"


def _suspect(search: Search, finding: Finding, name: str, also: Sequence[Suspect] = ()) -> Suspect:
    """What is said of a finding, about one parameter."""
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
            its_kind, words = _about_factor(c, search.factors, name)
            further.append(Suspect(its_kind, words.replace(" is ", " is, besides, ", 1).replace(
                " has ", " has, besides, ", 1), evidence=evidence, shared=(name,)))
    shared = tuple(n for n, (f, _) in finding.explains.items()) or (name,)
    plain = not further and finding.cost < 2.9 and not finding.spoils
    return Suspect(kind, message, where, fix, evidence, tuple(further), shared=shared, plain=plain,
                   node=node)


def _said(search: Search, finding: Finding, name: str) -> tuple[str, str, str, str, Any]:
    record = search.record
    if not finding.sites:
        where = line_of(record.places.get(record.output))
        fix = _scaled_back(finding, search, name)
        return _counted(search, finding, name, finding.said, {}), where, fix, finding.kind, None
    site = finding.sites[0]
    words = _words(record, site)
    message = _counted(search, finding, name, finding.said, words)
    if len(finding.sites) > 1:
        message += f" (each of the {len(finding.sites)} times)"
    fix = "" if finding.kind == "extra-term" else (
        _scaled_back(finding, search, name) or _fix(site, words))
    if finding.kind in ("missing-path", "missing-term") and len(record.uses[site.input]) > 1:
        fix = fix.replace(" = ", " += ", 1)  # besides what is there
    return message, line_of(record.places.get(site.output)), fix, finding.kind, site.output


def _scaled_back(finding: Finding, search: Search, name: str) -> str:
    """If all that is wrong is a factor: what to multiply by."""
    got, true = finding.gradients.get(name), search.claims[name].true
    if got is None or not np.any(true) or not np.any(got):
        return ""
    c = float(np.sum(got * true) / np.sum(true * true))
    if not c or not np.allclose(got, c * true, rtol=1e-9) or search.factors.name(c) is None:
        return ""
    return f"-1 times the gradient given for {name}" if same(c, -1.0) else (
        f"{shown(1 / c)} times the gradient given for {name}")


def _counted(search: Search, finding: Finding, name: str, said: str, words: Any) -> str:
    """The words, with the factor in them if they have one."""
    if "{c}" in said:
        c = _factor(search, finding, name)
        what = search.factors.name(c)
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
        if _is_by_chance(search, finding, name):
            continue
        if found:
            suspect = replace(suspect, tied=_same_numbers(fit[0], finding, name))
        if suspect.message not in [s.message for s in found]:
            found.append(suspect)
        if len(found) == AT_MOST:
            break
    return tuple(found) or (_pattern(search, name),)


def _is_by_chance(search: Search, finding: Finding, name: str) -> bool:
    """Whether it is a factor that no number of the program gives: that is arithmetic, no name."""
    if "{c}" not in finding.said:
        return False
    c = _factor(search, finding, name)
    return search.factors.name(c) is None or len(shown(abs(c)).partition(".")[2]) > 4


def _factor(search: Search, finding: Finding, name: str) -> float:
    got, true = finding.gradients[name], search.claims[name].true
    return float(np.sum(got * true) / np.sum(true * true))


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
        kind, words = _about_factor(c, search.factors, name)
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


def with_repairs(suspects: tuple[Suspect, ...], found: Sequence[Repair], wrong: int, line: str
                 ) -> tuple[Suspect, ...]:
    """The suspects with the corrected line; where the table has no answer, the edit is the answer.

    found: the edits that repair this parameter, the best first; wrong: how many are wrong; line:
    the one at fault, if no edit is known.
    """
    if not found:
        return tuple(replace(s, line=line) for s in suspects)
    first = found[0]
    found = [r for r in found if r.where == first.where and len(r.repaired) == len(first.repaired)]
    found = found[:2]
    told = tuple(replace(s, line=r.where, fix=r.fix) for s, r in
                 ((s, next((r for r in found if r.kind == s.kind), first)) for s in suspects))
    if told and (told[0].plain or (told[0].kind == "partial" and first.kind not in TELLING)):
        return told
    what = "all is right" if len(first.repaired) == wrong else "it is right"
    own = tuple(
        Suspect(r.kind, f"with `{r.fix}` instead of `{r.where.split(': ', 1)[-1]}` {what}",
                line=r.where, fix=r.fix, evidence=0.0) for r in found)
    return own + tuple(s for s in told if s.kind not in ("unknown",))
