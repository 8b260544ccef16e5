"""The printed NumPy code in the words of JAX and PyTorch, statement by statement."""

from __future__ import annotations

import ast
from collections.abc import Callable

from .rows import HELPERS, NotPrintableError

__all__ = ["BACKENDS", "translated"]

SAME = {"exp", "log", "tanh", "sqrt", "expm1", "exp2", "log2", "log10", "log1p", "sin", "cos",
        "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "arcsinh", "arccosh",
        "arctanh", "hypot", "logaddexp", "logaddexp2", "deg2rad", "rad2deg", "square",
        "reciprocal", "sign", "isnan", "isinf", "isfinite", "copysign", "remainder", "fmod",
        "fmax", "fmin", "floor_divide", "minimum", "where", "reshape", "broadcast_to",
        "outer", "any", "all", "zeros_like", "negative", "positive", "add", "subtract",
        "multiply", "divide", "power", "abs", "absolute", "linalg", "clip", "nan", "inf",
        "float64", "float32", "int64", "bool", "arange"}
"""What PyTorch calls as NumPy does, with the same arguments in the same places."""

TORCH_HELPERS = {
    "sigmoid": """def sigmoid(x):
    return torch.sigmoid(x)""",
    "softplus": """def softplus(x):
    return torch.log1p(torch.exp(-torch.abs(x))) + torch.clamp(x, min=0)""",
    "put_back": """def put_back(g, index, shape):
    at = torch.arange(torch.Size(shape).numel(), device=g.device).reshape(shape)[index]
    x = torch.zeros(torch.Size(shape).numel(), dtype=g.dtype, device=g.device)
    return x.index_add(0, at.reshape(-1), g.reshape(-1)).reshape(shape)""",
    "logsumexp": """def logsumexp(x, dim=None, keepdim=False):
    return torch.logsumexp(x, tuple(range(x.ndim)) if dim is None else dim, keepdim)""",
    "places_in_order": """def places_in_order(x, axis, kth=None):
    order = torch.argsort(x, dim=axis, stable=True)
    places = torch.arange(x.numel(), device=x.device).reshape(x.shape)
    return torch.take_along_dim(places, order, axis)""",
    "put_at": """def put_at(g, places, shape):
    x = torch.zeros(torch.Size(shape).numel(), dtype=g.dtype, device=g.device)
    return x.index_add(0, places.reshape(-1), g.reshape(-1)).reshape(shape)""",
    **{name: HELPERS[name].replace("np.", "torch.") for name in (
        "sech", "bell", "unit", "in_range")},
    "length": """def length(x, axis=None):
    dims = tuple(range(x.ndim)) if axis is None else axis
    top = torch.amax(torch.abs(x), dim=dims, keepdim=True)
    usual = (top == 0) | ~torch.isfinite(top)
    exponent = torch.floor(torch.log2(torch.where(usual, 1.0, top)))
    scale = torch.where(usual, 1.0, torch.exp2(exponent))
    return torch.sqrt(torch.sum(torch.square(x / scale), dim=dims, keepdim=True)) * scale""",
    "solved": """def solved(a, b):
    try:
        return torch.linalg.solve(a, b)
    except torch.linalg.LinAlgError:
        shape = torch.broadcast_shapes(a.shape[:-1] + b.shape[-1:])
        return torch.full(shape, torch.nan, dtype=b.dtype, device=b.device)""",
    "share": """def share(y, a, b):
    ties = (a == b).to(y.dtype)
    return torch.where(torch.isnan(y), torch.nan, (a == y).to(y.dtype) / (1 + ties))""",
    "within_bounds": """def within_bounds(y, x, low, high):
    inside = torch.as_tensor((x == y) & (low <= high)).to(y.dtype)
    return torch.where(torch.isnan(y), torch.nan, inside)""",
    "cosine": """def cosine(a, b):
    zero = torch.zeros_like(a if torch.is_tensor(a) else b)
    h = torch.hypot(a + zero, b + zero)
    return torch.where(h == 0, 0.0, a / torch.where(h == 0, 1.0, h))""",
}
JAX_HELPERS = {name: text.replace("np.", "jnp.") for name, text in HELPERS.items()} | {
    "put_back": """def put_back(g, index, shape):
    return jnp.zeros(shape, g.dtype).at[index].add(g)""",
    "put_at": """def put_at(g, places, shape):
    x = jnp.ravel(jnp.zeros(shape, g.dtype))
    return x.at[jnp.ravel(places)].add(jnp.ravel(g)).reshape(shape)""",
    "places_in_order": """def places_in_order(x, axis, kth=None):
    order = jnp.argsort(x, axis=axis, stable=True)
    return jnp.take_along_axis(jnp.arange(x.size).reshape(x.shape), order, axis)""",
}


class _Jax(ast.NodeTransformer):
    """NumPy's names are JAX's; what `np.s_[…]` stands for is written as slices."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name("jnp") if node.id == "np" else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if ast.unparse(node.value) == "np.s_":
            return _as_index(self.visit(node.slice))
        self.generic_visit(node)
        return node


class _Torch(_Jax):
    """What has another name or other arguments in PyTorch is in a table; else it must be `SAME`."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name("torch") if node.id == "np" else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """A mask times 1.0 would be of float32."""
        is_mask = isinstance(node.op, ast.Mult) and isinstance(node.left, ast.Constant) and (
            node.left.value == 1.0 and type(node.left.value) is float)
        self.generic_visit(node)
        return ast.parse(f"torch.as_tensor({ast.unparse(node.right)}).to(torch.float64)",
                         mode="eval").body if is_mask else node

    def visit_Slice(self, node: ast.Slice) -> ast.Slice:
        if node.step is not None and ast.unparse(node.step).startswith("-"):
            raise NotPrintableError("an index with a negative step, which PyTorch hasn't,")
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if ast.unparse(node.value) == "np" and node.attr not in SAME:
            raise NotPrintableError(f"np.{node.attr}")
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = ast.unparse(node.func)
        named = {key.arg: key.value for key in node.keywords}
        if isinstance(node.func, ast.Attribute) and node.func.attr == "astype":
            node.func.attr = "to"
        write = TORCH.get(name)
        args = [self.visit(arg) for arg in node.args]
        options = {key: self.visit(value) for key, value in named.items() if key is not None}
        if write is not None:
            return ast.parse(write([ast.unparse(a) for a in args],
                                   {k: ast.unparse(v) for k, v in options.items()}),
                             mode="eval").body
        if name.startswith("np.linalg.") or not name.startswith("np."):
            names = {"axis": "dim", "keepdims": "keepdim"} if name == "logsumexp" else {}
            keywords = [ast.keyword(names.get(k, k), v) for k, v in options.items()]
            return ast.Call(self.visit(node.func), args, keywords)
        return ast.Call(self.visit(node.func), args, [ast.keyword(k, v)
                                                      for k, v in options.items()])


Torch = Callable[[list[str], dict[str, str]], str]


def _operand(arg: str) -> str:
    """It in parentheses, if a method can't be called of it as it stands."""
    held = isinstance(ast.parse(arg, mode="eval").body,
                      ast.Name | ast.Call | ast.Attribute | ast.Subscript)
    return arg if held else f"({arg})"


def _reduced(name: str, whole: str) -> Torch:
    def write(args: list[str], options: dict[str, str]) -> str:
        if options.get("axis") == "None":
            options = {key: value for key, value in options.items() if key != "axis"}
        if "axis" not in options:
            if options and name == "sum":
                axes = f"tuple(range({_operand(args[0])}.ndim))"
                return f"torch.sum({args[0]}, dim={axes}, keepdim={options['keepdims']})"
            if options:
                raise NotPrintableError(f"{name} with {', '.join(options)}")
            return f"torch.{whole}({args[0]})"
        keeps = f", keepdim={options['keepdims']}" if "keepdims" in options else ""
        return f"torch.{name}({args[0]}, dim={options['axis']}{keeps})"
    return write


def _made(name: str) -> Torch:
    return lambda args, options: (f"torch.{name}({', '.join(args[:-1])}, dtype={args[-1]})"
                                  if len(args) > 1 else f"torch.{name}({args[0]})")


def _scalar(dtype: str) -> Torch:
    return lambda args, options: f"torch.as_tensor({args[0]}, dtype=torch.{dtype})"


def _one_axis(name: str, arg: str, axis: str) -> str:
    if not axis.lstrip("-").isdigit():
        raise NotPrintableError(f"{name} along {axis}")
    return f"torch.{name}({arg}, dim={axis})"


def _einsum(args: list[str], options: dict[str, str]) -> str:
    """PyTorch's finds an order by itself, and takes tensors alone."""
    tensor = next((arg for arg in args[1:] if not _is_number(arg)), None)
    if tensor is None:
        raise NotPrintableError("np.einsum of numbers alone")
    operands = [f"torch.as_tensor({arg}).to({_operand(tensor)})" if _is_number(arg) else arg
                for arg in args[1:]]
    return f"torch.einsum({', '.join([args[0], *operands])})"


def _is_number(arg: str) -> bool:
    return not any(isinstance(x, ast.Call | ast.Name) for x in ast.walk(ast.parse(arg)))


def _where(condition: str, yes: str, no: str) -> str:
    """Two numbers alone would be a tensor of float32."""
    if _is_number(yes) and _is_number(no):
        yes = f"torch.tensor({float(ast.literal_eval(yes))}, dtype=torch.float64)"
    return f"torch.where(torch.as_tensor({condition}) != 0, {yes}, {no})"


def _of_two(name: str) -> Torch:
    """A function of two tensors, one of which may be a number in NumPy."""
    def write(args: list[str], options: dict[str, str]) -> str:
        numbers = [_is_number(arg) for arg in args]
        if sum(numbers) == 1:
            k = numbers.index(True)
            args = [*args[:k], f"torch.full_like({args[1 - k]}, {args[k]})", *args[k + 1:]]
        return f"torch.{name}({', '.join(args)})"
    return write


TORCH: dict[str, Torch] = {
    "np.sum": _reduced("sum", "sum"), "np.max": _reduced("amax", "max"),
    "np.min": _reduced("amin", "min"), "np.prod": _reduced("prod", "prod"),
    "np.cumsum": _reduced("cumsum", "cumsum"), "np.cumprod": _reduced("cumprod", "cumprod"),
    "np.maximum.reduce": _reduced("amax", "max"), "np.minimum.reduce": _reduced("amin", "min"),
    "np.add.reduce": _reduced("sum", "sum"),
    "np.shape": lambda args, options: f"tuple({_operand(args[0])}.shape)",
    "np.result_type": lambda args, options: f"{_operand(args[0])}.dtype",
    "np.transpose": lambda args, options: f"torch.permute({args[0]}, {args[1]})",
    "np.expand_dims": lambda args, options: _one_axis("unsqueeze", args[0], args[1]),
    "np.squeeze": lambda args, options: f"torch.squeeze({args[0]}, {options['axis']})",
    "np.concatenate": lambda args, options: _one_axis("cat", args[0], options["axis"]),
    "np.stack": lambda args, options: f"torch.stack({args[0]}, dim={options['axis']})",
    "np.full": _made("full"), "np.zeros": _made("zeros"), "np.array": _made("tensor"),
    "np.asarray": lambda args, options: f"{_operand(args[0])}.to({args[1]})",
    "np.heaviside": lambda args, options: f"torch.heaviside({args[0]}, "
                                          f"torch.full_like({args[0]}, {args[1]}))",
    "np.maximum": lambda args, options: f"torch.clamp({args[0]}, min=0)" if args[1] == "0" else (
        _of_two("maximum")(args, options)),
    **{f"np.{name}": _of_two(name) for name in (
        "minimum", "fmax", "fmin", "hypot", "arctan2", "logaddexp", "logaddexp2", "copysign",
        "remainder", "fmod")},
    "np.where": lambda args, options: _where(*args),
    "np.ravel": lambda args, options: f"{_operand(args[0])}.reshape(-1)",
    "np.copy": lambda args, options: f"torch.clone({args[0]})",
    **{f"np.{dtype}": _scalar(dtype) for dtype in ("float64", "float32", "int64")},
    "np.einsum": _einsum,
    "np.rint": lambda args, options: f"torch.round({args[0]})",
}


def _as_index(part: ast.expr) -> ast.expr:
    """What stands between brackets, as an object."""
    if isinstance(part, ast.Tuple):
        return ast.Tuple([_as_index(x) for x in part.elts], ast.Load())
    if isinstance(part, ast.Slice):
        return ast.Call(ast.Name("slice"), [x or ast.Constant(None) for x in (
            part.lower, part.upper, part.step)], [])
    return part


BACKENDS: dict[str, tuple[str, ast.NodeTransformer, dict[str, str]]] = {
    "jax": ("import jax.numpy as jnp", _Jax(), JAX_HELPERS),
    "torch": ("import torch", _Torch(), TORCH_HELPERS),
}


def translated(statement: str, backend: str) -> str:
    """One statement, with its comment, in another library's words."""
    code, mark, comment = statement.partition("  # line ")
    if code.startswith("#"):
        return statement
    try:
        tree = BACKENDS[backend][1].visit(ast.parse(code.strip()))
    except (KeyError, IndexError) as missing:  # an argument that the other library must have
        raise NotPrintableError(f"{code.strip()} (without {missing})") from None
    except NotPrintableError as error:
        raise NotPrintableError(f"{error} (line {comment})" if mark else str(error)) from None
    told = ast.unparse(ast.fix_missing_locations(tree))
    return f"{told:<{max(len(told), 50)}}{mark}{comment}" if mark else told
