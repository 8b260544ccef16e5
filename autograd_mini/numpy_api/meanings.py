"""Functions of scipy.special without a row: what each is, and what to write instead.

What is proposed is chosen by what a function means, never by how its name is spelt: exp1 is no
relative of expm1, but an integral. The formulas are those of the Digital Library of
Mathematical Functions, https://dlmf.nist.gov; the tests compare each with differences.
"""

from __future__ import annotations

import math
import sys

import numpy as np

__all__ = ["COMPOSED", "GROUPS", "RULES", "instead", "is_anothers"]

GROUPS = {
    "an exponential integral": "exp1 expi expn",
    "the integrals of sin x/x and of cos x/x": "sici shichi",
    "a Fresnel integral": "fresnel",
    "a modified Fresnel integral, which is complex": "modfresnelm modfresnelp",
    "the Airy functions": "airy airye itairy",
    "a scaled Bessel function, or an integral of one": "k0e k1e jve yve besselpoly",
    "a Hankel function, which is complex": "hankel1 hankel1e hankel2 hankel2e",
    "an integral of Bessel or Struve functions":
        "iti0k0 it2i0k0 itj0y0 it2j0y0 itstruve0 it2struve0 itmodstruve0",
    "a Kelvin function": "ber bei ker kei berp beip kerp keip kelvin",
    "a Struve function": "struve modstruve",
    "an elliptic integral": "ellipe ellipeinc ellipk ellipkinc ellipkm1 elliprc elliprd elliprf "
                            "elliprg elliprj",
    "the Jacobian elliptic functions": "ellipj",
    "the arithmetic-geometric mean": "agm",
    "a hypergeometric function": "hyp0f1 hyp1f1 hyp2f1 hyperu",
    "an orthogonal polynomial":
        "eval_chebyc eval_chebys eval_chebyt eval_chebyu eval_gegenbauer eval_genlaguerre "
        "eval_hermite eval_hermitenorm eval_jacobi eval_laguerre eval_legendre eval_sh_chebyt "
        "eval_sh_chebyu eval_sh_jacobi eval_sh_legendre",
    "an associated Legendre function": "lpmv",
    "a Mathieu function": "mathieu_a mathieu_b mathieu_cem mathieu_modcem1 mathieu_modcem2 "
                          "mathieu_modsem1 mathieu_modsem2 mathieu_sem",
    "a spheroidal wave function":
        "obl_ang1 obl_ang1_cv obl_cv obl_rad1 obl_rad1_cv obl_rad2 obl_rad2_cv "
        "pro_ang1 pro_ang1_cv pro_cv pro_rad1 pro_rad1_cv pro_rad2 pro_rad2_cv",
    "a parabolic cylinder function": "pbdv pbvv pbwa",
    "a relative of the error function": "erfcx erfi dawsn owens_t voigt_profile",
    "the Faddeeva function, which is complex": "wofz",
    "a quantile of the normal distribution": "ndtri_exp nrdtrimn nrdtrisd",
    "Student's t distribution": "stdtridf stdtrit",
    "the noncentral t distribution": "nctdtr nctdtridf nctdtrinc nctdtrit",
    "the F distribution": "fdtr fdtrc fdtri fdtridfd",
    "the noncentral F distribution": "ncfdtr ncfdtri ncfdtridfd ncfdtridfn ncfdtrinc",
    "the χ² distribution": "chdtr chdtrc chdtri chdtriv",
    "the noncentral χ² distribution": "chndtr chndtridf chndtrinc chndtrix",
    "the gamma distribution": "gdtr gdtrc gdtria gdtrib gdtrix",
    "the binomial distribution": "bdtr bdtrc bdtri bdtrik bdtrin",
    "the negative binomial distribution": "nbdtr nbdtrc nbdtri nbdtrik nbdtrin",
    "the Poisson distribution": "pdtr pdtrc pdtri pdtrik",
    "the Kolmogorov-Smirnov distribution": "kolmogi kolmogorov smirnov smirnovi",
    "Tukey's lambda distribution": "tklmbda",
    "the inverse of an incomplete gamma function": "gammaincinv gammainccinv",
    "the inverse of an incomplete beta function": "betaincinv betainccinv btdtria btdtrib",
    "a quotient of gamma functions": "poch binom",
    "the complex log-gamma function": "loggamma",
    "Riemann's zeta function": "zetac",
    "the dilogarithm": "spence",
    "a Wright function": "wright_bessel log_wright_bessel wrightomega",
    "the Box-Cox transformation": "boxcox boxcox1p inv_boxcox inv_boxcox1p",
    "a function of an angle in degrees": "cosdg sindg tandg cotdg radian",
    "an elementary function in a precise form": "cosm1 powm1 exprel exp10",
    "a robust loss": "huber pseudo_huber",
    "constant between its steps": "round",
}
"""What they are → their names in scipy.special."""

COMPOSED = {
    "jve": ("v, x", "scipy.special.jv(v, x)"), "yve": ("v, x", "scipy.special.yv(v, x)"),
    "loggamma": ("x", "scipy.special.gammaln(x)"),
    "poch": ("z, m", "np.exp(scipy.special.gammaln(z + m) - scipy.special.gammaln(z))"),
    "binom": ("n, k", "1 / ((n + 1) * scipy.special.beta(n - k + 1, k + 1))"),
    "chdtr": ("v, x", "ag.scipy.stats.chi2.cdf(x, v)"),
    "chdtrc": ("v, x", "1 - ag.scipy.stats.chi2.cdf(x, v)"),
    "gdtr": ("a, b, x", "scipy.special.gammainc(b, a * x)"),
    "gdtrc": ("a, b, x", "scipy.special.gammaincc(b, a * x)"),
    "pdtr": ("k, m", "scipy.special.gammaincc(k + 1, m)"),
    "pdtrc": ("k, m", "scipy.special.gammainc(k + 1, m)"),
    "fdtr": ("n, d, x", "scipy.special.betainc(n / 2, d / 2, n * x / (n * x + d))"),
    "fdtrc": ("n, d, x", "scipy.special.betainc(d / 2, n / 2, d / (n * x + d))"),
    "bdtr": ("k, n, p", "scipy.special.betainc(n - k, k + 1, 1 - p)"),
    "bdtrc": ("k, n, p", "scipy.special.betainc(k + 1, n - k, p)"),
    "nbdtr": ("k, n, p", "scipy.special.betainc(n, k + 1, p)"),
    "nbdtrc": ("k, n, p", "scipy.special.betainc(k + 1, n, 1 - p)"),
    "nrdtrimn": ("p, std, x", "x - std * scipy.special.ndtri(p)"),
    "nrdtrisd": ("mean, p, x", "(x - mean) / scipy.special.ndtri(p)"),
    "boxcox": ("x, lmbda", "np.expm1(lmbda * np.log(x)) / lmbda"),
    "boxcox1p": ("x, lmbda", "np.expm1(lmbda * np.log1p(x)) / lmbda"),
    "inv_boxcox": ("y, lmbda", "np.exp(np.log1p(lmbda * y) / lmbda)"),
    "inv_boxcox1p": ("y, lmbda", "np.expm1(np.log1p(lmbda * y) / lmbda)"),
    "cosdg": ("x", "np.cos(np.deg2rad(x))"), "sindg": ("x", "np.sin(np.deg2rad(x))"),
    "tandg": ("x", "np.tan(np.deg2rad(x))"), "cotdg": ("x", "1 / np.tan(np.deg2rad(x))"),
    "radian": ("d, m, s", "np.deg2rad(d + m / 60 + s / 3600)"),
    "cosm1": ("x", "-2 * np.sin(x / 2) ** 2"), "powm1": ("x, y", "np.expm1(y * np.log(x))"),
    "exprel": ("x", "np.expm1(x) / x"), "exp10": ("x", "10.0**x"),
    "huber": ("d, r", "np.where(np.abs(r) <= d, r**2 / 2, d * (np.abs(r) - d / 2))"),
    "pseudo_huber": ("d, r", "d**2 * (np.sqrt(1 + (r / d) ** 2) - 1)"),
} | {
    f"eval_{name}": (arguments, f"np.polyval(scipy.special.{name}({order}).coef, x)")
    for names, arguments, order in (
        ("chebyc chebys chebyt chebyu hermite hermitenorm laguerre legendre sh_chebyt sh_chebyu "
         "sh_legendre", "n, x", "n"), ("gegenbauer genlaguerre", "n, alpha, x", "n, alpha"),
        ("jacobi", "n, alpha, beta, x", "n, alpha, beta"), ("sh_jacobi", "n, p, q, x", "n, p, q"))
    for name in names.split()
}
"""name → its arguments, and the same in functions that are differentiable."""

_WHERE = {"loggamma": "x > 0", "poch": "z > 0", "exprel": "x ≠ 0", "boxcox": "lmbda ≠ 0",
          "boxcox1p": "lmbda ≠ 0", "inv_boxcox": "lmbda ≠ 0", "inv_boxcox1p": "lmbda ≠ 0"}

_FIRST = {  # of those with several results: the name of the first, and its slope
    "sici": ("Si", "np.sin(x) / x"), "shichi": ("Shi", "np.sinh(x) / x"),
    "fresnel": ("S", "np.sin(np.pi * x**2 / 2)"), "airy": ("Ai", "scipy.special.airy(x)[1]"),
    "iti0k0": ("int_i0", "scipy.special.i0(x)"), "itj0y0": ("int_j0", "scipy.special.j0(x)"),
    "it2i0k0": ("int_i0", "(scipy.special.i0(x) - 1) / x"),
    "it2j0y0": ("int_j0", "(1 - scipy.special.j0(x)) / x"),
}
_N = "NotImplemented, "
RULES = {
    "exp1": "lambda y, x: -np.exp(-x) / x", "expi": "lambda y, x: np.exp(x) / x",
    "expn": _N + "lambda y, n, x: -scipy.special.expn(n - 1, x)",
    "erfcx": "lambda y, x: 2 * x * y - 2 / np.sqrt(np.pi)",
    "erfi": "lambda y, x: 2 / np.sqrt(np.pi) * np.exp(x**2)",
    "dawsn": "lambda y, x: 1 - 2 * x * y",
    "owens_t": "lambda y, h, a: -np.exp(-h**2 / 2) * scipy.special.erf(a * h / np.sqrt(2)) "
               "/ np.sqrt(8 * np.pi), lambda y, h, a: np.exp(-h**2 * (1 + a**2) / 2) "
               "/ (2 * np.pi * (1 + a**2))",
    "ndtri_exp": "lambda y, x: np.sqrt(2 * np.pi) * np.exp(x + y**2 / 2)",
    "k0e": "lambda y, x: y - scipy.special.k1e(x)",
    "k1e": "lambda y, x: y - scipy.special.k0e(x) - y / x",
    "ber": "lambda y, x: scipy.special.berp(x)", "bei": "lambda y, x: scipy.special.beip(x)",
    "ker": "lambda y, x: scipy.special.kerp(x)", "kei": "lambda y, x: scipy.special.keip(x)",
    "itstruve0": "lambda y, x: scipy.special.struve(0, x)",
    "it2struve0": "lambda y, x: -scipy.special.struve(0, x) / x",
    "itmodstruve0": "lambda y, x: scipy.special.modstruve(0, x)",
    "struve": _N + "lambda y, v, x: scipy.special.struve(v - 1, x) - v / x * y",
    "modstruve": _N + "lambda y, v, x: scipy.special.modstruve(v - 1, x) - v / x * y",
    "ellipk": "lambda y, m: (scipy.special.ellipe(m) / (1 - m) - y) / (2 * m)",
    "ellipkm1": "lambda y, p: (y - scipy.special.ellipe(1 - p) / p) / (2 * (1 - p))",
    "ellipe": "lambda y, m: (y - scipy.special.ellipk(m)) / (2 * m)",
    "ellipkinc": "lambda y, phi, m: 1 / np.sqrt(1 - m * np.sin(phi) ** 2), NotImplemented",
    "ellipeinc": "lambda y, phi, m: np.sqrt(1 - m * np.sin(phi) ** 2), "
                 "lambda y, phi, m: (y - scipy.special.ellipkinc(phi, m)) / (2 * m)",
    "elliprf": "lambda f, x, y, z: -scipy.special.elliprd(y, z, x) / 6, "
               "lambda f, x, y, z: -scipy.special.elliprd(x, z, y) / 6, "
               "lambda f, x, y, z: -scipy.special.elliprd(x, y, z) / 6",
    "hyp0f1": _N + "lambda y, b, x: scipy.special.hyp0f1(b + 1, x) / b",
    "hyp1f1": 2 * _N + "lambda y, a, b, x: a / b * scipy.special.hyp1f1(a + 1, b + 1, x)",
    "hyp2f1": 3 * _N + "lambda y, a, b, c, x: "
                       "a * b / c * scipy.special.hyp2f1(a + 1, b + 1, c + 1, x)",
    "hyperu": 2 * _N + "lambda y, a, b, x: -a * scipy.special.hyperu(a + 1, b + 1, x)",
    "gammaincinv": _N + "lambda y, a, p: np.exp(y + scipy.special.gammaln(a)) * y ** (1 - a)",
    "gammainccinv": _N + "lambda y, a, p: -np.exp(y + scipy.special.gammaln(a)) * y ** (1 - a)",
    "betaincinv": 2 * _N + "lambda y, a, b, p: "
                           "scipy.special.beta(a, b) * y ** (1 - a) * (1 - y) ** (1 - b)",
    "betainccinv": 2 * _N + "lambda y, a, b, p: "
                            "-scipy.special.beta(a, b) * y ** (1 - a) * (1 - y) ** (1 - b)",
    "stdtrit": _N + "lambda y, df, p: np.sqrt(df) * scipy.special.beta(df / 2, 0.5) "
                    "* (1 + y**2 / df) ** ((df + 1) / 2)",
    "spence": "lambda y, x: np.log(x) / (1 - x)", "wrightomega": "lambda y, x: y / (1 + y)",
}
"""name → the slopes with which its rule is stated; NotImplemented for what isn't stated."""


def instead(name: str) -> tuple[str, str]:
    """What scipy.special's function is, and what to write instead; ("", "") for another's name."""
    kind = next((kind for kind, names in GROUPS.items() if name in names.split()), "")
    if not kind:
        return "", ""
    if kind.startswith("constant"):
        return kind, "its derivative is 0: pass x.data"
    if name in COMPOSED:
        arguments, code = COMPOSED[name]
        where = _WHERE.get(name, "a small whole n" if name.startswith("eval_") else "")
        return kind, f"{name}({arguments}) is {code}{where and ' for ' + where}"
    if code := rule(name):
        return kind, f"state its rule, and call it: {code}"
    return kind, ("state its rule with ag.elementwise if you know its derivative, or pass x.data "
                  "if a constant is meant")


def rule(name: str) -> str:
    """The line that states its rule; of several results, that of the first. "" if there is none."""
    if name in RULES:
        return f"{name} = ag.elementwise(scipy.special.{name}, None, {RULES[name]})"
    if name not in _FIRST:
        return ""
    first, slope = _FIRST[name]
    return (f"{first} = ag.elementwise(lambda x: scipy.special.{name}(x)[0], None, "
            f"lambda y, x: {slope}, name={first!r})")


def is_anothers(name: str) -> bool:
    """Whether it is the name of a function elsewhere, for which no other one is to be proposed."""
    rooms = (math, np, np.linalg, sys.modules.get("scipy.special"))
    return any([callable(getattr(room, name, None)) for room in rooms]) or bool(instead(name)[0])
