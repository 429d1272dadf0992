"""The notes of a release are the section of its version."""

import re
import tomllib
from pathlib import Path

import pytest
from release_notes import notes

ROOT = Path(__file__).parents[2]

CHANGELOG = """# Changelog

## Unreleased

- Not out yet.

## 0.2.0 (2026-11-25)

Packages.

- A thing.

## 0.1.0 (2026-11-21)

- The first thing.
"""


def test_the_notes_are_the_section_of_the_tag():
    assert notes("v0.2.0", CHANGELOG, "0.2.0") == "Packages.\n\n- A thing.\n"
    assert notes("v0.1.0", CHANGELOG, "0.1.0") == "- The first thing.\n"


def test_a_tag_that_is_not_the_version_is_refused():
    with pytest.raises(SystemExit, match="the tag is v0.3.0 and Cargo.toml has version 0.2.0"):
        notes("v0.3.0", CHANGELOG, "0.2.0")


def test_a_version_without_a_dated_section_is_refused():
    with pytest.raises(SystemExit, match="has no section `## 0.2.0 "):
        notes("v0.2.0", CHANGELOG.replace(" (2026-11-25)", ""), "0.2.0")
    with pytest.raises(SystemExit, match="has no section `## 0.20 "):
        notes("v0.20", CHANGELOG, "0.20")


def test_the_version_has_its_notes_and_the_pages_name_its_files():
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    assert notes(f"v{version}", (ROOT / "CHANGELOG.md").read_text(), version)
    named = re.findall(r"rollcall-(\d+\.\d+\.\d+)", (ROOT / "docs" / "deploy.md").read_text())
    assert named and set(named) == {version}
