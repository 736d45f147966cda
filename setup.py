"""Builds the C extension; everything else is declared in pyproject.toml."""

from setuptools import setup

setup(
    cffi_modules=["native/build.py:ffibuilder"],
    # One wheel for every CPython from 3.11 on: the extension uses the limited API alone.
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
