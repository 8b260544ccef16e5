"""One program, all checks of its mode: right, refused, skipped or wrong."""

from __future__ import annotations

import re
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograd_mini.errors import AutogradError

from .programs import Outcome, Program, Skipped, Wrong

__all__ = ["judge"]

PYTHONS_OWN = ("'Value' object is not subscriptable",
               "assignment destination is read-only")  # np.add.at of plain arrays doesn't look
"""Refusals in the words of Python, or of NumPy."""

Checks = Mapping[str, Callable[[Any], None]]


def judge(program: Program, prepare: Callable[[Program], Any], checks: Checks,
          only: str = "") -> Outcome:
    """What became of the program: the first wrong answer counts.

    Without one: skipped if differences say nothing of the gradient; refused if its first check was.

    only: the name of the one check to do.
    """
    found: list[Outcome] = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            case = prepare(program)
        except Skipped as why:
            return Outcome("skipped", notes=(f"skipped: {why}",))
        except Exception as error:
            return Outcome("skipped", notes=(f"skipped: no program: {type(error).__name__}",))
        done = set()
        for name, check in checks.items():
            if check not in done and only in ("", name):
                done.add(check)
                found.append(_outcome(name, check, case))
                if found[-1].kind == "wrong":
                    return found[-1]
                if name in ("gradient", "hvp") and found[-1].why.startswith("differences"):
                    break  # rounding may be all there is: what comes next would compare that
    notes = tuple(f"{o.kind}: {o.why}" for o in found if o.kind != "right")
    deciding = [o.kind for o in found[:1] if o.kind == "refused"]
    deciding += [o.kind for o in found if o.step == "gradient"]
    return Outcome(deciding[0] if deciding else "right", notes=notes)


def _outcome(name: str, check: Callable[[Any], None], case: Any) -> Outcome:
    try:
        check(case)
    except Skipped as why:
        return Outcome("skipped", str(why), step=name)
    except Wrong as wrong:
        return Outcome("wrong", wrong.what, wrong.check, wrong.given, wrong.expected, name)
    except AutogradError as error:
        return Outcome("refused", head(error), step=name)
    except Exception as error:
        if str(error) in PYTHONS_OWN:
            return Outcome("refused", head(error), step=name)
        return Outcome("wrong", f"{type(error).__name__} from {_origin(error)}", "escaped",
                       f"{type(error).__name__}: {error}",
                       "a result, or an error of the engine's", name)
    return Outcome("right", step=name)


def head(error: BaseException) -> str:
    """The beginning of a message, with its numbers and names of variables taken out."""
    text = re.sub(r"[0-9.]+", "#", str(error).splitlines()[0] if str(error) else "")
    return f"{type(error).__name__}: {text[:70]}"


def _origin(error: BaseException) -> str:
    """The function of the engine's (or the fuzzer's) files that the error came through last."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "autograd_mini" in f.filename] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].name}"
