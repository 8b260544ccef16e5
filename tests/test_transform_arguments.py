"""What the transforms take and give: argnums, results without a gradient, dtypes, pickles."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import warnings

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import (
    AutogradError,
    DTypeError,
    GraphError,
    IndependentWarning,
    ShapeError,
)
from autograd_mini.primitive import TABLE
from autograd_mini.trees import flat

WITH_ARGNUMS = [ag.grad, ag.value_and_grad, ag.jacobian, ag.hessian]
F32 = np.float32


def product(a, b):
    """A function that pickles."""
    return a * b**2


class Model:
    """A class whose method's gradient is a method."""

    scale = 2.0

    def loss(self, w):
        return self.scale * w**2

    slope = ag.grad(loss, argnums=1)


# ── argnums ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("argnums", "expected"), [
    (np.int64(1), 12.0), (np.array(1), 12.0), (-1, 12.0), ((1,), (12.0,)), ([0, 1], (9.0, 12.0)),
    (range(2), (9.0, 12.0)), ((np.int32(1), -2), (12.0, 9.0)),
])
def test_argnums_are_whole_numbers_of_any_kind(argnums, expected):
    """NumPy's integers, negative ones, and lists of them name arguments as plain ones do."""
    assert ag.grad(product, argnums)(2.0, 3.0) == expected


@pytest.mark.parametrize("transform", WITH_ARGNUMS)
@pytest.mark.parametrize(("argnums", "error", "words"), [
    (b"b", DTypeError, "argnums=b'b'.*position.*not a bytes"), (True, DTypeError, "not a bool"),
    (1.5, DTypeError, "argnums=1.5"), (None, DTypeError, "argnums=None"),
    ((0, b"b"), DTypeError, "not a bytes"), (np.array([0, 1]), DTypeError, "not an ndarray"),
    (np.True_, DTypeError, "argnums"), ((), ShapeError, r"argnums=\(\) names no argument"),
    ((0, 0), ShapeError, "argnums .* twice"), ([1, 1], ShapeError, "argnums .* twice"),
])
def test_other_argnums_are_refused_when_the_transform_is_made(transform, argnums, error, words):
    """What is no position raises at once, and says so, as a TypeError or a ValueError."""
    with pytest.raises(error, match=words) as info:
        transform(product, argnums)
    assert isinstance(info.value, TypeError if error is DTypeError else ValueError)


@pytest.mark.parametrize("transform", WITH_ARGNUMS)
def test_positions_that_the_call_does_not_have(transform):
    """Out of range, or two names for one argument: said in the call, when there is one."""
    with pytest.raises(ShapeError, match="argnums 2 for a call with 2 positional"):
        transform(product, 2)(2.0, 3.0)
    with pytest.raises(ShapeError, match="twice"):
        transform(product, (0, -2))(2.0, 3.0)
    with pytest.raises(ShapeError, match="give b by position"):
        transform(product, 1)(2.0, b=3.0)


def test_what_is_no_function_is_refused():
    """grad(f(x)) instead of grad(f)(x) is recognised."""
    for attempt in (lambda: ag.grad(3.0), lambda: ag.hessian(Value(3.0)),
                    lambda: ag.vjp(3.0, 1.0), lambda: ag.jvp(3.0, (1.0,), (1.0,)),
                    lambda: ag.hvp(3.0, (1.0,), (1.0,))):
        with pytest.raises(DTypeError, match="takes a function, not a"):
            attempt()


# ── results that have no gradient ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("result", "words"), [
    (lambda x: (x**2, x), "a tuple of 2.*one number.*single one.*jacobian"),
    (lambda x: [x], "a list of 1.*single"), (lambda x: {"loss": x}, "a dict of 1.*single"),
    (lambda x: None, "returned None.*return"), (lambda x: "abc", "a str, 'abc'"),
    (lambda x: x > 1, "a bool, True"), (lambda x: np.True_, "bool"), (lambda x: 1j, "complex, 1j"),
    (lambda x: {x}, "a set"), (lambda x: product, "a function"),
    (lambda x: np.array(["a"]), "array of <U1"), (lambda x: np.array([1j]), "complex128"),
], ids=range(12))
def test_what_was_returned_is_named(result, words):
    """A container, None, a string, a bool or a complex number is named, with what to do."""
    for transform in (ag.grad, ag.value_and_grad, ag.hessian):
        with pytest.raises(DTypeError, match=words):
            transform(result)(2.0)


def test_what_the_other_transforms_cannot_take():
    """vjp wants one array; nothing at all has no Jacobian and no tangent."""
    with pytest.raises(DTypeError, match="a tuple of 2; vjp takes one number or array"):
        ag.vjp(lambda x: (x, x), 2.0)
    for attempt in (lambda f: ag.jacobian(f)(2.0), lambda f: ag.jvp(f, (2.0,), (1.0,)),
                    lambda f: ag.vjp(f, 2.0)):
        with pytest.raises(DTypeError, match="returned None"):
            attempt(lambda x: None)
        with pytest.raises(DTypeError, match="returned a str"):
            attempt(lambda x: "abc")
    with pytest.raises(DTypeError, match="the cotangent has dtype complex128"):
        ag.vjp(lambda x: x, 2.0)[1](1j)
    with pytest.raises(ShapeError, match=r"shape \(3,\)"):
        ag.grad(lambda x: np.zeros(3))(2.0)


def every_derivative(f, x):
    """What each transform says the derivative of f at x is."""
    one = np.ones_like(x)
    yield ag.grad(f)(x)
    yield ag.value_and_grad(f)(x)[1]
    yield ag.jacobian(f)(x)
    yield ag.vjp(f, x)[1](1.0)[0]
    yield ag.jvp(f, (x,), (one,))[1]
    yield ag.hessian(f)(x)
    yield ag.hvp(f, (x,), (one,))[0]


CONSTANT = {
    "a constant": lambda x: 3.0, "an int": lambda x: 3, "a NumPy number": lambda x: np.float64(3),
    "an array": lambda x: np.array([3.0]).reshape(()), "sign": lambda x: np.sum(np.sign(x)),
    "floor": lambda x: np.sum(np.floor(x)), "argmax": np.argmax, "a count": lambda x: np.sum(x > 0),
    "a method": lambda x: x.argmin(), "//": lambda x: np.sum(x // 2.0), "round": lambda x:
    np.sum(x.round()), "rank": lambda x: np.linalg.slogdet(np.diag(x))[0],
    "exponent": lambda x: np.sum(np.frexp(x)[1]), "shape": lambda x: 1.0 * x.shape[0],
    "on purpose": lambda x: ag.stop_gradient(x).data[0],
}


@pytest.mark.parametrize("f", CONSTANT.values(), ids=CONSTANT)
def test_a_result_that_does_not_depend_on_the_arguments(f):
    """Its derivative is 0 in the form of the argument, and each transform warns of it."""
    x = np.array([0.5, 1.5], F32)
    derivatives = every_derivative(f, x)
    for _ in range(7):
        with pytest.warns(IndependentWarning, match="doesn't depend on the arguments"):
            derivative = next(derivatives)
        assert not np.any(derivative)
        assert np.size(derivative) == 1 or derivative.dtype == F32


def test_the_warning_names_the_users_line():
    """It is given for the line that calls the transform, once, also for a Jacobian of many rows."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        J = ag.jacobian(lambda x: np.sign(x))(np.ones(3))
        line = inspect.currentframe().f_lineno - 1
    assert J.tolist() == np.zeros((3, 3)).tolist()
    assert [(w.filename, w.lineno) for w in seen] == [(__file__, line)]


def test_a_node_from_outside_alone_is_no_dependence():
    """The result is made of another node only: 0 with a warning, and the value stays a node."""
    w = Value(2.0)
    with pytest.warns(IndependentWarning):
        value, slope = ag.value_and_grad(lambda x: w * 3.0)(1.0)
    assert isinstance(value, Value) and slope.data == 0.0


def test_a_part_that_is_constant_is_silent_where_others_are_not():
    """0 for one of several arguments, and the Hessian of what is linear, need no warning."""
    x = np.ones(2, F32)
    assert ag.grad(lambda a, b: a * 2, (0, 1))(1.0, 2.0) == (2.0, 0.0)
    H = ag.hessian(lambda x: 3 * np.sum(x))(x)
    assert not H.any() and H.dtype == F32
    assert ag.grad(lambda x: ag.grad(lambda y: 3 * y)(x))(1.0) == 0.0
    assert not ag.hvp(np.sum, (x,), (x,))[0].any()
    assert ag.jvp(lambda y: ag.jvp(lambda z: 2 * z, (y,), (1.0,))[1], (3.0,), (1.0,)) == (2.0, 0.0)
    assert ag.grad(lambda p: 3.0)({}) == {}


def no_grad_square(x):
    """x², of which nothing is recorded."""
    with ag.no_grad():
        return x[0] ** 2


CUT = {
    "data": (lambda x: np.sum(x.data), "`x.data`"), "item": (lambda x: x[0].item(), r"x\[0\].item"),
    "tolist": (lambda x: sum(x.tolist()), r"x.tolist\(\)"),
    "a new node": (lambda x: np.sum(Tensor(x.data) ** 2), "`x.data`"),
    "times another": (lambda x: Value(3.0) * x[0].data, r"`x\[0\].data`"),
    "no_grad": (no_grad_square, r"x\[0\]( \*\* 2)?`"),
    "rounded too": (lambda x: np.sign(x.data[0]) + np.sum(np.sign(x)), "`x.data`"),
}


@pytest.mark.parametrize(("f", "words"), CUT.values(), ids=CUT)
def test_a_graph_that_was_cut_is_an_error_that_names_the_line(f, words):
    """Numbers taken out of nodes make the result independent: no zeros, but where it happened."""
    x = np.array([0.5, 1.5])
    for attempt in (ag.grad(f), ag.value_and_grad(f), ag.jacobian(f), ag.hessian(f)):
        with pytest.raises(GraphError, match=rf"cut by .*{words}.* at test_transform_arg\w+.py:\d"):
            attempt(x)
    for attempt in (lambda: ag.vjp(f, x)[1](1.0), lambda: ag.jvp(f, (x,), (x,)),
                    lambda: ag.hvp(f, (x,), (x,))):
        with pytest.raises(GraphError, match="the graph was cut by"):
            attempt()


def test_numbers_taken_out_of_other_nodes_are_no_cut():
    """A node from outside may be looked at; the result is constant all the same."""
    w = Tensor([2.0])
    with pytest.warns(IndependentWarning):
        assert ag.grad(lambda x: w.data[0] * 3.0)(1.0) == 0.0


def test_a_cut_in_an_inner_transform_is_known_outside():
    """What a function inside took out of the outer variable is named by the outer transform."""
    with pytest.raises(GraphError, match=r"`\(x \* y\).data`"):
        ag.grad(lambda x: ag.grad(lambda y: (x * y).data * y)(2.0))(3.0)


# ── dtypes ───────────────────────────────────────────────────────────────────────────────────

POINTS = [np.array([0.3, 0.5, 0.7], F32), np.array([[1.3, 0.5], [0.5, 1.7]], F32),
          np.array(0.4, F32), np.zeros(0, F32)]
NUMPY_WIDENS = {np.polyder, np.polyint, np.vander}  # float32 to float64, by integers inside


def first_node(y):
    """The first node in a result."""
    return next((v for v in flat(y) if isinstance(v, ag.Node)), None)


def numbers(f, x):
    """Each transform's numbers for the function f at x."""
    k = lambda x: first_node(f(x))
    total = lambda x: np.sum(k(x))
    value, pullback = ag.vjp(k, x)
    return {
        "value_and_grad": ag.value_and_grad(total)(x), "grad": ag.grad(total)(x),
        "jvp": ag.jvp(k, (x,), (x,)), "wider tangent": ag.jvp(k, (x,), (np.ones(x.shape),)),
        "vjp": (value, pullback(np.ones(np.shape(value)))), "jacobian": ag.jacobian(k)(x),
        "hvp": ag.hvp(total, (x,), (x,)), "hessian": ag.hessian(total)(x),
    }


@pytest.mark.parametrize("x", [
    POINTS[0], *(pytest.param(x, marks=pytest.mark.slow) for x in POINTS[1:])],  # all functions
    ids=lambda x: str(x.shape))
def test_float32_stays_float32_in_every_transform_of_every_function(x):
    """Also where it is 0, or has no entries, or the shape (), for each row that takes one array."""
    tried = 0
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, of functions that will go, or of small samples
        for function in TABLE:
            try:
                if function in NUMPY_WIDENS or first_node(function(Tensor(x))) is None:
                    continue
                found = numbers(function, x)
            except (AutogradError, TypeError, ValueError, IndexError, np.linalg.LinAlgError):
                continue  # it takes more arguments, or others
            tried += 1
            for transform, results in found.items():
                for y in flat(results):
                    assert y.dtype == F32, (function, transform)
    assert tried > 80


def test_a_jacobian_of_nothing_keeps_its_dtype():
    """Empty results give empty Jacobians in the argument's dtype; nodes inside a transform."""
    for x in (np.ones(2, F32), np.ones(2), np.array(2.0, F32)):
        J = ag.jacobian(lambda x: (x * np.ones(2))[:0])(x)
        assert J.shape == (0, *x.shape) and J.dtype == x.dtype
    assert ag.grad(lambda x: np.sum(ag.jacobian(lambda y: y[:0])(x)) + x[0])(
        np.ones(2)).tolist() == [1.0, 0.0]


def test_mixed_dtypes_stay_apart():
    """Each gradient has its own argument's dtype, a tangent and a pulled-back zero too."""
    a, b = np.ones(2, F32), np.ones(2)
    ga, gb, gc = ag.grad(lambda a, b, c: np.sum(a * b), (0, 1, 2))(a, b, np.ones(1, F32))
    assert (ga.dtype, gb.dtype, gc.dtype) == (F32, np.float64, F32)
    assert ag.jvp(lambda a, b: 2 * a, (a, b), (b, a))[1].dtype == F32
    assert type(ag.grad(lambda x: x**2)(3)) is float


def test_gradients_of_shape_nothing_are_arrays():
    """A Tensor of shape () has a gradient of shape () and its own dtype, by `gradients` too."""
    t = Tensor(np.array(0.4, F32))
    for create in (False, True):
        g = ag.gradients(np.ptp(t) + t * t, t, create_graph=create)
        assert g.shape == () and g.dtype == F32


# ── the functions that come out ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("transform", WITH_ARGNUMS)
def test_what_comes_out_pickles_and_copies(transform):
    """A transform of a function that pickles does so too, and is nested as deeply as one likes."""
    for made in (transform(product, (0, 1)), ag.jacobian(transform(product, 1), argnums=1)):
        for twin in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made), copy.copy(made)):
            np.testing.assert_equal(twin(2.0, 3.0), made(2.0, 3.0))
            assert repr(twin) == repr(made)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(transform(lambda x: x))


def test_what_comes_out_says_what_it_is():
    """The repr names the transforms and the function; name, documentation, signature are f's."""
    assert repr(ag.grad(product)) == "<grad(product)>"
    assert repr(ag.hessian(product, (0, 1))) == (
        "<jacobian(grad(product, argnums=(0, 1)), argnums=(0, 1))>")
    assert "partial" in repr(ag.grad(functools.partial(product, 1.0)))
    for transform in WITH_ARGNUMS:
        made = transform(product, 1)
        assert made.__name__ == "product" and made.__doc__ == "A function that pickles."
        assert inspect.unwrap(made) is product
        assert [*inspect.signature(made).parameters] == ["a", "b"]


def test_a_transform_in_a_class_is_a_method():
    """`slope = ag.grad(loss, argnums=1)` in a class is called as the method that loss is."""
    assert Model().slope(3.0) == 12.0
    assert isinstance(Model.slope, type(ag.grad(product)))


def test_compile_knows_what_a_function_was_made_from():
    """A transform's result is compiled as such; a wrapper around it as the function it is."""
    made = pickle.loads(pickle.dumps(ag.grad(product, np.int64(1))))
    assert ag.compile(made).steps == ag.grad(ag.compile(product), 1).steps == (("grad", 1),)
    assert ag.compile(ag.hessian(product)).steps == (("grad", 0), ("jacobian", 0))

    @functools.wraps(made)
    def doubled(a, b):
        return 2 * made(a, b)

    assert ag.compile(doubled).steps == () and doubled(2.0, 3.0) == 24.0


def test_errors_inside_the_function_come_out():
    """What f raises is raised, whatever it is; the next call is not disturbed."""

    def f(x):
        raise KeyError("mine")

    for attempt in (ag.grad(f), ag.value_and_grad(f), ag.jacobian(f), ag.hessian(f),
                    lambda x: ag.vjp(f, x), lambda x: ag.jvp(f, (x,), (x,))):
        with pytest.raises(KeyError, match="mine"):
            attempt(2.0)
    assert ag.grad(lambda x: x)(2.0) == 1.0 and type(ag.grad(lambda x: x)(2.0)) is float


def test_keywords_are_passed_on():
    """A node among the keywords keeps the result in its graph, also one named self."""
    v = Value(2.0)
    slope = ag.grad(lambda x, *, self: x**2 * self["v"])(3.0, self={"v": v})
    slope.backward()
    assert slope.data == 12.0 and v.grad == 6.0


def test_the_hessian_for_several_arguments():
    """argnums as a tuple gives blocks, rows outside, in the order that was asked for."""
    H = ag.hessian(lambda a, b: np.sum(a**2) * b, (1, 0))(np.ones(2), 3.0)
    assert H[0][0] == 0.0 and H[0][1].tolist() == [2.0, 2.0] == H[1][0].tolist()
    assert H[1][1].tolist() == [[6.0, 0.0], [0.0, 6.0]]


def test_results_of_one_entry_have_gradients():
    """Shapes (), (1,) and (1, 1) hold one number."""
    for shape in ((), (1,), (1, 1)):
        assert ag.grad(lambda x: np.reshape(x * x, shape))(np.array([3.0])).tolist() == [6.0]
