"""The extension module: the rest is in pyproject.toml, which can't ask for NumPy's headers."""

import sys

import numpy
from setuptools import Extension, setup

setup(ext_modules=[Extension(
    "autograd_mini_core", ["autograd_mini_core.c"], include_dirs=[numpy.get_include()],
    # a·b + c is two roundings, as in Python: no fused multiply-add
    extra_compile_args=["/utf-8"] if sys.platform == "win32" else ["-ffp-contract=off"])])
