"""All works by name, in the order of the page."""

from __future__ import annotations

from . import (
    chain,
    checks,
    demo,
    digits,
    elementwise,
    entries,
    expression,
    first_call,
    hessian,
    imports,
    memory,
    models,
    plain,
    scalar_gpt,
    several,
    shown,
    training,
    unrolled,
    watching,
    written,
)

WORKS = {work.name: work for work in [
    expression.WORK, demo.WORK, scalar_gpt.WORK, demo.RECORDING, first_call.WORK, chain.WORK,
    *training.WORKS, elementwise.WORK, *plain.WORKS, *models.WORKS, digits.WORK, hessian.WORK,
    *unrolled.WORKS, *written.WORKS, *entries.WORKS, watching.WORK, checks.WORK,
    *several.WORKS,
    shown.WORK, memory.WORK, memory.OF_A_STEP, imports.WORK,
]}
