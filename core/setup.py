"""The extension module: the rest is in pyproject.toml, which can't ask for NumPy's headers."""

import sys
import sysconfig

import numpy
from setuptools import Extension, setup

if sysconfig.get_config_var("Py_GIL_DISABLED"):  # Windows's headers don't say it
    sys.exit("autograd-mini-core needs a Python with the global interpreter lock: "
             "this one is free-threaded")
# GCC and Clang mustn't fuse a·b + c into one rounding, for Python has two. MSVC for x86-64 doesn't,
# but must be told that the file is UTF-8.
flags = ["/utf-8"] if sys.platform == "win32" else ["-ffp-contract=off"]
setup(ext_modules=[Extension("autograd_mini_core", ["autograd_mini_core.c"],
                             include_dirs=[numpy.get_include()], extra_compile_args=flags)])
