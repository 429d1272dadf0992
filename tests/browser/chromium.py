"""A Chromium for the tests: `python chromium.py FOLDER` puts a pinned one into the folder.

It is the headless build that npm carries for Lambda functions, which brings its libraries and a font
and so needs no installation. ROLLCALL_CHROMIUM names another Chromium or Chrome to use instead; on
processors that the build is not for there must be one.
"""

import io
import os
import platform
import shutil
import sys
import tarfile
from pathlib import Path

import brotli

sys.path.insert(0, str(Path(__file__).parents[1]))

import npm_package  # noqa: E402

PACKAGE = "@sparticuz/chromium@153.0.0"
SHA256 = "20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0"
FOLDER = Path(__file__).parents[2] / ".tools" / "chromium"
# fontconfig knows no relative folder for its cache, and would put one into the current folder.
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{folder}/cache</cachedir>
</fontconfig>
"""


def chosen():
    """The Chromium that the environment names, or that the machine must have; None for the pinned."""
    if path := os.environ.get("ROLLCALL_CHROMIUM"):
        return path
    if platform.machine() in ("x86_64", "AMD64"):
        return None
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    sys.exit("error: there is no pinned Chromium for this processor: install one, or name it in ROLLCALL_CHROMIUM")


def install(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if chosen():
        return
    with npm_package.files_of(PACKAGE, SHA256) as files:

        def unpacked(name):
            return brotli.decompress(files.extractfile(f"package/bin/{name}.br").read())

        for name in ("al2023.tar", "fonts.tar"):
            with tarfile.open(fileobj=io.BytesIO(unpacked(name))) as archive:
                archive.extractall(folder, filter="data")
        binary = folder / "chromium"
        binary.write_bytes(unpacked("chromium"))
        binary.chmod(0o755)
    (folder / "fonts.conf").write_text(FONTS.format(folder=folder.resolve()))


def launch(playwright):
    """Starts it without a window."""
    path = chosen()
    environment = dict(os.environ)
    if not path:
        path = FOLDER / "chromium"
        environment |= {"LD_LIBRARY_PATH": str(FOLDER / "lib"), "FONTCONFIG_PATH": str(FOLDER)}
    # The pages are the tests' own, and a container or a root user has no sandbox to offer.
    return playwright.chromium.launch(executable_path=path, env=environment, args=["--no-sandbox", "--disable-gpu"])


if __name__ == "__main__":
    install(Path(sys.argv[1]))
