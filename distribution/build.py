"""What is compiled, and for which targets: those whose Rust standard library is installed here."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMAND = "rollcall"
# The name that Lambda gives an architecture, and the one that Rust gives it.
PROCESSORS = {"arm64": "aarch64", "x86_64": "x86_64"}


class CanNotBuild(Exception):
    """Nothing is packaged; the text says why and what to do."""


@dataclass(frozen=True)
class Target:
    """What is built for an architecture: the functions for Lambda's own C library, and the command without
    one where it can be linked statically."""

    architecture: str
    functions: str
    command: str

    @property
    def notes(self) -> list[str]:
        """What is worse than it could be."""
        if self.command != self.functions:
            return []
        wanted = musl(self.architecture)
        return [f"the command for {self.architecture} needs glibc: for a static one, `rustup target add {wanted}`"]


def gnu(architecture: str) -> str:
    return f"{PROCESSORS[architecture]}-unknown-linux-gnu"


def musl(architecture: str) -> str:
    return f"{PROCESSORS[architecture]}-unknown-linux-musl"


def installed() -> set[str]:
    """The targets that this machine can compile for. Plain cargo, which has no linker for others, compiles
    for the machine itself."""
    if os.environ.get("CARGO_LAMBDA_COMPILER") == "cargo":
        return {_rustc("-vV").partition("host: ")[2].split()[0]}
    libraries = Path(_rustc("--print", "sysroot").strip()) / "lib" / "rustlib"
    return {folder.parent.name for folder in libraries.glob("*/lib")}


def targets(wanted: list[str]) -> tuple[list[Target], list[str]]:
    """The targets of the architectures that are wanted, or else of those that are installed, and what is to
    be said of the others."""
    there = installed()
    found, notes = [], []
    for architecture in wanted or list(PROCESSORS):
        if architecture not in PROCESSORS:
            raise CanNotBuild(f"{architecture} is no architecture of Lambda: give arm64, x86_64 or both")
        if gnu(architecture) in there:
            command = musl(architecture) if musl(architecture) in there else gnu(architecture)
            found.append(Target(architecture, gnu(architecture), command))
            notes += found[-1].notes
            continue
        missing = f"{architecture} can't be built here: `rustup target add {gnu(architecture)}`"
        if wanted:
            raise CanNotBuild(missing)
        notes.append(missing)
    if not found:
        raise CanNotBuild("; ".join(notes))
    return found, notes


def build(target: str, binaries: list[str], profile: str, folder: Path) -> dict[str, bytes]:
    """Compiles these binaries, in one go so that the features are the workspace's, and answers their bytes."""
    chosen = [argument for binary in binaries for argument in ("--bin", binary)]
    command = ["cargo", "lambda", "build", "--locked", "--profile", profile, "--target", target, *chosen]
    done = subprocess.run([*command, "--lambda-dir", folder], cwd=ROOT)
    if done.returncode:
        raise CanNotBuild(f"`{' '.join(command)}` ended with status {done.returncode}")
    return {binary: (folder / binary / "bootstrap").read_bytes() for binary in binaries}


def _rustc(*arguments: str) -> str:
    return subprocess.run(["rustc", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout
