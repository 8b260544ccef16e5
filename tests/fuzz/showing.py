"""A failure as a program that can be pasted, with what it prints and what it should."""

from __future__ import annotations

from typing import Any

import numpy as np

from .programs import Program, literal

__all__ = ["shown"]

TRANSFORMS = {"compiled": "{f}", "compiled grad": "ag.grad({f})",
              "compiled value_and_grad": "ag.value_and_grad({f})",
              "compiled hessian": "ag.hessian({f})"}
NODES = """nodes = [{kind}(v) for v in ({args},)]
print({loss}(*nodes))
print(ag.gradients({loss}(*nodes), nodes))
print(ag.gradients({loss}(*nodes), nodes, create_graph=True))"""
WRITTEN = """w = ag.as_written(f)
print(ag.value_and_grad(lambda *args: mix(w(*args)), {nums})({args}), mix(f({args})))"""
ENDINGS = {
    **dict.fromkeys(("nodes", "create_graph", "backward", "gradients", "kind"), NODES),
    "jvp": "print(ag.jvp(f, ({args},), ({way},)))",
    "hvp": "print(ag.hvp({loss}, ({args},), ({way},)))",
    "hessian": "print(ag.hessian({loss})({args}))",
    "float32": "single = [np.asarray(v, np.float32) for v in ({args},)]\n"
               "print(ag.grad({loss}, {nums})(*single))\n"
               "print(ag.hvp({loss}, single, [np.ones_like(v) for v in single]))",
}


def shown(program: Program, step: str, mode: str, inputs: list[Any] = ()) -> str:
    """The program's text, with the call that gives the wrong answer."""
    if mode == "compiled":
        return program.text(_replayed(program, step, inputs))
    if mode == "written":
        return program.text(WRITTEN.format(args=", ".join(program.args), nums=tuple(
            i for i, name in enumerate(program.args) if name != "k")))
    scalar = _is_scalar(program)
    ways = [np.round(np.cos(2.0 + k + np.arange(np.size(x))), 2).reshape(np.shape(x))
            for k, x in enumerate(program.values)]
    if mode == "values":
        ways = [0.7, -0.4, 0.9][: len(program.args)]
    ending = ENDINGS.get(step, "print(ag.value_and_grad({loss}, {nums})({args}))").format(
        args=", ".join(program.args), loss="f" if scalar else "loss",
        nums=tuple(range(len(program.args))), way=", ".join(map(literal, ways)),
        kind="ag.Value" if mode == "values" else "ag.Tensor")
    return program.text(ending if scalar else f"loss = lambda *args: mix(f(*args))\n{ending}")


def _is_scalar(program: Program) -> bool:
    try:
        with np.errstate(all="ignore"):
            return not np.ndim(program.function(*program.values))
    except Exception:
        return True


def _replayed(program: Program, step: str, inputs: list[Any]) -> str:
    """The calls of a compiled program, with what happens between them."""
    if step == "batched":
        columns = [literal(np.stack([np.asarray(args[i]) for args in inputs]))
                   for i in range(len(program.args))]
        return (f"c = ag.compile(f, batched={tuple(range(len(program.args)))})\n"
                f"print(c({', '.join(columns)}))\n"
                f"print([f(*args) for args in zip({', '.join(columns)})])")
    made = TRANSFORMS.get(step, "{f}").format(f="f")
    lines = [f"c = ag.compile({made})"]
    for k, args in enumerate(inputs):
        lines += [program.steps[k - 1]] if 0 < k <= len(program.steps) else []
        call = ", ".join(map(literal, args))
        lines.append(f"print({made}({call}), c({call}))")
    return "\n".join(lines)
