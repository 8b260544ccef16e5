"""The program with which a submission computes its numbers, run in a process of its own.

It knows nothing of this library, which a submission mustn't use, and nothing of what it says is
believed: the verdict is given elsewhere. It reads a pickle of what to do from its input, sets its
own limits, and writes a line of JSON and the bytes of arrays to the descriptor that it is given.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import pickle
import signal
import sys
import traceback
import types
from typing import Any

import numpy as np


def limit(cpu: int, memory: int, written: int) -> None:
    """Limit this process, as far as the system can."""
    import resource

    for what, most, end in ((resource.RLIMIT_CPU, cpu, cpu + 1),
                            (resource.RLIMIT_AS, memory << 20, memory << 20),
                            (resource.RLIMIT_FSIZE, written << 20, written << 20),
                            (resource.RLIMIT_CORE, 0, 0)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, end))
    with contextlib.suppress(ValueError, OSError):  # of the user in all; it doesn't bind root
        resource.setrlimit(resource.RLIMIT_NPROC, (256, 256))


def packed(tree: Any, data: list[bytes]) -> Any:
    """A tree of arrays as JSON takes it; the arrays' bytes are appended to data."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        return {"dict": {str(key): packed(part, data) for key, part in tree.items()}}
    if isinstance(tree, tuple | list):
        return {"list": [packed(part, data) for part in tree]}
    array = np.asarray(tree)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"gradient returned a {type(tree).__name__} of {array.dtype}, "
                        "not real numbers")
    array = array.astype("<f8")  # coarser numbers would be judged less strictly
    data.append(array.tobytes())
    return {"array": list(array.shape), "dtype": array.dtype.str}


def told(error: BaseException, path: str) -> str:
    """An error in a line, with the line of the submission."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == path]
    line = lines[-1] if lines else getattr(error, "lineno", None)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return what[:400] + (f" (line {line})" if line else "")


def answer(task: dict[str, Any], data: list[bytes]) -> dict[str, Any]:
    """What the submission's function gives for each set of arguments, or the error."""
    path = task["path"]
    for name in task["forbidden"]:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        module = sys.modules["submission"] = types.ModuleType("submission")
        module.__file__ = path
        exec(compile(task["source"], path, "exec"), vars(module))
        function = getattr(module, task["function"], None)
        if function is None:
            return {"error": f"the file defines no function {task['function']}"}
        found = []
        for args, kwargs in task["arguments"]:
            given = function(*copy.deepcopy(args), **copy.deepcopy(kwargs))
            if given is None:
                return {"error": f"{task['function']} returned None: is a `return` missing?"}
            found.append(packed(given, data))
        return {"found": found}
    except ImportError as error:
        if error.name and error.name.partition(".")[0] in task["forbidden"]:
            return {"error": f"it imports {error.name}, which isn't allowed here"}
        return {"error": told(error, path)}
    except BaseException as error:  # sys.exit, too
        return {"error": told(error, path)}


def tell_when_time_is_up(to: int) -> None:
    """Answer so when the processor's time is used up; what doesn't listen is killed later."""
    def end(*_: Any) -> None:
        os.write(to, b'{"error": "it took more time of the processor than is allowed"}\n')
        os._exit(0)

    signal.signal(signal.SIGXCPU, end)


def main() -> None:
    """Read what to do, do it, and answer."""
    task = pickle.load(sys.stdin.buffer)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    tell_when_time_is_up(task["to"])
    limit(*task["limits"])
    data: list[bytes] = []
    said = answer(task, data)
    with os.fdopen(task["to"], "wb") as out:
        out.write(json.dumps(said).encode() + b"\n")
        for one in data:
            out.write(one)
    os._exit(0)  # whatever threads were started


if __name__ == "__main__":
    main()
