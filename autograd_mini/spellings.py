"""Names of HIPS autograd, JAX and PyTorch, answered with what the same thing is called here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NoReturn

from .errors import DTypeError, SpellingError, SpellingImportError

__all__ = ["FUNCTIONS", "KEYWORDS", "SPELLINGS", "Misspelt", "answer_imports", "foreign",
           "refuse_arguments", "refuse_keywords"]

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
"""PyTorch's attributes of a tensor, for what has a name here, or needs none."""

KEYWORDS = {
    "argnum": "it is argnums=: a position, a name, or a tuple of them",
    "argnums": "all arguments are differentiated by: hold the others, lambda x: f(x, 2.0)",
    "has_aux": "grad, value_and_grad, jacobian, hessian, vjp and jvp have it",
    "holomorphic": "numbers are real here: give the real and the imaginary part as two arguments",
    "allow_int": "whole numbers are differentiated as floats: leave it out",
    "reduce_axes": "it is for arrays spread over devices: leave it out",
    "create_graph": "ag.grad(f) can be differentiated again as it is; of nodes, "
                    "ag.gradients(y, x, create_graph=True) gives nodes",
    "retain_graph": "a graph is kept as long as its output is: leave it out",
    "allow_unused": "ag.grad(f) gives 0 for an argument that f doesn't use: leave it out",
    "materialize_grads": "ag.grad(f) gives 0 for an argument that f doesn't use: leave it out",
    "gradient": "it is seed=", "grad_outputs": "it is seed=", "grad_tensors": "it is seed=",
    "inputs": "ag.gradients(y, [a, b]) gives the gradients of some nodes alone",
    "only_inputs": "ag.gradients(y, [a, b]) gives the gradients of some nodes alone",
    "vectorize": "leave it out", "strategy": "leave it out", "chunk_size": "leave it out",
    "outer_jacobian_strategy": "leave it out", "mode": "leave it out: there is reverse mode",
    "strict": "a result that doesn't depend on its arguments warns, or raises if it was cut: "
              "leave it out",
    "static_argnums": "what isn't a float is part of the program: leave it out",
    "static_argnames": "what isn't a float is part of the program: leave it out",
    "donate_argnums": "leave it out", "in_axes": "it is batched=, the positions of the arguments",
}
"""Other libraries' arguments of functions that have the same name here."""

_RULE = ("a rule is ag.elementwise(f, None, lambda y, x: slope) for each number alone, or "
         "ag.structural(f, lambda g, y, x: pullback) for arrays")
_VMAP = ("NumPy's functions take a whole batch (axis=, @, einsum); a loop is "
         "np.stack([f(x) for x in xs]); of single floats, ag.compile(f, batched=0)")
_CONTROL = "Python's own if, for and while are followed as they run"
_TREE = ("transforms take tuples, lists, dicts and dataclasses as they are; "
         "vector, unflatten = ag.flatten(tree) makes one array of them")
_DEVICE = "there is one device here: leave it out"
_CHECK = ("it is ag.check_gradient(f, ag.grad(f), x); for a rule of your own, "
          "ag.check_primitive(rule)")
_RANDOM = "random numbers are NumPy's: np.random.default_rng(seed).normal(size=3)"
_FLOAT64 = "numbers are float64, and float32 stays float32: leave it out"


def _all(names: str, answer: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), answer)


FUNCTIONS = {
    "HIPS autograd": {
        **_all("numpy anp", "NumPy itself is differentiated: `import numpy as np` is enough"),
        "scipy": "SciPy's own ufuncs take nodes: `import scipy.special`; its Python functions are "
                 "in ag.scipy: `from autograd_mini import scipy`",
        **_all("multigrad multigrad_dict",
               "it is ag.grad(f, argnums=(0, 1)), or by name: argnums=('W', 'b')"),
        "grad_and_aux": "it is ag.grad(f, has_aux=True)(x), where f returns (y, aux)",
        **_all("make_vjp vector_jacobian_product tensor_jacobian_product",
               "y, pullback = ag.vjp(f, x), and pullback(g) is gᵀJ, one per argument"),
        **_all("make_jvp make_jvp_reversemode jacobian_vector_product",
               "it is y, Jv = ag.jvp(f, (x,), (v,))"),
        **_all("hessian_vector_product hessian_tensor_product make_hvp",
               "it is ag.hvp(f)(x, v), with v before the other arguments of f"),
        "make_ggnvp": "JᵀJ·v is ag.vjp(f, x)[1](ag.jvp(f, (x,), (v,))[1])[0]",
        "deriv": "it is ag.grad(f), or of an array-valued f ag.jvp(f, (x,), (1.0,))[1]",
        "holomorphic_grad": KEYWORDS["holomorphic"],
        **_all("primitive defvjp defvjp_argnum defvjp_argnums defjvp defjvp_argnum "
               "defjvp_argnums defgrad def_linear extend", _RULE),
        **_all("notrace_primitive register_notrace", "it is ag.stop_gradient(f(x))"),
        **_all("check_grads test_util", _CHECK), **_all("misc builtins", _TREE),
        "differential_operators": "its functions are here: ag.grad, ag.jacobian, ag.hessian",
    },
    "JAX": {
        "jnp": "NumPy itself is differentiated: `import numpy as np` is enough",
        "jit": "it is ag.compile(f), for functions of single floats; without it all runs too",
        **_all("vmap pmap vectorize", _VMAP), **_all("jacfwd jacrev", "it is ag.jacobian(f)"),
        "linearize": "it is y, Jv = ag.jvp(f, (x,), (v,))",
        "linear_transpose": "it is ag.vjp(f, x)[1]",
        **_all("custom_vjp custom_jvp custom_gradient custom_derivatives", _RULE),
        "lax": f"lax.stop_gradient is ag.stop_gradient; {_CONTROL}",
        **_all("scan cond while_loop fori_loop switch", _CONTROL),
        **_all("checkpoint remat", "there is no choice of what is computed twice: leave it out"),
        **_all("tree tree_map tree_util tree_flatten tree_unflatten tree_leaves ravel_pytree "
               "flatten_util", _TREE),
        **_all("random PRNGKey", _RANDOM),
        **_all("device_put device_get devices block_until_ready", _DEVICE),
        "make_jaxpr": "ag.draw(y) shows a graph, print(ag.compile(f)) a program",
        **_all("config enable_x64", _FLOAT64), "one_hot": "it is np.eye(n)[labels]",
    },
    "PyTorch": {
        **_all("tensor from_numpy as_tensor asarray array Variable Parameter FloatTensor "
               "DoubleTensor", "it is ag.Tensor(array), or ag.Value(2.0) for one number; every "
               "node is a variable, without requires_grad"),
        **_all("zeros ones empty arange eye linspace zeros_like ones_like",
               "plain arrays are NumPy's, as np.zeros(3); ag.Tensor(array) is a variable"),
        **_all("randn rand randint randperm manual_seed", _RANDOM),
        **_all("autograd Function", f"autograd.grad(y, x) is ag.gradients(y, x); {_RULE}"),
        **_all("gradcheck gradgradcheck", _CHECK),
        **_all("enable_grad inference_mode set_grad_enabled is_grad_enabled",
               "all is recorded but for what is inside `with ag.no_grad():`"),
        "zero_grad": "set x.grad = None, or call zero_grad() of the module or optimizer",
        "set_detect_anomaly": "it is `with ag.detect_anomaly():`",
        "optim": "optimizers are in ag.nn: nn.SGD, nn.Adam", "Module": "it is ag.nn.Module",
        **_all("functional F", "activations are ag.relu, ag.softmax …; losses nn.mse_loss …"),
        **_all("func functorch", "transforms are ag.grad, ag.vjp, ag.jvp, ag.jacobian, ag.hessian"),
        "functional_call": "give the parameters to the loss as an argument: a dict or a list",
        **_all("device set_default_device", _DEVICE), "cat": "it is np.concatenate",
        "bmm": "it is a @ b", "is_tensor": "it is isinstance(x, ag.Node)",
        **_all("float32 float64 set_default_dtype",
               "dtypes are NumPy's: np.float32; float64 is the default"),
        **_all("parameters_to_vector vector_to_parameters",
               "it is vector, unflatten = ag.flatten(tree)"),
        **_all("save load", "parameters are saved by ag.nn.save, and read by ag.nn.load"),
        "utils": "a loader of batches is ag.nn.DataLoader",
    },
}
"""Other libraries' functions and rooms, by library, for what is written otherwise here."""


def foreign(name: str) -> str:
    """One sentence about `ag.name` if it is a name of another library; "" if it isn't known."""
    for library, names in {**FUNCTIONS, "PyTorch ": SPELLINGS}.items():
        if name in names:
            return f"{library.strip()}'s {name} isn't in autograd_mini: {names[name]}"
    return ""


def refuse_keywords(function: str, other: Mapping[str, Any]) -> None:
    """Raise `SpellingError` for an argument that a function hasn't, with what it is here."""
    for name in other:
        known = KEYWORDS.get(name) or SPELLINGS.get(name)
        raise SpellingError(f"{function}({name}=…): {known}" if known else
                            f"{function}() has no argument {name!r}: see help(ag.{function})")


class ForeignModules:
    """What Python's import asks last: `import autograd_mini.numpy` gets an answer, no module.

    `from autograd_mini import jit` ends here too: Python then looks for a module of that name, and
    would in the end say less than the AttributeError of `ag.jit`.
    """

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Raise `SpellingImportError` for a name of another library."""
        package, _, inside = name.partition(".")
        if package == "autograd_mini" and (answer := foreign(inside)):
            raise SpellingImportError(answer, name=name)


class NoFunction(ModuleType):
    """A module of ours that is a function elsewhere: calling `ag.tensor(…)` is answered."""

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `SpellingError`, with what it is here."""
        raise SpellingError(foreign(self.__name__.rpartition(".")[2]))


def answer_imports() -> None:
    """From here on, imports of other libraries' names from this package are answered."""
    if not any([type(finder).__name__ == ForeignModules.__name__ for finder in sys.meta_path]):
        sys.meta_path.append(ForeignModules())
    for name in ("tensor", "primitive"):
        sys.modules[f"autograd_mini.{name}"].__class__ = NoFunction



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
