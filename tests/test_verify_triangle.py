"""Losses that read one triangle of a symmetric matrix: both conventions are right, no third."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag

A = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]])
C = np.array([[1.0, 0.3, -0.7], [0.2, -1.1, 0.4], [0.9, 0.5, 0.6]])


def symmetric(x, triangle):
    """The symmetric matrix of which only one triangle is read."""
    part, strict = (np.tril(x), np.tril(x, -1)) if triangle == "lower" else (
        np.triu(x), np.triu(x, 1))
    return part + strict.T


@pytest.fixture(params=["lower", "upper"])
def triangle(request):
    return request.param


def logdet(triangle):
    return lambda x: np.linalg.slogdet(symmetric(x, triangle))[1] / 2


def as_read(triangle):
    """The gradient of log det / 2 as a function of what is read."""
    inverse = np.linalg.inv(A) / 2
    cut, strict = (np.tril, -1) if triangle == "lower" else (np.triu, 1)
    return cut(inverse) + cut(inverse, strict)


def test_both_conventions_are_right(triangle):
    """The symmetrised gradient is right and the report says why; that of what is read is plain."""
    report = ag.check_gradient(logdet(triangle), lambda x: np.linalg.inv(x) / 2, A)
    assert report.ok and len(report.notes) == 1
    assert f"only the {triangle} triangle of x" in report.notes[0]
    assert "symmetrised" in report.notes[0] and "symmetrised" in report["x"].reason
    assert report["x"].absolute_error < 1e-12
    plain = ag.check_gradient(logdet(triangle), as_read(triangle), A)
    assert plain.ok and plain.notes == ()


@pytest.mark.parametrize(("loss", "gradient", "triangle"), [
    (lambda x: np.sum(np.log(np.diag(np.linalg.cholesky(x)))), lambda x: 0.5 * np.linalg.inv(x),
     "lower"),
    (lambda x: np.sum(np.linalg.eigvalsh(x) ** 3), lambda x: 3 * x @ x, "lower"),
    (lambda x: np.sum(np.linalg.eigvalsh(x, UPLO="U") ** 3), lambda x: 3 * x @ x, "upper"),
], ids=["cholesky", "eigvalsh", "eigvalsh of the upper"])
def test_gradients_as_they_stand_in_books(loss, gradient, triangle):
    """Of log det by Cholesky, and of eigenvalues: right, and the triangle is named."""
    for x in (np.array([[4.0, 1.0], [1.0, 3.0]]), A):
        report = ag.check_gradient(loss, gradient, x)
        assert report.ok and f"only the {triangle} triangle" in report.notes[0], str(report)


@pytest.mark.parametrize("claim", [
    lambda t: np.linalg.inv(A), lambda t: -np.linalg.inv(A) / 2, lambda t: as_read(t) * 1.01,
    lambda t: np.tril(np.linalg.inv(A)) / 2, lambda t: np.triu(np.linalg.inv(A)) / 2,
    lambda t: np.linalg.inv(A) / 2 + 1e-3 * np.eye(3),
], ids=["twice", "a sign", "one percent", "lower, not doubled", "upper, not doubled", "diagonal"])
def test_another_gradient_is_wrong(triangle, claim):
    """Symmetrising excuses nothing else: a factor, a sign, a triangle that isn't doubled."""
    assert ag.check_gradient(logdet(triangle), claim(triangle), A).verdict == "wrong"


@pytest.mark.parametrize("loss", [
    lambda x: np.sum(C * x), lambda x: np.sum((C @ x) ** 2), lambda x: np.linalg.det(x),
    lambda x: np.sum(np.tril(C * x)) + np.sum((np.triu(x, 1) - np.triu(A, 1)) ** 2),
    lambda x: np.sum(np.tril(C * x)) + 0.1 * x[0, 2],
], ids=["linear", "a product", "det", "flat here", "one entry"])
def test_a_loss_that_reads_both_triangles_is_not_excused(loss):
    """Where the other triangle matters, even if its slope is 0 here, symmetrised is wrong."""
    gradient = ag.grad(loss)(A)
    mirrored = (gradient + gradient.T) / 2
    if np.allclose(mirrored, gradient):
        mirrored = gradient + np.triu(C, 1) - np.triu(C, 1).T
    report = ag.check_gradient(loss, mirrored, A)
    assert report.verdict == "wrong" and not any("triangle" in note for note in report.notes)


def test_a_matrix_that_is_not_symmetric_has_one_gradient():
    """Where the entries differ there is nothing to symmetrise."""
    loss, x = logdet("lower"), A + np.triu(C, 1)
    full = np.linalg.inv(symmetric(x, "lower")) / 2
    assert ag.check_gradient(loss, full, x).verdict == "wrong"
    assert ag.check_gradient(loss, ag.grad(loss)(x), x).ok


def test_stacks_and_several_arguments(triangle):
    """Each matrix of a stack, inside a dict, beside another argument that is wrong."""
    stack = np.stack([A, 2 * A + np.eye(3)])

    def loss(p, w):
        part, strict = (np.tril, -1) if triangle == "lower" else (np.triu, 1)
        both = part(p["K"]) + np.swapaxes(part(p["K"], strict), -1, -2)
        return w * np.sum(np.linalg.slogdet(both)[1])

    def gradient(p, w):
        d = w * np.linalg.inv(p["K"])
        return {"K": d}, 2 * np.sum(np.linalg.slogdet(p["K"])[1])

    report = ag.check_gradient(loss, gradient, {"K": stack}, 1.5, wrt=("p", "w"))
    assert report["p['K']"].verdict == "right" and report["w"].verdict == "wrong"
    assert "p['K']" in report.notes[0]
    assert report["w"].suspects[0].line  # the edit that makes both right is found
