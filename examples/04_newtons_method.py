"""Second derivatives at work: Newton's method on Rosenbrock's valley."""

import numpy as np

import autograd_mini as ag


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


x = np.array([-1.2, 1.0])
for step in range(8):
    value, g = ag.value_and_grad(rosenbrock)(x)
    print(f"step {step}: f = {value:.3e} at {np.round(x, 6)}")
    x = x - np.linalg.solve(ag.hessian(rosenbrock)(x), g)
assert np.allclose(x, 1.0, atol=1e-9)
