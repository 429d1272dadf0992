"""A package of the npm registry, pinned by its SHA-256: the tools that only npm carries come from here."""

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path


def files_of(package, sha256):
    """The files of `NAME@VERSION`, as an open archive. The npm is the one beside this Python."""
    with tempfile.TemporaryDirectory() as temporary:
        npm = Path(sys.executable).parent / "npm"
        command = [npm, "pack", "--silent", "--pack-destination", temporary, package]
        subprocess.run(command, check=True, cwd=temporary, stdout=subprocess.DEVNULL)
        (archive,) = Path(temporary).glob("*.tgz")
        content = archive.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        sys.exit(f"error: the SHA-256 of {package} is {found} and not {sha256}: it is not the package that was pinned")
    return tarfile.open(fileobj=io.BytesIO(content))
