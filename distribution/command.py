"""The archive of the command: the binary, its manual pages and its completions."""

import subprocess
import tempfile
from pathlib import Path

from archives import PROGRAM, Member

ROOT = Path(__file__).parents[1]
# As each shell, or its users, name the files.
COMPLETIONS = {
    "bash": "rollcall.bash",
    "elvish": "rollcall.elv",
    "fish": "rollcall.fish",
    "powershell": "_rollcall.ps1",
    "zsh": "_rollcall",
}


def manual_and_completions(binary: bytes) -> list[Member]:
    """What the command writes about itself; the same for every target."""
    with tempfile.TemporaryDirectory() as folder:
        command, pages = Path(folder) / "rollcall", Path(folder) / "man1"
        command.write_bytes(binary)
        command.chmod(PROGRAM)
        subprocess.run([command, "man", "--output", pages], check=True)
        members = [Member(f"man/man1/{page.name}", page.read_bytes()) for page in pages.iterdir()]
        for shell, name in COMPLETIONS.items():
            printed = subprocess.run([command, "completions", shell], check=True, capture_output=True).stdout
            members.append(Member(f"completions/{name}", printed))
    return members


def members(name: str, binary: bytes, about: list[Member]) -> list[Member]:
    """The files of the archive, in a folder of its name."""
    files = [Member("rollcall", binary, PROGRAM), Member("LICENSE", (ROOT / "LICENSE").read_bytes()), *about]
    return [Member(f"{name}/{file.name}", file.content, file.mode) for file in files]
