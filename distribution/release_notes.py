"""Prints the section of CHANGELOG.md for a tag such as v0.2.0, as the notes of its release. Refuses a tag
that is not the version of Cargo.toml, and a version whose section has no date yet."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def notes(tag: str, changelog: str, version: str) -> str:
    if tag != f"v{version}":
        sys.exit(f"error: the tag is {tag} and Cargo.toml has version {version}: tag v{version}, or raise the version")
    section = re.search(rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)\n(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE)
    if not section:
        sys.exit(f"error: CHANGELOG.md has no section `## {version} (YYYY-MM-DD)`: add it, and commit before tagging")
    return section[1].strip() + "\n"


if __name__ == "__main__":
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    print(notes(sys.argv[1], (ROOT / "CHANGELOG.md").read_text(), version), end="")
