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
import select
import signal
import sys
import threading
import time
import traceback
import types
from typing import Any

import numpy as np


def limit(cpu: int, memory: int, written: int, processes: int) -> None:
    """Limit this process, as far as the system can."""
    import resource

    for what, most, end in ((resource.RLIMIT_CPU, cpu, cpu + 1),
                            (resource.RLIMIT_AS, memory << 20, memory << 20),
                            (resource.RLIMIT_FSIZE, written << 20, written << 20),
                            (resource.RLIMIT_CORE, 0, 0)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, end))
    if processes:
        with contextlib.suppress(ValueError, OSError):  # of the user in all; root isn't bound
            resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))


def packed(tree: Any, data: list[bytes]) -> Any:
    """A tree of arrays as JSON takes it; the arrays' bytes are appended to data."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        return {"dict": [[key if isinstance(key, str | int) else str(key), packed(part, data)]
                         for key, part in tree.items()]}
    if isinstance(tree, tuple | list):
        kind = "list" if isinstance(tree, list) else "tuple"
        return {kind: [packed(part, data) for part in tree]}
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


class Forbidden:
    """Finds no module of those that a submission can't import. (A None in their places would be
    taken for the module by libraries that look whether it is there.)
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Nothing, for one of the others to find; or an error."""
        if name.partition(".")[0] in self.names:
            raise ImportError(f"{name} isn't allowed here", name=name)


def answer(task: dict[str, Any], data: list[bytes]) -> dict[str, Any]:
    """What the submission's function gives for each set of arguments, or the error."""
    path = task["path"]
    sys.meta_path.insert(0, Forbidden(tuple(task["forbidden"])))
    if task["beside"]:  # of the assignment itself: what it imports, and reads
        sys.path.append(os.path.dirname(path))
    try:
        module = sys.modules["submission"] = types.ModuleType("submission")
        module.__file__ = path
        code = compile(task["source"], path, "exec", dont_inherit=True)  # this file's __future__
        exec(code, vars(module))
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
        if isinstance(error.name, str) and error.name.partition(".")[0] in task["forbidden"]:
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


def end_with(grader: int, wall: float) -> None:
    """End this process, and what it started, with the grader, or when its time is over."""
    until = time.monotonic() + wall
    while time.monotonic() < until:
        if select.select([grader], [], [], until - time.monotonic())[0]:
            break  # the other end of its pipe is closed
    os.killpg(0, signal.SIGKILL)
    os._exit(1)  # the first process of its own namespace can't be killed from within


def main() -> None:
    """Read what to do, do it, and answer."""
    task = pickle.load(sys.stdin.buffer)
    grader = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=end_with, args=(grader, 2 * task["wall"]), daemon=True).start()
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
