"""Tests a student's engine: a class as it is, or a file in a process of its own, with a time limit.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, ArgumentTypeError
from ..tensor import Tensor
from ..value import Value
from .array_properties import ARRAYS
from .engine_report import EngineReport
from .engines import FUNCTIONS, Property, Result, results_of
from .scalar_properties import SCALARS

__all__ = ["check_engine"]

TABLES: dict[str, tuple[type, list[Property]]] = {
    "scalars": (Value, SCALARS), "arrays": (Tensor, ARRAYS)}
MOST_STARTS = 4  # of a file's process: each property that ends one costs the time limit


def check_engine(engine: type | str | Path, *, name: str | None = None,
                 arrays: bool | None = None, seconds: float = 60.0) -> EngineReport:
    """Test somebody's own autograd engine: which properties hold, and a small input where not.

    engine: a class with micrograd's interface (`Value(3.0)`, operators, `.data`, `.grad`,
    `.backward()`), or the path of a Python file that defines `Value`, or `Tensor` for arrays. Each
    property of a table (80 of single floats, 112 of arrays) is a few lines of code that are
    run with the class and with ours. Functions may be methods, or functions of the file.
    name: of the file's class, if it has another one. arrays: whether it holds arrays; by default
    the class called `Tensor` does. seconds: how long a file's process may take, in all; it is
    ended then, and what it was at is told. (A class is tried in this process, where only the lines
    that it runs are limited.) Returns an `EngineReport`. Raises `ArgumentTypeError` for what is
    neither a class nor a path, and `ArgumentError` for a file without such a class, or that can't
    be imported.

    >>> from autograd_mini import Value
    >>> report = check_engine(Value)
    >>> print(report.ok, len(report.results))
    True 80
    """
    if isinstance(engine, type):
        table = _table_of(engine.__name__, arrays)
        of_class = results(engine, _functions_beside(engine), table)
        return EngineReport(engine.__name__, tuple(of_class))
    if not isinstance(engine, str | Path):
        raise ArgumentTypeError("the engine is a class, or the path of a file that defines one, "
                                f"not a {type(engine).__name__}")
    path = Path(engine)
    if not path.is_file():
        raise ArgumentError(f"there is no file {path}")
    if not seconds > 0:
        raise ArgumentError(f"seconds is {seconds!r}; a file needs some")
    kinds, found = _in_a_child(path, name, arrays, seconds)
    return EngineReport(f"{' and '.join(kinds)} of {path.name}", tuple(found))


def _functions_beside(kind: type) -> dict[str, Any]:
    """The functions of the class's module, and of the package that it is of."""
    found: dict[str, Any] = {}
    for name in (kind.__module__.partition(".")[0], kind.__module__):
        module = sys.modules.get(name)
        found |= {each: getattr(module, each) for each in FUNCTIONS if hasattr(module, each)}
    return found


def _table_of(name: str, arrays: bool | None) -> str:
    return "arrays" if (name == "Tensor" if arrays is None else arrays) else "scalars"


def results(kind: type, functions: Mapping[str, Any], table: str, skip: int = 0
            ) -> Iterator[Result]:
    """The results of a table, from a property on."""
    import autograd_mini as ag

    ours, properties = TABLES[table]
    our_functions = {name: getattr(ag, name, None) for name in FUNCTIONS}
    return results_of(kind, functions, ours, our_functions, properties[skip:])


# ── a file, in a process of its own ──────────────────────────────────────────────────────────────

def _in_a_child(path: Path, name: str | None, arrays: bool | None, seconds: float
                ) -> tuple[list[str], list[Result]]:
    """The classes that were tested, and the results; the process is started again after what
    ended it."""
    found: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="autograd_mini_") as folder:
        told = Path(folder, "told.jsonl")
        for start in range(1, MOST_STARTS + 1):
            ended = _started(path, name, arrays, len(found), told, seconds)
            lines = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
            if not lines or "error" in lines[-1]:
                raise ArgumentError(lines[-1]["error"] if lines else (
                    f"{path}: importing it {ended}; put what is run under "
                    "if __name__ == '__main__':"))
            order = [(kind, one) for kind, table in lines[0]["tables"]
                     for one in TABLES[table][1]]
            found += [_read(line, order[len(found) + i][1]) for i, line in enumerate(lines[1:])]
            if ended and len(found) < len(order):
                found.append(_ended(*order[len(found)], ended))
            if start == MOST_STARTS:
                found += [Result(one, "untried") for _, one in order[len(found):]]
            if len(found) >= len(order):
                break
    return [kind for kind, _ in lines[0]["tables"]], found


def _started(path: Path, name: str | None, arrays: bool | None, skip: int, told: Path,
             seconds: float) -> str:
    """Run the file's properties in a process; how it ended, if not by itself."""
    told.write_text("", encoding="utf-8")
    arguments = json.dumps([str(path.resolve()), name, arrays, skip, str(told)])
    command = [sys.executable, "-X", "utf8", "-m", f"{__package__}.child", arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f"took longer than {seconds:g} seconds"
    return f"ended Python (exit status {done.returncode})" if done.returncode else ""


def _ended(kind: str, one: Property, how: str) -> Result:
    """A property at which the process ended."""
    code = next(one.codes(kind))
    return Result(one, "fails", code, one.asks[0], f"it {how}")


def _read(line: dict[str, str], one: Property) -> Result:
    return Result(one, **line)  # type: ignore[arg-type]


def child(arguments: str) -> None:
    """In the process: import the file, and tell of each property in a line as it is done."""
    path, name, arrays, skip, told = json.loads(arguments)
    with open(told, "a", encoding="utf-8") as file:
        def tell(line: dict[str, Any]) -> None:
            file.write(json.dumps(line) + "\n")
            file.flush()

        try:
            module = _imported(Path(path))
            kinds = _classes(module, name, arrays)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1].lineno
            tell({"error": f"{Path(path).name}: {error}" if isinstance(error, ArgumentError) else
                  f"{path}: line {where} raises {type(error).__name__}: {error}"})
            return
        tell({"tables": [(kind.__name__, table) for kind, table in kinds]})
        for kind, table in kinds:
            for each in results(kind, vars(module), table, skip):
                tell({"outcome": each.outcome, "code": each.code, "asked": each.asked,
                      "given": each.given, "expected": each.expected})
            skip = max(0, skip - len(TABLES[table][1]))


def _imported(path: Path) -> Any:
    """The file as a module, which finds what lies beside it."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ArgumentError("it isn't a Python file (.py)")
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SystemExit:
        raise ArgumentError("importing it ends Python: put what is run under "
                            "if __name__ == '__main__':") from None
    return module


def _classes(module: Any, name: str | None, arrays: bool | None) -> list[tuple[type, str]]:
    """The engine's classes, each with its table."""
    names = [name] if name else ["Value", "Tensor"]
    kinds = [getattr(module, each) for each in names
             if isinstance(getattr(module, each, None), type)]
    if not kinds:
        there = [n for n, x in vars(module).items()
                 if isinstance(x, type) and x.__module__ == module.__name__]
        raise ArgumentError(f"it defines no class {' or '.join(names)}"
                            + (f"; it defines {', '.join(there)} (--class NAME)" if there else ""))
    return [(kind, _table_of(kind.__name__, arrays)) for kind in kinds]
