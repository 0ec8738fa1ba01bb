"""Throw-away certificates for servers on 127.0.0.1, made by the openssl program."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Certificates:
    """PEM files: a CA, a server certificate of it for 127.0.0.1 (with its key), one for another name, and another CA."""

    ca: Path
    server: Path
    key: Path
    elsewhere: Path
    other_ca: Path


def make(folder):
    if shutil.which("openssl") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("the openssl program is missing: apt-get install openssl")
    key = folder / "key.pem"
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    made = {name: folder / f"{name}.pem" for name in ("ca", "server", "elsewhere", "other_ca")}
    for name in ("ca", "other_ca"):
        _openssl("req", "-x509", "-new", "-key", key, "-subj", f"/CN={name}", "-days", "2", "-out", made[name], "-addext", "keyUsage=critical,keyCertSign")
    for name, alternative in (("server", "IP:127.0.0.1"), ("elsewhere", "DNS:es.example.org")):
        request = folder / f"{name}.csr"
        _openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}", "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", made["ca"], "-CAkey", key, "-CAcreateserial", "-days", "2", "-copy_extensions", "copy", "-out", made[name])
    return Certificates(key=key, **made)


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)
