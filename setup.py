"""Builds the C extension; everything else is declared in pyproject.toml.

The pages are built before (``make web``): a wheel or sdist without them is refused, unless
``LOA_WITHOUT_PAGES`` says that they are not wanted, as on a box.
"""

import os
import sys
from pathlib import Path

from setuptools import setup

PAGES = Path(__file__).parent / "streamer/web/dist/index.html"

packed = {"sdist", "bdist_wheel"} & set(sys.argv)
if packed and not PAGES.exists() and not os.environ.get("LOA_WITHOUT_PAGES"):
    sys.exit("loa: the pages are not built. Run `make web` first, or set LOA_WITHOUT_PAGES=1.")

setup(
    cffi_modules=["native/build.py:ffibuilder"],
    # One wheel for every CPython from 3.11 on: the extension uses the limited API alone.
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
