"""Fails when two files of a crate need each other, directly or by way of others.

A file needs what its paths lead to: those of `use`, those that begin with `crate`, `self` or `super` anywhere in the
code, and the modules it declares. Re-exported names lead to the file that they come from. Code of tests does not
count. Each circle is printed file by file, with the names that tie it.
"""

import re
import sys
from pathlib import Path

CRATES = ("core", "functions", "cli", "simulation", "fuzz")
TOKENS = re.compile(
    r"""//[^\n]* | /\*.*?\*/                                     # comments
    | b?r(?P<hashes>\#*)".*?"(?P=hashes) | b?"(?:\\.|[^"\\])*"   # strings
    | b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^'\\])'                      # characters
    | '\w+                                                       # lifetimes
    | (?P<token>(?:r\#)?\w+ | :: | [^\s])""",
    re.VERBOSE | re.DOTALL,
)
CLOSING = {"(": ")", "[": "]", "{": "}"}


def tokens(text: str) -> list[str]:
    """The tokens of Rust, without comments, texts, lifetimes and code of tests."""
    return without_tests([match["token"] for match in TOKENS.finditer(text) if match["token"]])


def end_of_group(found: list[str], start: int) -> int:
    """The place after the bracket that closes the one at `start`."""
    closing, depth = CLOSING[found[start]], 0
    for place in range(start, len(found)):
        depth += (found[place] == found[start]) - (found[place] == closing)
        if depth == 0:
            return place + 1
    return len(found)


def without_tests(found: list[str]) -> list[str]:
    kept, place = [], 0
    while place < len(found):
        if found[place : place + 7] != ["#", "[", "cfg", "(", "test", ")", "]"]:
            kept.append(found[place])
            place += 1
            continue
        place += 7
        while found[place : place + 2] == ["#", "["]:
            place = end_of_group(found, place + 1)
        # The item ends with its first block or with a semicolon outside of brackets.
        while place < len(found) and found[place] not in ("{", ";"):
            place = end_of_group(found, place) if found[place] in "([" else place + 1
        place = end_of_group(found, place) if found[place : place + 1] == ["{"] else place + 1
    return kept


def use_tree(found: list[str], place: int, prefix: tuple[str, ...]) -> tuple[list[tuple[tuple[str, ...], str]], int]:
    """The paths of the tree that begins at `place`, each with the name it gets; and the place after the tree."""
    path = prefix
    while place < len(found):
        token = found[place]
        if token == "{":
            paths, place = [], place + 1
            while found[place] != "}":
                more, end = use_tree(found, place, path)
                if end == place:
                    raise SyntaxError(f"no use tree: {' '.join(found[place - 5 : place + 5])}")
                paths += more
                place = end + (found[end] == ",")
            return paths, place + 1
        if token == "as":
            return [(path, found[place + 1])], place + 2
        if token in (",", ";", "}"):
            break
        if token != "::" and not (token == "self" and path):
            path += (token,)
        place += 1
    return [(path, path[-1])], place


class Crate:
    """The modules of a crate, and which file needs which."""

    def __init__(self, root: Path):
        self.files: dict[tuple[str, ...], Path] = {}
        self.exports: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
        self.paths: list[tuple[Path, tuple[str, ...], tuple[str, ...], bool]] = []
        self.read((), root, root.parent)
        self.needs: dict[Path, dict[Path, set[str]]] = {}
        for file, module, path, is_use in self.paths:
            target, name = self.file_of(module, path, is_use)
            if target and target != file:
                self.needs.setdefault(file, {}).setdefault(target, set()).add(name)

    def read(self, module: tuple[str, ...], file: Path, folder: Path) -> None:
        self.files[module] = file
        self.read_items(module, file, folder, tokens(file.read_text()))

    def read_items(self, module: tuple[str, ...], file: Path, folder: Path, found: list[str]) -> None:
        place = 0
        while place < len(found):
            token = found[place]
            if token == "mod" and found[place + 2 : place + 3] == [";"]:
                name = found[place + 1]
                beside, inside = folder / f"{name}.rs", folder / name / "mod.rs"
                self.read((*module, name), beside if beside.exists() else inside, folder / name)
                self.paths.append((file, module, ("self", name), False))
                place += 3
            elif token == "mod" and found[place + 2 : place + 3] == ["{"]:
                end, name = end_of_group(found, place + 2), found[place + 1]
                self.files[(*module, name)] = file
                self.read_items((*module, name), file, folder / name, found[place + 3 : end - 1])
                place = end
            # Not what a returned type captures, `use<'a>`.
            elif token == "use" and found[place + 1] != "<":
                paths, place = use_tree(found, place + 1, ())
                for path, name in paths:
                    self.paths.append((file, module, path, True))
                    self.exports.setdefault(module, {})[name] = path
            elif token in ("crate", "self", "super") and found[place + 1 : place + 2] == ["::"]:
                path = [token]
                while found[place + 1 : place + 2] == ["::"] and re.match(r"\w", found[place + 2]):
                    path.append(found[place + 2])
                    place += 2
                self.paths.append((file, module, tuple(path), False))
                place += 1
            else:
                place += 1

    def file_of(self, module: tuple[str, ...], path: tuple[str, ...], is_use: bool, depth: int = 0) -> tuple[Path | None, str]:
        """The file that has what `path` in `module` names, and the name; no file for another crate's."""
        first, *rest = path
        if first == "crate":
            at: tuple[str, ...] = ()
        elif first == "self":
            at = module
        elif first == "super":
            at = module[:-1]
        elif (*module, first) in self.files:
            at, rest = module, list(path)
        elif first in self.exports.get(module, {}) and not is_use and depth < 8:
            return self.file_of(module, (*self.exports[module][first], *rest), True, depth + 1)
        else:
            return None, first
        while rest and rest[0] == "super":
            at, rest = at[:-1], rest[1:]
        while rest and (*at, rest[0]) in self.files:
            at, rest = (*at, rest[0]), rest[1:]
        if rest and rest[0] in self.exports.get(at, {}) and depth < 8:
            exported = self.exports[at][rest[0]]
            target, _ = self.file_of(at, exported, True, depth + 1)
            if target:
                return target, rest[0]
        return self.files[at], rest[0] if rest else at[-1] if at else "crate"


def roots(folder: Path) -> list[Path]:
    """The first file of the library and of each binary of a package."""
    source = folder / "src"
    named = [source / "lib.rs", source / "main.rs", *source.glob("bin/*.rs"), *source.glob("bin/*/main.rs")]
    return [root for root in named if root.exists()]


def circles(needs: dict[Path, dict[Path, set[str]]]) -> list[set[Path]]:
    """The files that can be reached from each other."""

    def reached(start: Path) -> set[Path]:
        seen: set[Path] = set()
        todo = list(needs.get(start, {}))
        while todo:
            file = todo.pop()
            if file not in seen:
                seen.add(file)
                todo += needs.get(file, {})
        return seen

    reachable = {file: reached(file) for file in needs}
    groups: list[set[Path]] = []
    for file in sorted(needs):
        if file in reachable[file] and not any(file in group for group in groups):
            groups.append({file} | {other for other in reachable[file] if file in reachable.get(other, ())})
    return groups


def main(repository: Path, crates: tuple[str, ...] = CRATES) -> int:
    found = 0
    for folder in crates:
        for root in roots(repository / folder):
            needs = Crate(root).needs
            for group in circles(needs):
                found += 1
                print(f"these {len(group)} files need each other: let what they share have a file of its own")
                for file in sorted(group):
                    for target, taken in sorted(needs[file].items()):
                        if target in group:
                            there = target.relative_to(repository)
                            print(f"  {file.relative_to(repository)} takes {', '.join(sorted(taken))} from {there}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[1]))
