"""Euler rollout of several damped pendulums, fitted to observed angles: adjoint method for stiffness, damping, start."""

import numpy as np


def loss(k, c, x0, v0, obs, dt):
    def acceleration(x, v):
        return -k * np.sin(x) - c * v

    x, v = x0, v0
    misfit = 0.0
    for t in range(len(obs)):
        a = acceleration(x, v)
        x = x + dt * v
        v = v + dt * a
        misfit = misfit + 0.5 * np.sum((x - obs[t]) ** 2)
    return misfit


def gradient(k, c, x0, v0, obs, dt):
    steps = len(obs)
    xs, vs = [x0], [v0]
    for t in range(steps):
        xs.append(xs[t] + dt * vs[t])
        vs.append(vs[t] + dt * (-k * np.sin(xs[t]) - c * vs[t]))
    gx = np.zeros_like(x0)
    gv = np.zeros_like(v0)
    dk = np.zeros_like(k)
    dc = 0.0
    for t in reversed(range(steps)):
        gx = gx + (xs[t + 1] - obs[t])
        dk += -gv * dt * np.sin(xs[t])
        dc += -np.sum(gv * dt * vs[t])
        new_gx = gx - gv * dt * k * np.cos(xs[t])
        new_gv = gv + gx * dt - gv * dt * c
        gx, gv = new_gx, new_gv
    return dk, dc, gx, gv


def example(rng):
    return 1 + rng.random(3), 0.4, rng.normal(size=3), rng.normal(size=3), rng.normal(size=(6, 3)), 0.25


FULL = ("k", "c", "x0", "v0")

MISTAKES = [
    ("adjoint of the angle overwritten before the velocity's uses it", {"gv + gx * dt": "gv + new_gx * dt"}, "wrong-operand", ("stale",), FULL, "x = x + dt * v"),
    ("residual assigned, not added to the adjoint from later steps", {"gx = gx + (xs[t + 1] - obs[t])": "gx = xs[t + 1] - obs[t]"}, "missing-path", (), FULL, "x = x + dt * v"),
    ("small angles: the sine's derivative left out", {" * np.cos(xs[t])": ""}, "missing-local-derivative", (), FULL, "-k * np.sin(x)"),
    ("sine for cosine", {"np.cos(xs[t])": "np.sin(xs[t])"}, "wrong-local-derivative", (), FULL, "-k * np.sin(x)"),
    ("time step missing in the stiffness' gradient", {"-gv * dt * np.sin": "-gv * np.sin"}, "factor", (), ("k",), "v = v + dt * a"),
    ("restoring force with the wrong sign", {"gx - gv * dt * k": "gx + gv * dt * k"}, "sign", (), FULL, "-k * np.sin(x)"),
    ("velocity's effect on the angle forgotten", {"gv + gx * dt - gv": "gv - gv"}, "missing-path", (), FULL, "x = x + dt * v"),
    ("shared damping not summed over the pendulums", {"-np.sum(gv * dt * vs[t])": "-gv * dt * vs[t]"}, "unreduced", (), ("c",), "- c * v"),
    ("final residual put into the start of the adjoint and added in the loop", {"gx = np.zeros_like(x0)": "gx = xs[-1] - obs[-1]"}, "doubled-term", (), FULL, "misfit = misfit + 0.5"),
    ("observations compared with the state before the step", {"(xs[t + 1] - obs[t])": "(xs[t] - obs[t])"}, "index", ("wrong-operand",), FULL, "np.sum((x - obs[t]) ** 2)"),
]
