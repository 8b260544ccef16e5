"""What a function does besides computing: it isn't run a second time then, to be compared."""

from __future__ import annotations

from typing import Any

from .buffers import numbers
from .runs import current_run

__all__ = ["opened", "printed", "tell_effects"]

_EFFECTS = {
    "random": "it draws random numbers", "numpy.random": "it draws random numbers",
    "secrets": "it draws random numbers", "time": "it asks for the time",
    "datetime": "it asks for the time", "io": "it reads or writes a file",
    "_io": "it reads or writes a file", "os": "it asks the system",
    "posix": "it asks the system", "logging": "it writes to a log",
}
"""By module: what its functions do besides computing."""


def tell_effects(f: Any) -> None:
    """Note what f does besides computing: the user's function isn't run a second time then."""
    rooms = (getattr(f, "__module__", None) or "", type(getattr(f, "__self__", None)).__module__)
    for room in rooms:
        what = _EFFECTS.get("numpy.random" if room.startswith("numpy.random") else
                            room.partition(".")[0])
        if what is not None and (run := current_run()) is not None:
            run.tells(what)


def printed(*args: Any, **kwargs: Any) -> None:
    """`print`: nodes are shown as the numbers that they hold."""
    if (run := current_run()) is not None:
        run.tells("it prints")
    print(*map(numbers, args), **kwargs)


def opened(*args: Any, **kwargs: Any) -> Any:
    """`open`."""
    if (run := current_run()) is not None:
        run.tells("it reads or writes a file")
    return open(*args, **kwargs)
