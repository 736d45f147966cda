"""The cffi build of Loa's C core: every header and source in the folders below.

What Python may call is what a header declares between ``/* cffi:begin */`` and ``/* cffi:end */``;
the declarations live in one place and cannot drift apart from the C.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent / "src"
FOLDERS = ("audio", "engine")
LIBRARIES = {"opus": "1.3", "libebur128": "1.2", "samplerate": "0.1.9"}
# Headers in the order in which their types are needed.
HEADERS = (
    "audio/loa_error.h",
    "audio/loa_opus.h",
    "audio/loa_loudness.h",
    "audio/loa_limiter.h",
    "audio/loa_leveller.h",
    "audio/loa_chain.h",
    "audio/loa_resample.h",
    "audio/loa_ring.h",
    "engine/loa_crc.h",
    "engine/loa_page.h",
    "engine/loa_clip.h",
    "engine/loa_engine.h",
)
EXPORTED = re.compile(r"/\* cffi:begin \*/(.*?)/\* cffi:end \*/", re.DOTALL)


def pkg_config(option: str) -> list[str]:
    """Return pkg-config's words for our libraries; exit with advice when one is missing."""
    wanted = [f"{name} >= {version}" for name, version in LIBRARIES.items()]
    try:
        done = subprocess.run(
            ["pkg-config", option, *wanted], check=True, capture_output=True, text=True
        )
    except FileNotFoundError:
        sys.exit("loa: pkg-config is not installed (Debian: apt-get install pkg-config)")
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"loa: {error.stderr.strip()}\n"
            "loa: on Debian: apt-get install libopus-dev libebur128-dev libsamplerate0-dev"
        )
    return done.stdout.split()


def declarations() -> str:
    """Return what the headers export to Python, in order."""
    found = (EXPORTED.search((HERE / header).read_text()) for header in HEADERS)
    return "\n".join(match.group(1) for match in found if match)


def relative(path: Path) -> str:
    return os.path.relpath(path)


ffibuilder = FFI()
ffibuilder.cdef(declarations())
ffibuilder.set_source(
    "loa.native._loa",
    "\n".join(f'#include "{Path(header).name}"' for header in HEADERS),
    sources=[relative(path) for folder in FOLDERS for path in sorted((HERE / folder).glob("*.c"))],
    depends=[relative(path) for folder in FOLDERS for path in sorted((HERE / folder).glob("*.h"))],
    include_dirs=[relative(HERE / folder) for folder in FOLDERS],
    extra_compile_args=[
        "-std=gnu11",
        "-O3",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-pthread",
        *pkg_config("--cflags"),
    ],
    extra_link_args=["-pthread", *pkg_config("--libs"), "-lm"],
    py_limited_api=True,
)
