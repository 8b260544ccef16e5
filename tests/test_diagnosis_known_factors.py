"""What a constant factor may be, and what it is called."""

from __future__ import annotations

from two_layers import X

from autograd_mini.verify.diagnosis.known_factors import KnownFactors, shown


def test_constants():
    """Numbers of a problem get their names; for few entries only the commonest."""
    known = KnownFactors({"X": X}, {"lam": 0.3})
    assert "axis 0 of X" in known.name(7.0) and "lam" in known.name(0.3)
    assert known.name(0.123456) is None and known.name(21.0, few=True) is None
    assert [shown(c) for c in (0.5, 0.3333333333333, 0.1234567)] == ["1/2", "1/3", "0.123457"]
