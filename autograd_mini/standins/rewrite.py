"""The tree of a user's function, with a hook for each call, each store, and reads from outside.

Everything else stays as Python has it: names are read live from the function's own globals and
closure, lines and columns are the user's.
"""

from __future__ import annotations

import ast
from typing import Any

__all__ = ["HOOKS", "Rewriter"]

HOOKS = ("call", "seen", "attribute", "getitem", "setitem", "change", "setattr",
         "change_attribute", "made", "each", "computed")
"""What the rewritten code calls; it finds them in cells of the closure, as `⟨name⟩`."""

_READS_ITS_FRAME = {"super", "locals", "globals", "vars", "dir", "eval", "exec", "breakpoint"}
_IN_PLACE = {
    ast.Add: "iadd", ast.Sub: "isub", ast.Mult: "imul", ast.Div: "itruediv",
    ast.FloorDiv: "ifloordiv", ast.Mod: "imod", ast.Pow: "ipow", ast.MatMult: "imatmul",
    ast.BitAnd: "iand", ast.BitOr: "ior", ast.BitXor: "ixor", ast.LShift: "ilshift",
    ast.RShift: "irshift",
}


def _hook(name: str) -> ast.Name:
    return ast.Name(f"⟨{name}⟩", ast.Load())


class Rewriter(ast.NodeTransformer):
    """The tree of a function with a hook for each call, store, and read of what lies outside."""

    def __init__(self, outside: frozenset[str], modules: frozenset[str], around: str = "") -> None:
        self.outside, self.modules, self.around = outside, modules, around

    def _made(self, name: str, like: ast.AST, *args: Any) -> Any:
        return ast.copy_location(ast.Call(_hook(name), list(args), []), like)

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Name) and node.func.id in _READS_ITS_FRAME:
            node.args = [self.visit(a) for a in node.args]
            return node
        if isinstance(node.func, ast.Attribute):
            function: Any = ast.Attribute(self.visit(node.func.value), node.func.attr, ast.Load())
            ast.copy_location(function, node.func)
        elif isinstance(node.func, ast.Name):
            function = node.func
        else:
            function = self.visit(node.func)
        arguments = [self.visit(a) for a in node.args]
        keywords = [self.visit(k) for k in node.keywords]
        return ast.copy_location(ast.Call(_hook("call"), [function, *arguments], keywords), node)

    def visit_Name(self, node: ast.Name) -> Any:
        reads = isinstance(node.ctx, ast.Load) and node.id in self.outside
        return self._made("seen", node, node) if reads and node.id not in self.modules else node

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            return node
        return self._made("attribute", node, node.value, self._name(node.attr))

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            return node
        return self._made("getitem", node, node.value, _as_value(node.slice))

    def visit_Assign(self, node: ast.Assign) -> Any:
        value = self.visit(node.value)
        if len(node.targets) == 1:
            value = self._unpacked(node.targets[0], value)
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript | ast.Attribute):
            return self._store(node.targets[0], value, node)
        stores = any([isinstance(part, ast.Subscript | ast.Attribute)
                      for target in node.targets for part in _parts(target)])
        if not stores:
            return ast.copy_location(ast.Assign(node.targets, value), node)
        replaced = _Targets(self)
        targets = [replaced.visit(target) for target in node.targets]
        return [ast.copy_location(ast.Assign(targets, value), node), *replaced.after]

    def _unpacked(self, target: ast.expr, value: ast.expr) -> ast.expr:
        """In `a, b = value`, what the value gives; in `(a, b), c = value, d` the same inside."""
        if not isinstance(target, ast.Tuple | ast.List):
            return value
        if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts) and not any(
                [isinstance(part, ast.Starred) for part in (*value.elts, *target.elts)]):
            pairs = zip(target.elts, value.elts, strict=True)
            value.elts = [self._unpacked(t, v) for t, v in pairs]
            return value
        made: ast.expr = self._made("each", value, value)
        return made

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        """`np.arange(3) * 0.5` has made an array, too; in a sum of products only the last has."""
        return self._made("computed", node, self._operation(node))

    def _operation(self, node: Any) -> Any:
        if not isinstance(node, ast.BinOp):
            return self.visit(node)
        node.left, node.right = self._operation(node.left), self._operation(node.right)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return node
        if isinstance(node.target, ast.Name):
            node.value = self.visit(node.value)
            return node
        return self._store(node.target, self.visit(node.value), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        value, how = self.visit(node.value), ast.Constant(_IN_PLACE[type(node.op)])
        target = node.target
        if isinstance(target, ast.Name):
            node.value = value
            return node
        if isinstance(target, ast.Subscript):
            call = self._made("change", node, how, self.visit(target.value),
                              _as_value(self.visit(target.slice)), value)
        else:
            call = self._made("change_attribute", node, how, self.visit(target.value),
                              self._name(target.attr), value)
        return ast.copy_location(ast.Expr(call), node)

    def _store(self, target: Any, value: Any, like: ast.AST) -> Any:
        if isinstance(target, ast.Subscript):
            call = self._made("setitem", like, self.visit(target.value),
                              _as_value(self.visit(target.slice)), value)
        else:
            call = self._made("setattr", like, self.visit(target.value),
                              self._name(target.attr), value)
        return ast.copy_location(ast.Expr(call), like)

    def _name(self, attribute: str) -> ast.Constant:
        """An attribute's name as Python stores it: `__x` in a class C is `_C__x`."""
        private = attribute.startswith("__") and not attribute.endswith("__") and self.around
        return ast.Constant(f"_{self.around.lstrip('_')}{attribute}" if private else attribute)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        around, self.around = self.around, node.name
        self.generic_visit(node)
        self.around = around
        return node

    def _container(self, node: Any) -> Any:
        self.generic_visit(node)
        if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            return node
        return self._made("made", node, node)

    visit_List = visit_Dict = visit_Set = _container
    visit_ListComp = visit_DictComp = visit_SetComp = _container

    def visit_For(self, node: ast.For) -> Any:
        self.generic_visit(node)
        node.iter = self._made("each", node.iter, node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> Any:
        self.generic_visit(node)
        if not node.is_async:
            node.iter = self._made("each", node.iter, node.iter)
        return node

    def visit_FunctionDef(self, node: Any) -> Any:
        decorators, node.decorator_list = node.decorator_list, []
        self.generic_visit(node)
        given = node.args.posonlyargs + node.args.args
        given = given[len(given) - len(node.args.defaults):] + [
            a for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d]
        node.body = [_seen_anew(self, a, node) for a in given] + node.body
        node.decorator_list = [self.visit(d) for d in decorators]
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_arguments(self, node: ast.arguments) -> Any:
        node.defaults = [self.visit(d) for d in node.defaults]
        node.kw_defaults = [d and self.visit(d) for d in node.kw_defaults]
        return node

    def visit_arg(self, node: ast.arg) -> Any:
        return node


def _seen_anew(rewriter: Rewriter, argument: ast.arg, like: ast.AST) -> Any:
    """`x = seen(x)`: an argument's default is an array from outside."""
    name = argument.arg
    call = rewriter._made("seen", like, ast.copy_location(ast.Name(name, ast.Load()), like))
    target = ast.copy_location(ast.Name(name, ast.Store()), like)
    return ast.copy_location(ast.Assign([target], call), like)


def _as_value(index: Any) -> Any:
    """What stands in [ ] as an expression: a slice as a call of `slice`."""
    if isinstance(index, ast.Slice):
        ends = [e if e is not None else ast.copy_location(ast.Constant(None), index)
                for e in (index.lower, index.upper, index.step)]
        name = ast.copy_location(ast.Name("⟨slice⟩", ast.Load()), index)
        return ast.copy_location(ast.Call(name, ends, []), index)
    if isinstance(index, ast.Tuple):
        return ast.copy_location(ast.Tuple([_as_value(i) for i in index.elts], ast.Load()), index)
    return index


def _parts(target: ast.expr) -> list[ast.expr]:
    """What is assigned to in a target: `a[i]`, b and c in `a[i], (b, *c)`."""
    if isinstance(target, ast.Tuple | ast.List):
        return [part for inner in target.elts for part in _parts(inner)]
    return _parts(target.value) if isinstance(target, ast.Starred) else [target]


class _Targets(ast.NodeTransformer):
    """In `a[i], a = …` and `a = a[i] = …`: names for what is stored, and the stores after it.

    They are in Python's order, from left to right: an index may hold a name that is stored, too.
    """

    def __init__(self, rewriter: Rewriter) -> None:
        self.rewriter = rewriter
        self.after: list[Any] = []

    def _later(self, node: Any) -> Any:
        name = f"⟨stored {node.lineno} {node.col_offset} {len(self.after)}⟩"
        read = ast.copy_location(ast.Name(name, ast.Load()), node)
        self.after.append(ast.copy_location(ast.Assign([node], read), node) if isinstance(
            node, ast.Name) else self.rewriter._store(node, read, node))
        return ast.copy_location(ast.Name(name, ast.Store()), node)

    visit_Subscript = visit_Attribute = visit_Name = _later
