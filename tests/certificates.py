"""Self-signed certificates for tests, made by the openssl program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def make_certificate(folder: Path, name: str = "loa.test", stem: str = "tls") -> tuple[Path, Path]:
    """Write a certificate for ``name``, localhost and 127.0.0.1, and its key; return their paths.

    Both replace what was there, each at one moment.
    """
    cert, key = folder / f"{stem}.crt", folder / f"{stem}.key"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
            f"subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1",
            "-keyout", f"{key}.new", "-out", f"{cert}.new",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    os.replace(f"{cert}.new", cert)
    os.replace(f"{key}.new", key)
    return cert, key
