"""What may be true of a primitive besides its derivative; each is stated beside its row."""

from __future__ import annotations

from ..primitive import Primitive

__all__ = ["FACTS", "IN_PYTHON", "in_python", "state"]

FACTS = {
    "linear": "it adds up, moves or negates entries",
    "multilinear": "linear in each of its arguments",
    "products": "a sum of products of entries, so the sizes of its terms come from |inputs|",
    "solves": "it solves equations, and amplifies rounding by the condition of the matrix",
    "centers": "its rule is y·(g − Σ g·y), whose terms cancel where g is nearly the same",
    "chooses": "which entry it takes depends on the numbers; with ties it has a kink",
    "sums up": "its rule for a product with a cotangent adds up what it takes for broadcast",
    "kink at 0": "its slope jumps where the argument is 0",
}
"""What may be true of a primitive besides, so that nowhere else there is a list of primitives."""


IN_PYTHON: dict[Primitive, str] = {}
"""How Python writes an operation on floats shorter than by a call; {0}, {1} … are the operands."""


def in_python(row: Primitive, text: str) -> None:
    """Say how Python writes this: the very same number as from the row's twin on floats."""
    IN_PYTHON[row] = text


def state(fact: str, *rows: Primitive) -> None:
    """Say that one of `FACTS` is true of these primitives."""
    if fact not in FACTS:
        raise ValueError(f"there is no fact {fact!r}: it is one of {', '.join(FACTS)}")
    for row in rows:
        row.facts.add(fact)
