"""PyTorch's names, answered with the name that the same thing has here."""

from __future__ import annotations

from typing import Any, NoReturn

from .errors import DTypeError, SpellingError

__all__ = ["SPELLINGS", "Misspelt", "refuse_arguments"]

SPELLINGS = {
    "requires_grad": "every node is a variable, and what isn't to be one stays a plain number",
    "dim": "NumPy's name for it is axis=", "keepdim": "NumPy's name for it is keepdims=",
    "detach": "it is ag.stop_gradient(x), or x.data for the plain number or array",
    "numpy": "the plain number or array is x.data", "view": "it is x.reshape(...)",
    "unsqueeze": "it is np.expand_dims(x, axis)", "permute": "it is x.transpose(...)",
    "zero_": "set x.grad = None, or call zero_grad() of the module or optimizer",
    "requires_grad_": "every node is a variable, and what isn't to be one stays a plain number",
    "retain_grad": "every node keeps the gradient of the last backward",
    "cpu": "numbers are always there: leave it out", "cuda": "there is no other device here",
    "to": "there is one device here; the dtype is changed by x.astype(...)",
    "double": "it is x.astype(np.float64)", "float": "it is x.astype(np.float32)",
    "pow": "it is x ** p", "matmul": "it is x @ y", "mm": "it is x @ y", "t": "it is x.T",
    "grad_fn": "the operation that made a node is x.op",
    "abs": "it is abs(x)", "numel": "it is x.size", "clone": "it is x.copy()",
    "clamp": "it is x.clip(low, high)", "add": "it is x + y", "mul": "it is x * y",
    "softmax": "it is ag.softmax(x, axis)", "log_softmax": "it is ag.log_softmax(x, axis)",
    "norm": "it is np.linalg.norm(x)",
}
"""PyTorch's names for what has a name here, or needs none."""


def refuse_arguments(kind: str, label: Any, other: dict[str, Any]) -> NoReturn:
    """Raise for arguments that a Value or Tensor doesn't take, with the name that it has here."""
    if not other:
        raise DTypeError(f"the label of a {kind} is a str, not a {type(label).__name__}: {label!r}")
    name = next(iter(other))
    raise SpellingError(f"{kind}({name}=…): " + SPELLINGS.get(
        name, "a node takes its number or array, and a label"))


class Misspelt:
    """An attribute that another library has: reading or setting it raises, with its name here.

    A descriptor for each name rather than one `__getattr__`, for a class that has that is no
    longer read quickly by the interpreter, not even in its slots: it cost a quarter of a training
    step.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, node: Any, kind: type) -> NoReturn:
        raise SpellingError(f"a {kind.__name__} has no .{self.name}: {SPELLINGS[self.name]}")

    def __set__(self, node: Any, x: Any) -> NoReturn:
        self.__get__(node, type(node))
