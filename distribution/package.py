"""What `make package` does: it makes dist/, which has everything that deploying and running Rollcall needs
without a compiler.

    rollcall-VERSION-HASH/               for a bucket: template.yml, what it names, the functions
    rollcall-VERSION-deployment.zip      that folder
    rollcall-VERSION-TARGET.tar.gz       the command, its manual pages and completions
    rollcall-VERSION.cdx.json            the software bill of materials
    SHA256SUMS                           of all these files

The same sources, compiled to the same binaries, give the same bytes. The time of everything is that of
SOURCE_DATE_EPOCH, or else of the last commit.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import packaged_template
from archives import EARLIEST_IN_ZIP, PROGRAM, Member, write_tar_gz, write_zip
from bill_of_materials import bill_of_materials
from build import COMMAND, PROCESSORS, ROOT, CanNotBuild, Target, build, targets
from command import manual_and_completions, members

CHECKSUMS = "SHA256SUMS"


class Refused(Exception):
    """Nothing is packaged; the text says why and what to do."""


def source_date() -> datetime:
    """The time that everything in the package has."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        if not given.isdecimal():
            raise Refused(f"SOURCE_DATE_EPOCH is {given}: give it a number of seconds, or unset it")
        return datetime.fromtimestamp(int(given), UTC)
    commit = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True)
    return datetime.fromtimestamp(int(commit.stdout), UTC) if commit.returncode == 0 else EARLIEST_IN_ZIP


def version() -> str:
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def compile_all(chosen: list[Target], profile: str) -> dict[str, dict[str, bytes]]:
    """The binaries by their targets."""
    compiled: dict[str, dict[str, bytes]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for target in chosen:
            functions, command = packaged_template.binaries(), [COMMAND]
            if target.command == target.functions:
                functions, command = functions + command, []
            compiled[target.functions] = build(target.functions, functions, profile, Path(folder) / target.functions)
            if command:
                compiled[target.command] = build(target.command, command, profile, Path(folder) / target.command)
    return compiled


def deployment(name: str, chosen: list[Target], compiled: dict[str, dict[str, bytes]], time: datetime, output: Path) -> Path:
    """Writes the folder for a bucket. Its name ends with a hash of what is in it: CloudFormation looks at the
    names of files to see whether a function changed, and not into them."""
    architectures = [target.architecture for target in chosen]
    folder = output / "deployment"
    (folder / "functions").mkdir(parents=True)
    for target in chosen:
        for binary in packaged_template.binaries():
            file = folder / "functions" / f"{binary}-{target.architecture}.zip"
            write_zip(file, [Member("bootstrap", compiled[target.functions][binary], PROGRAM)], time)
    for file in packaged_template.definitions():
        (folder / file).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / file, folder / file)
    (folder / "templates").mkdir()
    for file, text in packaged_template.others().items():
        (folder / file).write_text(text)
    (folder / packaged_template.TEMPLATE).write_text(packaged_template.packaged("", architectures))
    hashed = hashlib.sha256(checksums(folder).encode()).hexdigest()[:12]
    named = folder.rename(output / f"{name}-{hashed}")
    (named / packaged_template.TEMPLATE).write_text(packaged_template.packaged(named.name, architectures))
    return named


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def checksums(folder: Path) -> str:
    """The files under a folder, as `sha256sum --check` reads them."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in files(folder)]
    return "".join(lines)


def package(profile: str, architectures: list[str], output: Path) -> list[str]:
    """Makes everything in an empty folder, and answers what is to be said of it."""
    chosen, notes = targets(architectures)
    here = [target for target in chosen if PROCESSORS[target.architecture] == platform.machine()]
    if platform.system() != "Linux" or not here:
        raise Refused("the command writes its manual itself, so package on Linux and for this machine's processor, too")
    time, name = source_date(), f"rollcall-{version()}"
    compiled = compile_all(chosen, profile)
    folder = deployment(name, chosen, compiled, time, output)
    inside = [Member(str(path.relative_to(output)), path.read_bytes()) for path in files(folder)]
    write_zip(output / f"{name}-deployment.zip", inside, time)
    about = manual_and_completions(compiled[here[0].command][COMMAND])
    for target in chosen:
        archive = f"{name}-{target.command}"
        write_tar_gz(output / f"{archive}.tar.gz", members(archive, compiled[target.command][COMMAND], about), time)
    (output / f"{name}.cdx.json").write_text(bill_of_materials(version(), time))
    (output / CHECKSUMS).write_text(checksums(output))
    return notes


def replace(output: Path, made: Path) -> None:
    """Puts what was made in the place of an earlier package, and of nothing else."""
    if output.exists() and any(output.iterdir()) and not (output / CHECKSUMS).exists():
        raise Refused(f"{output} has something else than a package in it: empty it, or give another DIST")
    if output.exists():
        shutil.rmtree(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="release", help="the profile of Cargo")
    parser.add_argument("--architectures", default="", help="arm64, x86_64 or both; those installed unless given")
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "dist"
            made.mkdir()
            notes = package(options.profile, options.architectures.split(), made)
            replace(options.output, made)
    except (CanNotBuild, Refused, packaged_template.Unpackable) as error:
        sys.exit(f"error: {error}")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    for path in sorted(options.output.iterdir()):
        print(path)


if __name__ == "__main__":
    main()
