"""What is downloaded is what was pinned."""

import re
import tomllib

import pytest
from templates import ROOT

REQUIREMENTS = sorted((ROOT / "tests" / "requirements").glob("*.txt"))


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda file: file.stem)
def test_every_python_package_has_a_version_and_hashes(file):
    text = re.sub(r"^\s*#.*\n", "", file.read_text(), flags=re.MULTILINE)
    packages = re.sub(r"\\\n\s*", "", text).splitlines()
    assert packages
    for package in packages:
        # So no place to find packages in, which another machine would not have.
        assert re.fullmatch(r"[a-z0-9._-]+(\[[a-z0-9,-]+\])?==[\w.]+( ; [^-]+?)? *( *--hash=sha256:[0-9a-f]{64})+", package), package[:80]


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda file: file.stem)
def test_every_package_that_is_asked_for_is_pinned(file):
    def names(text):
        return {re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([A-Za-z][\w.-]*)", text, re.MULTILINE)}

    assert names(file.with_suffix(".in").read_text()) <= names(file.read_text())


def test_pip_installs_nothing_without_its_hash():
    installs = re.findall(r"^.*pip install .*--requirement.*$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert installs and all("--require-hashes" in line and "--no-deps" in line for line in installs)


def test_the_toolchain_is_one_that_the_workspace_takes():
    toolchain = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]
    oldest = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    version = [int(part) for part in toolchain["channel"].split(".")]
    assert version[:2] >= [int(part) for part in oldest.split(".")] and len(version) == 3
    assert set(toolchain["components"]) == {"clippy", "rustfmt"}


def test_the_workflows_use_that_toolchain():
    channel = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]
    workflows = "".join(file.read_text() for file in (ROOT / ".github").rglob("*.yml"))
    installed = re.findall(r"rustup (?:toolchain install|default) ([\w.]+)", workflows)
    assert installed and set(installed) == {channel}
