"""The documentation as tests read it: its commands, its links, and a shell that runs what it says."""

import os
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CHANGELOG.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]
# What a fenced block may be. Commands are in those of the console; one that is also "aws-only" is not run.
KINDS = {"console", "json", "toml", "yaml", "hcl", "ini", "sql", "text", "mermaid"}
SECONDS = 600


@dataclass
class Command:
    """A command after `$ `, with its further lines, and what the page shows of its output."""

    page: str
    line: int
    text: str
    output: list = field(default_factory=list)

    def __str__(self):
        return f"{self.page}:{self.line}: {self.text}"

    @property
    def name(self):
        """The command as a table names it: on one line and without a comment."""
        return re.sub(r"\s+# .*$", "", re.sub(r"\s*\\\n\s*", " ", self.text)).strip()


@dataclass
class Block:
    """A fenced block: where it is, what its first line says, and the paragraph before it."""

    page: str
    heading: str
    line: int
    info: list
    before: str
    lines: list

    @property
    def kind(self):
        return self.info[0] if self.info else ""

    @property
    def only_aws(self):
        return "aws-only" in self.info

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def commands(self):
        commands, goes_on = [], False
        for number, line in enumerate(self.lines, self.line + 1):
            if goes_on:
                commands[-1].text += "\n" + line
            elif line.startswith("$ "):
                commands.append(Command(self.page, number, line.removeprefix("$ ")))
            else:
                commands[-1].output.append(line)
            goes_on = (goes_on or line.startswith("$ ")) and line.endswith("\\")
        return commands


def blocks(page):
    """The fenced blocks of a page, in order."""
    found, heading, block, before = [], "", None, []
    for number, line in enumerate((ROOT / page).read_text().splitlines(), 1):
        if block and line.strip() == "```":
            found.append(block)
            block, before = None, []
        elif block:
            block.lines.append(line)
        elif line.startswith("```"):
            block = Block(page, heading, number, line[3:].split(), " ".join(before), [])
        elif line.startswith("#"):
            heading, before = line.lstrip("#").strip(), []
        elif line.strip():
            before.append(line)
    return found


def slug(heading):
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def prose(page):
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page):
    return {slug(re.sub(r"[`*]", "", heading)) for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)}


def links(page):
    """The links of a page to files: the path from the root of the repository, and the anchor."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield os.path.normpath((Path(page).parent / path) if path else page), anchor


class Shell:
    """Runs sections of a page as they stand, one after the other in one bash.

    `words` are what a reader puts in the place of the page's examples. `changes` are what the local AWS
    needs changed in a command, each a pattern and its replacement. `statuses` are those of commands that do
    not end with 0. A command of `until` is repeated until it prints that, as a person would.
    """

    def __init__(self, environment, folder, words, changes=(), statuses=None, until=None):
        self.environment = environment
        self.folder = folder
        self.words = words
        self.changes = changes
        self.statuses = statuses or {}
        self.until = until or {}

    def run(self, page, *headings):
        """Runs the commands under these headings, in this order, and holds their output to what the page shows."""
        found = [block for heading in headings for block in blocks(page) if block.heading == heading]
        commands = [c for b in found if b.kind == "console" and not b.only_aws for c in b.commands]
        assert commands, f"{page} has no commands under {headings}"
        script = "\n".join(self._step(number, command) for number, command in enumerate(commands))
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=SECONDS
        )
        printed = self._printed(done.stdout)
        for number, command in enumerate(commands):
            output, status = printed.get(number, ("", "not ended"))
            expected = next((s for start, s in self.statuses.items() if command.name.startswith(start)), 0)
            assert status == expected, f"{command}\nended with {status}, not {expected}:\n{output}\n{done.stderr[-4000:]}"
            if command.output:
                assert self._as_on_the_page(output) == command.output, str(command)

    def _step(self, number, command):
        text = command.text
        for example, word in self.words.items():
            text = text.replace(example, word)
        for pattern, replacement in self.changes:
            text = re.sub(pattern, replacement, text)
        expected = next((s for start, s in self.statuses.items() if command.name.startswith(start)), 0)
        wanted = next((word for start, word in self.until.items() if command.name.startswith(start)), None)
        if wanted:
            text = f"for turn in $(seq 300); do said=$({text}); echo \"$said\" | grep --silent {shlex.quote(wanted)} && break; sleep 0.2; done"
        return f"{text}\nstatus=$?; echo '@@@' {number} $status; [ $status = {expected} ] || exit 1"

    def _printed(self, stdout):
        """What each command printed, and its status, by its number."""
        printed, start = {}, 0
        for end in re.finditer(r"^@@@ (\d+) (\d+)\n", stdout, re.MULTILINE):
            printed[int(end[1])] = stdout[start : end.start()], int(end[2])
            start = end.end()
        return printed

    def _as_on_the_page(self, output):
        for example, word in self.words.items():
            output = output.replace(word, example)
        return output.splitlines()
