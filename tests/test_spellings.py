"""Names of HIPS autograd, JAX and PyTorch: each is answered with what it is called here."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import numpy as np
import pytest
from autograd_mini.nn.spellings import SPELLINGS as NN_NAMES

import autograd_mini as ag
from autograd_mini import nn
from autograd_mini.errors import AutogradError, SpellingError, SpellingImportError
from autograd_mini.spellings import FUNCTIONS, KEYWORDS, SPELLINGS, foreign

NAMES = [name for names in FUNCTIONS.values() for name in names]
MODULES = ("tensor", "primitive")  # loaded files of ours: to call them is answered


@pytest.mark.parametrize("name", NAMES)
def test_a_foreign_name_is_an_attribute_error_with_the_name_here(name):
    """`ag.vmap` raises an AttributeError of one sentence; hasattr and getattr see no such name."""
    if name in (*MODULES, "scipy"):  # which are here, and only called or imported otherwise
        assert hasattr(ag, name)
        return
    with pytest.raises(SpellingError, match=rf"^\w.*'s {name} isn't in autograd_mini: \S") as info:
        getattr(ag, name)
    assert isinstance(info.value, AttributeError) and not hasattr(ag, name)
    assert name not in dir(ag)


def test_each_name_is_in_the_table_once():
    """No library has a name that another has, and none answers to two tables of one place."""
    assert len(set(NAMES)) == len(NAMES)
    assert not set(KEYWORDS) & set(SPELLINGS)


@pytest.mark.parametrize("code", [
    code for text in [*(a for names in FUNCTIONS.values() for a in names.values()),
                      *KEYWORDS.values(), *SPELLINGS.values()]
    for code in re.findall(r"\b(?:ag|nn|np)\.[\w.]+", text)
])
def test_every_name_that_an_answer_gives_is_there(code):
    """What is recommended exists."""
    thing = {"ag": ag, "nn": ag.nn, "np": np}[code.split(".")[0]]
    for part in code.split(".")[1:]:
        thing = getattr(thing, part)


def test_pytorchs_methods_are_answered_as_functions_too():
    """`torch.unsqueeze(x, 0)` is as common as `x.unsqueeze(0)`."""
    for name in ("unsqueeze", "detach", "requires_grad", "cuda", "clamp", "permute"):
        with pytest.raises(SpellingError, match=f"PyTorch's {name} .*{re.escape(SPELLINGS[name])}"):
            getattr(ag, name)


@pytest.mark.parametrize(("line", "words"), [
    ("import autograd_mini.numpy as np", "`import numpy as np` is enough"),
    ("import autograd_mini.numpy.random as npr", "`import numpy as np` is enough"),
    ("from autograd_mini.numpy import linalg", "`import numpy as np` is enough"),
    ("from autograd_mini import numpy", "`import numpy as np` is enough"),
    ("from autograd_mini import grad, jit", "ag.compile"),
    ("from autograd_mini.extend import primitive, defvjp", "ag.elementwise"),
    ("from autograd_mini.misc.flatten import flatten", "ag.flatten"),
    ("import autograd_mini.scipy.special", "from autograd_mini import scipy"),
    ("from autograd_mini import custom_vjp", "ag.structural"),
    ("from autograd_mini import lax", "ag.stop_gradient"),
])
def test_imports_are_answered(line, words):
    """The lines with which programs for other libraries begin raise an ImportError that helps."""
    with pytest.raises(SpellingImportError, match=re.escape(words)) as info:
        exec(line)
    assert isinstance(info.value, ImportError)


def test_other_imports_fail_as_in_python():
    """A name that no library has is Python's own error, and a finder that asks is not disturbed."""
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from autograd_mini import nothing")
    with pytest.raises(ModuleNotFoundError, match="No module named 'autograd_mini.nothing'"):
        importlib.import_module("autograd_mini.nothing")
    assert importlib.util.find_spec("numpy.nothing") is None and foreign("nothing") == ""
    finders = [f for f in sys.meta_path if type(f).__name__ == "ForeignModules"]
    assert len(finders) == 1


def test_imports_are_answered_without_a_word_on_other_packages():
    """In a new process too; numpy itself is imported as ever."""
    code = ("import autograd_mini, numpy.linalg, json.tool\n"
            "try:\n    import autograd_mini.numpy\n"
            "except ImportError as error:\n    print(error.name)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "autograd_mini.numpy\n" and not done.stderr


@pytest.mark.parametrize(("call", "words"), [
    (lambda: ag.tensor([1.0], requires_grad=True), r"ag\.Tensor\(array\).*without requires_grad"),
    (lambda: ag.primitive(np.tanh), r"ag\.elementwise"),
])
def test_calling_a_module_is_answered(call, words):
    """`ag.tensor` is a file of ours, which is no function: the answer is the name in the table."""
    with pytest.raises(SpellingError, match=words):
        call()


def f(x):
    """A scalar function."""
    return np.sum(x**2)


@pytest.mark.parametrize(("call", "words"), [
    (lambda: ag.grad(f, holomorphic=True), "numbers are real here"),
    (lambda: ag.value_and_grad(f, allow_int=True), "leave it out"),
    (lambda: ag.grad(f, create_graph=True), "differentiated again as it is"),
    (lambda: ag.jacobian(f, vectorize=True), "leave it out"),
    (lambda: ag.hessian(f, requires_grad=True), "every node is a variable"),
    (lambda: ag.elementwise_grad(f, has_aux=True), "grad, value_and_grad.* have it"),
    (lambda: ag.vjp(f, 1.0, argnums=0), r"hold the others, lambda x: f\(x, 2.0\)"),
    (lambda: ag.jvp(f, (1.0,), (1.0,), argnum=0), "argnums="),
    (lambda: ag.hvp(f, (1.0,), (1.0,), has_aux=True), "grad, value_and_grad.* have it"),
    (lambda: ag.compile(f, static_argnums=0), "part of the program"),
    (lambda: ag.Value(1.0).backward(retain_graph=True), "as long as its output"),
    (lambda: ag.Tensor(1.0).backward(gradient=1.0), "it is seed="),
    (lambda: ag.gradients(ag.Value(1.0), [], allow_unused=True), "leave it out"),
    (lambda: ag.grad(f, wrong=1), r"grad\(\) has no argument 'wrong': see help\(ag.grad\)"),
], ids=range(14))
def test_foreign_keywords_are_answered(call, words):
    """A keyword of another library is a TypeError, as in Python, which says what it is here."""
    with pytest.raises(SpellingError, match=words) as info:
        call()
    assert isinstance(info.value, TypeError) and isinstance(info.value, AutogradError)


# ── names of layers and losses ───────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("name", NN_NAMES)
def test_a_foreign_name_of_nn_is_answered(name):
    """`nn.CrossEntropyLoss` says what it is called here; hasattr sees no such name."""
    with pytest.raises(SpellingError, match=rf"^autograd_mini.nn has no {name}: \S"):
        getattr(nn, name)
    assert not hasattr(nn, name) and name not in dir(nn)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        nn.nothing


@pytest.mark.parametrize("code", sorted({
    code for text in NN_NAMES.values() for code in re.findall(r"\b(?:nn|ag)\.\w+", text)}))
def test_what_the_answers_of_nn_name_is_there(code):
    """Every nn.name and ag.name in an answer."""
    assert eval(code)
