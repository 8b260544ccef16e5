"""The extension module: all else is in pyproject.toml, which can't ask where NumPy's headers are."""

import sys

import numpy
from setuptools import Extension, setup

setup(ext_modules=[Extension(
    "autograd_mini_core", ["autograd_mini_core.c"], include_dirs=[numpy.get_include()],
    extra_compile_args=["/utf-8"] if sys.platform == "win32" else [])])
