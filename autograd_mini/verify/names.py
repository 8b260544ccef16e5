"""Gradients in a dict: `dW1`, `grad_W1` or `W1_grad` is that of W1, if no other name is meant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["forms_of", "meant", "renamed"]

_FORMS = ("{}", "d{}", "d_{}", "D{}", "g{}", "g_{}", "grad_{}", "grad{}", "{}_grad", "{}.grad",
          "{}_gradient", "d{}_", "dL_d{}", "dL/d{}", "dLd{}", "dloss_d{}", "dJ_d{}", "dJd{}", "∂{}")


def forms_of(name: Any) -> list[str]:
    """What the gradient of something may be called: its own name first, as in a dict of them."""
    return [form.format(name) for form in _FORMS]


def meant(keys: Collection[Any], names: Collection[Any]) -> dict[Any, Any]:
    """key → the name that it is the gradient of, for all keys of a dict; empty if one has none.

    A key that is a name itself means that, and the others what is left.
    """
    found = {key: key for key in keys if key in names}
    rest = {form: name for name in names if name not in found and isinstance(name, str)
            for form in forms_of(name)}
    found |= {key: rest[key] for key in keys if key not in found and key in rest}
    is_clear = len(found) == len(keys) and len(set(found.values())) == len(keys)
    return found if is_clear else {}


def renamed(claim: Any, form: Any) -> Any:
    """A nested claim with the keys of the parameters in the place of those of their gradients."""
    if isinstance(claim, Mapping) and isinstance(form, Mapping):
        names = meant(claim, form) or {key: key for key in claim}
        return {names[key]: renamed(g, form.get(names[key])) for key, g in claim.items()}
    if type(claim) is type(form) and type(claim) in (list, tuple) and len(claim) == len(form):
        return type(claim)(map(renamed, claim, form))
    return claim
