"""Writes the generated pages: `python docs/generate.py` (needs torch and jax for the first).

docs/conformance.md  what the gradient is at each edge, here, in PyTorch and in JAX
docs/numpy.md        every function of NumPy, and its class here
docs/mistakes.md     the mistakes that the verifier knows
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini.numpy_api.catalog import classes
from autograd_mini.numpy_api.conventions import EDGES, Edge
from autograd_mini.verify.diagnosis.mistakes import MISTAKES

HERE = Path(__file__).parent
JAX_NAMES = {"ag.hardsigmoid": "jax.nn.hard_sigmoid", "ag.hardtanh": "jax.nn.hard_tanh",
             "ag.softsign": "jax.nn.soft_sign", "ag.gelu(x, 'tanh')": "jax.nn.gelu(x)"}


def cell(first: Any, second: Any) -> str:
    """Both derivatives as a cell of a table: `first; second`."""
    def text(value: Any) -> str:
        if value is None or isinstance(value, str):
            return value or "–"
        rounded = np.vectorize(lambda v: f"{float(f'{v:.4g}') + 0.0:.4g}", otypes=[object])(value)
        return np.array2string(rounded, separator=", ", formatter={"all": str}).replace("\n", "")

    return f"{text(first)}; {text(second)}".replace("inf", "∞")


# ── three engines, one edge ──────────────────────────────────────────────────────────────────


def both(gradient: Callable[[Any], Any], edge: Edge) -> str:
    """The first derivative of the sum of f, and that of the sum of the first."""
    try:
        first, second = gradient(edge)
    except NotImplementedError:
        return "no such function"
    return cell(first, second if edge.second is not None else None)


def here(edge: Edge) -> tuple[Any, Any]:
    def loss(x: Any) -> Any:
        return ag.sum(eval(edge.expression, {"np": np, "ag": ag, "x": x}))

    def slopes(x: Any) -> Any:
        return ag.sum(ag.grad(loss)(x))

    x = np.array(edge.x)
    return ag.grad(loss)(x), ag.grad(slopes)(x) if edge.second is not None else None


def in_torch(edge: Edge) -> tuple[Any, Any]:
    import torch

    code = edge.torch or edge.expression.replace("np.inf", "float('inf')").replace("np.", "torch.")
    if code == "-":
        raise NotImplementedError
    x = torch.tensor(edge.x, dtype=torch.float64, requires_grad=True)
    y = eval(code, {"torch": torch, "F": torch.nn.functional, "np": np, "x": x})
    try:
        (first,) = torch.autograd.grad(y.sum(), x, create_graph=True, allow_unused=True)
    except RuntimeError:  # "derivative for … is not implemented"
        return "not implemented", "not implemented"
    first = torch.zeros_like(x) if first is None else first
    second = None
    if first.requires_grad and edge.second is not None:
        try:
            (second,) = torch.autograd.grad(first.sum(), x, allow_unused=True)
        except RuntimeError:  # "derivative for … is not implemented"
            return first.numpy(force=True), "not implemented"
    second = torch.zeros_like(x) if second is None else second
    return first.numpy(force=True), second.numpy(force=True)


def in_jax(edge: Edge) -> tuple[Any, Any]:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    code = edge.expression
    for ours, theirs in JAX_NAMES.items():
        code = code.replace(ours, theirs)
    code = code.replace("ag.", "jax.nn.")

    def loss(x: Any) -> Any:
        return jnp.sum(eval(code, {"np": jnp, "jax": jax, "x": x}))

    x = jnp.array(edge.x, dtype=float)
    second = jax.grad(lambda x: jnp.sum(jax.grad(loss)(x)))
    return np.asarray(jax.grad(loss)(x)), (
        np.asarray(second(x)) if edge.second is not None else None)


def conformance() -> str:
    """The page docs/conformance.md."""
    lines, agree = [], {"torch": 0, "jax": 0}
    for edge in EDGES:
        with np.errstate(all="ignore"):
            ours, torchs, jaxs = both(here, edge), both(in_torch, edge), both(in_jax, edge)
        agree["torch"] += ours == torchs
        agree["jax"] += ours == jaxs
        why = edge.why if not ours == torchs == jaxs else ""
        code = edge.expression.replace("|", "\\|")
        lines.append(f"| `{code}` | {edge.x} | {ours} | {torchs} | {jaxs} | {why} |")
    versions = " and ".join(f"{name} {importlib.metadata.version(name).split('+')[0]}"
                            for name in ("torch", "jax"))
    return "\n".join([
        "# At the edges",
        "",
        "What the gradient is where mathematics leaves a choice, or computers lose it. A cell is the first",
        "derivative; the second (for an array x, the gradient of the sum, and the gradient of the sum of that;",
        "–: not compared). The rule: where the function is differentiable, the derivative; at a convex kink the",
        "subgradient of least norm; elsewhere by continuity; nan in gives nan out; and what isn't chosen hears",
        "nothing. `ag.convention(\"relu\")` says the same in Python.",
        "",
        f"Generated by `python docs/generate.py`, with {versions}, in float64. Of {len(EDGES)} cases "
        f"{agree['torch']} are the same in PyTorch and {agree['jax']} in JAX; the last column says why ours is "
        "what it is where one of them differs.",
        "",
        "| f | x | here | PyTorch | JAX | why |",
        "|---|---|---|---|---|---|",
        *lines,
        "",
    ])


# ── NumPy's namespace ────────────────────────────────────────────────────────────────────────


def numpy_page() -> str:
    """The page docs/numpy.md."""
    found = classes()
    groups: dict[str, list[str]] = {}
    refused: dict[str, dict[str, list[str]]] = {}
    for name, (kind, note) in found.items():
        groups.setdefault(kind, []).append(name)
        if kind == "refused":
            why, _, cure = note.partition("; ")
            refused.setdefault(why, {}).setdefault(cure, []).append(f"`{name}`")
    counts = {kind: len(names) for kind, names in groups.items()}
    release = ".".join(np.__version__.split(".")[:2])
    listed = {kind: ", ".join(f"`{name}`" for name in names) for kind, names in groups.items()}
    return "\n".join([
        "# NumPy's functions, and what becomes of a node in them",
        "",
        f"Generated by `python docs/generate.py` from NumPy {release}. Of the {len(found)} functions in `np`, "
        f"`np.linalg` and `np.lib.stride_tricks`, {counts['differentiable']} are differentiable, {counts['constant']} constant by nature, and "
        f"{counts['refused']} refused.",
        "",
        f"## Differentiable: {counts['differentiable']}",
        "",
        listed["differentiable"],
        "",
        f"## Constant by nature: {counts['constant']}",
        "",
        "Their result has derivative 0 or isn't a number: they give plain arrays.",
        "",
        listed["constant"],
        "",
        f"## Refused: {counts['refused']}",
        "",
        "Given a node they raise `NotDifferentiableError` with the reason and the cure, where NumPy lets us see it;",
        "the last group never has to do with a node.",
        "",
        *[line for why, cures in refused.items() for line in (
            f"**Because {why}**", "",
            *(f"- {', '.join(names)}" + (f": {cure}" if cure else "") for cure, names in cures.items()), "")],
    ])


def mistakes_page() -> str:
    """The kinds of mistake, and the wrong rules that are known of each function."""
    lines = ["# The mistakes that the verifier knows", "",
             "Generated by `docs/generate.py`. `ag.mistake(function, kind, rule, said)` adds a row.", "",
             "| kind | what it is |", "|---|---|"]
    lines += [f"| `{kind}` | {what} |" for kind, what in ag.KINDS.items()]
    lines += ["", "## Per function", "", "Besides these, for every function, also one's own: its derivative "
              "forgotten, applied twice, evaluated at the other value, with the operands swapped or another array "
              "of the program in it; the incoming gradient dropped; the sign; a factor; one of several uses forgotten; "
              "summed over the wrong axis, averaged, not summed.", "", "| function | kind | what is said |", "|---|---|---|"]
    for name, rows in OF_OURS.items():
        lines += dict.fromkeys(f"| {name} | `{row.kind}` | {row.said.replace('|', chr(92) + '|')} |" for row in rows)
    return "\n".join(lines) + "\n"


OF_OURS = {name: list(rows) for name, rows in MISTAKES.items()}  # before anybody adds one


if __name__ == "__main__":
    (HERE / "numpy.md").write_text(numpy_page())
    (HERE / "mistakes.md").write_text(mistakes_page())
    (HERE / "conformance.md").write_text(conformance())
