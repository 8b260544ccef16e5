"""Nested containers: they come back as their own kind, or the kind is refused by name."""

from __future__ import annotations

import collections
import dataclasses
import functools
import pickle
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.errors import DTypeError, ShapeError
from autograd_mini.trees import flat, tree_fill, tree_leaves, tree_map


class Pair(NamedTuple):
    a: Any
    b: Any


class Own(dict):
    pass


class Attributes(dict):
    """Keys are attributes too, in the way that is passed around most."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.__dict__ = self


class Dots(dict):
    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


class OwnList(list):
    pass


class OwnTuple(tuple):
    pass


@dataclasses.dataclass
class Layer:
    W: Any
    b: Any = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    a: Any
    b: Any


@dataclasses.dataclass
class Derived:
    W: Any

    def __post_init__(self):
        self.twice = 2 * self.W


@dataclasses.dataclass
class Cached:
    a: Any

    @functools.cached_property
    def square(self):
        return self.a**2


class Floats(dict):
    def __init__(self, entries):
        super().__init__({key: float(x) for key, x in dict(entries).items()})


class Two(list):
    def __init__(self, a, b):
        super().__init__([a, b])


def first_two(p):
    """The two numbers in a container of any kind."""
    if isinstance(p, dict):
        return p["a"], p["b"]
    return (p.a, p.b) if hasattr(p, "a") else (p[0], p[1])


KINDS = [
    {"b": 3.0, "a": 2.0}, collections.OrderedDict(b=3.0, a=2.0),
    collections.defaultdict(float, b=3.0, a=2.0), collections.Counter(b=3, a=2),
    Own(b=3.0, a=2.0), Attributes(b=3.0, a=2.0), Dots(b=3.0, a=2.0), [2.0, 3.0], (2.0, 3.0),
    OwnList([2.0, 3.0]), OwnTuple([2.0, 3.0]), Pair(2.0, 3.0), Frozen(2.0, 3.0),
]


@pytest.mark.parametrize("p", KINDS, ids=lambda p: type(p).__name__)
def test_containers_come_back_as_their_own_kind(p):
    """Gradients, Jacobians and tangents of a·b² have the kind, the keys and the order of p."""
    before = [*tree_leaves(p)]

    def f(p):
        a, b = first_two(p)
        return a * b**2

    slope = ag.grad(f)(p)
    assert type(slope) is type(p)
    assert [path for path, _ in tree_leaves(slope)] == [path for path, _ in tree_leaves(p)]
    assert first_two(slope) == (9.0, 12.0)
    assert first_two(ag.jacobian(f)(p)) == (9.0, 12.0)
    H = ag.hessian(f)(p)
    assert type(H) is type(first_two(H)[0]) is type(p) and first_two(first_two(H)[1]) == (6.0, 4.0)
    assert ag.jvp(f, (p,), (p,)) == (18.0, 54.0)
    assert ag.vjp(f, p)[1](1.0)[0] == slope
    assert ag.value_and_grad(f)(p) == (18.0, slope)
    assert [*tree_leaves(p)] == before


def test_attributes_of_a_dict_are_its_entries():
    """A dict whose keys are attributes hands out nodes by both ways, never the old numbers."""
    for kind in (Attributes, Dots):
        assert ag.grad(lambda p: p.a * p["a"])(kind(a=3.0)) == {"a": 6.0}


def test_a_defaultdict_stays_one_inside_the_function():
    """A missing key gives the default, and isn't in the gradient, which has the same default."""
    slope = ag.grad(lambda p: p["a"] * 2 + p["bias"])(collections.defaultdict(float, a=2.0))
    assert dict(slope) == {"a": 2.0} and slope["missing"] == 0.0


def test_an_ordered_dict_keeps_the_order_it_was_given():
    """move_to_end, of which the dict beneath knows nothing, is kept."""
    p = collections.OrderedDict(a=2.0, b=3.0)
    p.move_to_end("a")
    assert [*ag.grad(lambda p: p["a"] * p["b"])(p).items()] == [("b", 2.0), ("a", 3.0)]


def test_a_function_may_change_the_containers_it_is_given():
    """Entries taken out, put in or replaced on the way don't confuse whose gradient is whose."""

    def f(p):
        b = p["list"].pop(0)
        p["list"].append(100.0)
        p["new"] = 1.0
        return p.pop("a") * b**2

    p = {"a": 2.0, "list": [3.0, 5.0]}
    assert ag.grad(f)(p) == {"a": 9.0, "list": [12.0, 0.0]}
    assert p == {"a": 2.0, "list": [3.0, 5.0]}


def test_a_dataclass_is_nested():
    """A dataclass of arrays has a gradient of its own class, without its `__init__` being run."""
    slope = ag.grad(lambda p: np.sum(p.W) * p.b)(Layer(np.ones(2), 3.0))
    assert type(slope) is Layer and slope.W.tolist() == [3.0, 3.0] and slope.b == 2.0
    paths = [path for path, _ in tree_leaves([Layer(1.0), {"x": (2.0,)}])]
    assert paths == ["[0].W", "[0].b", "[1]['x'][0]"]


def test_what_a_dataclass_has_cached_is_computed_anew():
    """A cached property that holds the plain number is not taken for the node's."""
    p = Cached(3.0)
    assert p.square == 9.0
    assert ag.grad(lambda p: p.square)(p) == Cached(6.0)


def with_attribute(container):
    container.scale = 2.0
    return container


@pytest.mark.parametrize(("p", "name", "why"), [
    (Derived(1.0), "Derived", "__post_init__"),
    (with_attribute(Layer(1.0)), "Layer", "its attribute scale isn't a field"),
    (with_attribute(Own(a=1.0)), "Own", "its attribute scale would be lost"),
    (with_attribute(OwnList([1.0])), "OwnList", "its attribute scale would be lost"),
    (Floats({"a": 1.0}), "Floats", "made something else of them|raised NotDifferentiableError"),
    (Two(1.0, 2.0), "Two", "raised TypeError"),
    (collections.deque([1.0]), "deque", "gradient would be of another kind"),
    (collections.UserDict(a=1.0), "UserDict", "gradient would be of another kind"),
    ({1.0, 2.0}, "set", "gradient would be of another kind"),
    (range(3), "range", "gradient would be of another kind"),
], ids=lambda x: type(x).__name__)
def test_a_kind_that_cannot_be_kept_is_refused_by_name(p, name, why):
    """The error says which class and why, before the function is called."""

    def f(p):
        raise AssertionError("called")

    for transform in (ag.grad, ag.value_and_grad, ag.jacobian, ag.hessian):
        with pytest.raises(DTypeError, match=rf"\b{name}\b.*({why})"):
            transform(f)(p)
    with pytest.raises(DTypeError, match=name):
        ag.vjp(f, p)


def test_other_arguments_are_passed_on_untouched():
    """What isn't differentiated is the very object that was given, whatever it is."""
    others = [Derived(1.0), with_attribute(Own(a=1.0)), Two(1.0, 2.0), {1.0}, "relu", None, object]
    for other in others:
        seen = []

        def f(x, other, *, named):
            seen.extend([other, named])
            return x**2

        assert ag.grad(f)(3.0, other, named=other) == 6.0
        assert seen[0] is seen[1] is other


def test_results_keep_their_kind_too():
    """The Jacobian, the value and the tangent of a nested result have the result's classes."""
    J = ag.jacobian(lambda x: Frozen(2 * x, collections.OrderedDict(y=x**2)))(3.0)
    assert J == Frozen(2.0, collections.OrderedDict(y=6.0))
    value, tangent = ag.jvp(lambda x: Pair(x, Own(a=x)), (3.0,), (2.0,))
    assert (type(value), type(tangent), type(tangent.b)) == (Pair, Pair, Own)
    assert tangent == (2.0, {"a": 2.0})


def test_none_is_a_place_without_a_number():
    """None in an argument has the gradient None, and doesn't shift the others' gradients."""
    p = (3.0, None, {"a": None, "b": np.ones(2)})
    f = lambda p: p[0] ** 2 * np.sum(p[2]["b"])
    a, b, c = ag.grad(f)(p)
    assert (a, b, c["a"], c["b"].tolist()) == (12.0, None, None, [9.0, 9.0])
    y, t = ag.jvp(f, (p,), ((1.0, None, {"a": None, "b": np.zeros(2)}),))
    assert (y, t) == (18.0, 12.0)
    assert ag.jacobian(lambda x: (x**2, None))(3.0) == (6.0, None)
    assert ag.vjp(f, p)[1](1.0)[0][:2] == (12.0, None)
    for tangent in ((1.0, 0.0, {"a": None, "b": np.zeros(2)}), (None, None, p[2])):
        with pytest.raises(DTypeError, match="the tangent None"):
            ag.jvp(f, (p,), (tangent,))


def test_the_checker_knows_none_and_dataclasses():
    """A gradient given as None where the argument is None is right, with or without a mistake."""
    loss = lambda p: np.sum(p[0] ** 2) * p[2].b
    p = (np.array([1.0, 2.0]), None, Layer(None, 3.0))
    right = lambda p: (2 * p[0] * p[2].b, None, Layer(None, np.sum(p[0] ** 2)))
    wrong = lambda p: (2 * p[0] * p[2].b, None, Layer(None, np.sum(p[0])))
    assert ag.check_gradient(loss, right, p).ok
    report = ag.check_gradient(loss, wrong, p)
    assert not report.ok and "p[2].b" in str(report)


@pytest.mark.parametrize(("leaf", "what"), [
    ("relu", "a str, 'relu'"), (b"x", "a bytes"), (1j, "complex128"), (np.array(["a"]), "<U1"),
    (np.array([1j]), "complex128"), (len, "builtin_function"), (object(), "an object"),
    (np.str_("3"), "<U1"), (np.float16([1.0]), "float16"), (np.ma.array([1.0]), "MaskedArray"),
    (np.array(["2020-01-01"], "M8[D]"), "datetime64"),
], ids=lambda x: type(x).__name__)
def test_what_has_no_gradient_is_refused_with_its_path(leaf, what):
    """The error says where in the argument it is, and what it is."""
    with pytest.raises(DTypeError, match=rf"argument 1\['p'\]\[0\].*{what}"):
        ag.grad(lambda x, tree: x, argnums=1)(1.0, {"p": (leaf, 2.0)})


def test_the_tree_functions():
    """tree_map keeps the form, flat gives the leaves, tree_fill puts others in their places."""
    tree = {"a": [1.0, None], "b": Pair((), 2.0)}
    assert tree_map(lambda x: x and -x, tree) == {"a": [-1.0, None], "b": Pair((), -2.0)}
    assert flat(tree) == [1.0, None, 2.0]
    assert tree_fill(tree, [5.0, 6.0]) == {"a": [5.0, None], "b": Pair((), 6.0)}


@pytest.mark.parametrize("kind", [dict, collections.OrderedDict, Own, Layer])
def test_programs_keep_kinds(kind):
    """A compiled function takes and gives the same containers, and records anew for another."""
    program = ag.compile(ag.grad(lambda p: (p["W"] if isinstance(p, dict) else p.W) ** 2))
    slope = program(kind(W=3.0))
    assert type(slope) is kind and flat(slope)[0] == 6.0
    assert type(program({"W": 1.0})) is dict


# ── flatten ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("p", [*KINDS, 2.0, np.eye(2), np.array(3.0), [], None, {"a": ([], None)},
                               {"W": np.ones((2, 3)), "b": [1, np.float32(2.0)], "none": None}],
                         ids=lambda p: type(p).__name__)
def test_flatten_and_back(p):
    """unflatten of the vector is the tree, of the same kinds, with floats for whole numbers."""
    vector, unflatten = ag.flatten(p)
    assert vector.ndim == 1 and vector.dtype == np.float64
    assert vector.tolist() == [v for x in flat(p) if x is not None for v in np.ravel(x)]
    back = unflatten(vector)
    assert type(back) is type(p)
    assert [path for path, _ in tree_leaves(back)] == [path for path, _ in tree_leaves(p)]
    np.testing.assert_equal(flat(back), [x if x is None else np.asarray(x, float) for x in flat(p)])


def test_flatten_keeps_dtypes():
    """float32 alone gives a float32 vector; a mixed tree has each part's dtype back."""
    single = np.ones(2, np.float32)
    assert ag.flatten([single, single])[0].dtype == np.float32
    vector, unflatten = ag.flatten((single, np.ones(2), np.array([1, 2])))
    assert vector.dtype == np.float64
    assert [x.dtype for x in unflatten(vector)] == [np.float32, np.float64, np.float64]
    slope = ag.grad(lambda v: np.sum(unflatten(v)[0] ** 2) + np.sum(unflatten(v)[2]))(vector)
    assert slope.dtype == np.float64 and slope.tolist() == [2, 2, 0, 0, 1, 1]


def test_flatten_is_differentiable_both_ways():
    """A gradient of the vector is the vector of the gradients; nodes in a tree stay connected."""
    tree = {"W": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": [0.5, None]}
    loss = lambda p: np.sum(p["W"] ** 3) * p["b"][0] ** 2
    vector, unflatten = ag.flatten(tree)
    through = lambda v: loss(unflatten(v))
    np.testing.assert_equal(ag.grad(through)(vector), ag.flatten(ag.grad(loss)(tree))[0])
    assert ag.hessian(through)(vector).shape == (5, 5)
    assert ag.grad(lambda p: np.sum(ag.flatten(p)[0] ** 2))({"a": 3.0, "b": 1.0}) == {
        "a": 6.0, "b": 2.0}


def test_programs_take_unflatten():
    """A loss of a tree, as one of a vector, is compiled."""
    vector, unflatten = ag.flatten({"W": np.array([1.0, 2.0]), "b": 3.0})
    loss = lambda v: np.sum(unflatten(v)["W"] ** 2) * unflatten(v)["b"]
    assert ag.compile(ag.grad(loss))(vector).tolist() == [6.0, 12.0, 5.0]
    assert ag.grad(loss)(vector).tolist() == [6.0, 12.0, 5.0]


def test_unflatten_is_its_own():
    """It pickles, and changes of the tree, or of what it returned, don't reach it."""
    tree = {"a": [1.0, 2.0], "W": np.ones(2)}
    vector, unflatten = ag.flatten(tree)
    tree["a"].pop()
    unflatten(vector)["a"].pop()
    again = pickle.loads(pickle.dumps(unflatten))(vector)
    assert again["a"] == [1.0, 2.0] and again["W"].tolist() == [1.0, 1.0]


def test_flatten_refuses_what_it_cannot_hold():
    """No real number, with its path; and a vector of another length."""
    with pytest.raises(DTypeError, match=r"the tree at \['a'\]\[1\] has dtype <U4"):
        ag.flatten({"a": [1.0, "text"]})
    with pytest.raises(DTypeError, match="the tree has dtype complex128"):
        ag.flatten(1j)
    unflatten = ag.flatten([1.0, 2.0])[1]
    for wrong in (np.ones(3), np.ones((1, 2)), 2.0):
        with pytest.raises(ShapeError, match=r"unflatten takes an array of shape \(2,\), not"):
            unflatten(wrong)
