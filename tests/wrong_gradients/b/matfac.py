"""Matrix factorisation of ratings with user and item biases, a global mean and two regularisers (summed squares)."""

import numpy as np


def loss(P, Q, bu, bi, mu, users, items, ratings, lam, lam_b):
    dots = np.sum(P[users] * Q[items], axis=1)
    pred = mu + bu[users] + bi[items] + dots
    err = ratings - pred
    fit = np.sum(err ** 2)
    reg = lam * (np.sum(P ** 2) + np.sum(Q ** 2))
    reg_b = lam_b * (np.sum(bu ** 2) + np.sum(bi ** 2))
    return fit + reg + reg_b


def gradient(P, Q, bu, bi, mu, users, items, ratings, lam, lam_b):
    err = ratings - (mu + bu[users] + bi[items] + np.sum(P[users] * Q[items], axis=1))
    g = -2 * err

    dP = 2 * lam * P
    np.add.at(dP, users, g[:, None] * Q[items])
    dQ = 2 * lam * Q
    np.add.at(dQ, items, g[:, None] * P[users])

    dbu = 2 * lam_b * bu
    np.add.at(dbu, users, g)
    dbi = 2 * lam_b * bi
    np.add.at(dbi, items, g)
    dmu = np.sum(g)
    return dP, dQ, dbu, dbi, dmu


def example(rng):
    users = np.array([0, 0, 1, 2, 2, 3, 3, 3, 1, 0])
    items = np.array([1, 4, 0, 2, 5, 0, 1, 4, 3, 2])
    ratings = rng.integers(1, 6, 10).astype(float)
    return (rng.normal(size=(4, 3)), rng.normal(size=(6, 3)), rng.normal(size=4), rng.normal(size=6), 3.1,
            users, items, ratings, 0.05, 0.02)


MISTAKES = [
    ("dP[users] += ...: repeated users keep only their last rating", {"np.add.at(dP, users, g[:, None] * Q[items])": "dP[users] += g[:, None] * Q[items]"}, "index", (), ("P",), "P[users] * Q[items]"),
    ("item biases assigned by fancy indexing with +=", {"np.add.at(dbi, items, g)": "dbi[items] += g"}, "index", (), ("bi",), "pred = mu + bu[users]"),
    ("item factors updated with user factors that had been stepped already", {"g[:, None] * P[users])": "g[:, None] * (P - 0.01 * dP)[users])"}, "stale", (), ("Q",), "P[users] * Q[items]"),
    ("user factors for item factors in dP", {"g[:, None] * Q[items])": "g[:, None] * P[users])"}, "wrong-operand", (), ("P",), "P[users] * Q[items]"),
    ("lost the minus in front of the prediction", {"g = -2 * err": "g = 2 * err"}, "sign", (), ("P", "Q", "bu", "bi", "mu"), "err = ratings - pred"),
    ("dropped the 2 of the square", {"g = -2 * err": "g = -err"}, "factor", (), ("P", "Q", "bu", "bi", "mu"), "fit = np.sum(err ** 2)"),
    ("no regulariser for the item factors", {"dQ = 2 * lam * Q": "dQ = np.zeros_like(Q)"}, "missing-term", (), ("Q",), "reg = lam"),
    ("regularised the global mean", {"dmu = np.sum(g)": "dmu = np.sum(g) + 2 * lam_b * mu"}, "extra-term", (), ("mu",), ""),
    ("regulariser added again inside the loop over ratings (once per rating)", {"users, g[:, None] * Q[items])": "users, g[:, None] * Q[items] + 2 * lam * P[users])"}, "doubled-term", ("factor", "extra-term"), ("P",), "reg = lam"),
    ("averaged over the ratings for mu", {"np.sum(g)": "np.mean(g)"}, "mean-for-sum", ("factor",), ("mu",), "pred = mu + bu[users]"),
    ("item 0 treated as padding: its row left at zero", {"dbu = 2 * lam_b": "dQ[0] = 0\n    dbu = 2 * lam_b"}, "partial", (), ("Q",), "P[users] * Q[items]"),
]
