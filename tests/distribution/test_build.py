"""What is compiled: what is installed here, or what was asked for."""

import build
import pytest

EVERYTHING = {f"{processor}-unknown-linux-{library}" for processor in ("aarch64", "x86_64") for library in ("gnu", "musl")}


@pytest.fixture
def installed(monkeypatch):
    return lambda *names: monkeypatch.setattr(build, "installed", lambda: set(names))


def test_both_processors_are_built_with_a_static_command_where_their_targets_are_installed(installed):
    installed(*EVERYTHING)
    found, notes = build.targets([])
    assert notes == []
    assert [(t.architecture, t.functions, t.command) for t in found] == [
        ("arm64", "aarch64-unknown-linux-gnu", "aarch64-unknown-linux-musl"),
        ("x86_64", "x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl"),
    ]


def test_what_is_left_out_or_not_static_is_said(installed):
    installed("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-musl")
    found, notes = build.targets([])
    assert [(t.architecture, t.command) for t in found] == [("x86_64", "x86_64-unknown-linux-gnu")]
    assert notes == [
        "arm64 can't be built here: `rustup target add aarch64-unknown-linux-gnu`",
        "the command for x86_64 needs glibc: for a static one, `rustup target add x86_64-unknown-linux-musl`",
    ]


def test_what_was_asked_for_and_can_not_be_built_is_refused(installed):
    installed("x86_64-unknown-linux-gnu")
    with pytest.raises(build.CanNotBuild, match="^arm64 can't be built here: `rustup target add aarch64-unknown-linux-gnu`$"):
        build.targets(["arm64", "x86_64"])
    with pytest.raises(build.CanNotBuild, match="riscv64 is no architecture of Lambda"):
        build.targets(["riscv64"])
    installed("wasm32-unknown-unknown")
    with pytest.raises(build.CanNotBuild, match="arm64 can't be built here.*; x86_64 can't be built here"):
        build.targets([])


def test_plain_cargo_builds_for_this_machine_alone(monkeypatch):
    monkeypatch.setenv("CARGO_LAMBDA_COMPILER", "cargo")
    (host,) = build.installed()
    assert host.split("-")[0] in ("aarch64", "x86_64")
    monkeypatch.delenv("CARGO_LAMBDA_COMPILER")
    assert host in build.installed()
