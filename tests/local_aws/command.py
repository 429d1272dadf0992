"""The command `rollcall`: built once, and run as a person runs it."""

import hashlib
import json
import shutil
import subprocess
import time
from pathlib import Path

from .deployment import ROOT, CommandFailed
from .organization import MANAGEMENT

SECONDS = 120
# What a person may have set, and a test must not depend on.
PERSONAL = {"AWS_PROFILE", "AWS_SESSION_TOKEN", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"}


def build(folder):
    """Builds the command and puts it into `folder`; without -p, because then the features are the
    workspace's and nothing is compiled twice."""
    command = ["cargo", "build", "--locked", "--bin", "rollcall", "--message-format", "json-render-diagnostics"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if built.returncode:
        end = "\n".join(built.stderr.splitlines()[-25:])
        raise CommandFailed(f"`{' '.join(command)}` ended with status {built.returncode}:\n{end}")
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    (binary,) = [message["executable"] for message in messages if message.get("executable")]
    # A copy: a build meanwhile changes nothing under a test.
    return Path(shutil.copy(binary, folder))


class Rollcall:
    """The command, with the credentials of the management account and without a profile, in `folder`."""

    def __init__(self, binary, aws, folder):
        self.binary = binary
        self.folder = Path(folder)
        environment = {name: value for name, value in aws.environment(MANAGEMENT).items() if name not in PERSONAL}
        self.environment = environment | {
            "HOME": str(self.folder),
            "AWS_CONFIG_FILE": str(self.folder / "no-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "no-credentials"),
        }

    def __call__(self, *arguments, stdin="", **options):
        """Runs the command to its end, and answers its status and what it printed."""
        process = self.start(*arguments, **options)
        return self.finish(process, stdin)

    def start(self, *arguments, environment=None, cwd=None):
        """Starts the command; a variable of `environment` that is None is left out."""
        variables = self.environment | (environment or {})
        return subprocess.Popen(
            [self.binary, *map(str, arguments)],
            cwd=cwd or self.folder,
            env={name: value for name, value in variables.items() if value is not None},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def finish(self, process, stdin=""):
        """Waits for the end of a command that was started."""
        try:
            stdout, stderr = process.communicate(stdin, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def errors(done):
    """The errors that a command printed, each a line on standard error."""
    return [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]


def notes(done):
    """The notes that a command printed."""
    return [line.removeprefix("note: ") for line in done.stderr.splitlines() if line.startswith("note: ")]


def refusal(done):
    """The one sentence of a command that could not do what it was asked, and did nothing else."""
    assert (done.returncode, done.stdout) == (2, ""), done
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


def the_day(folder):
    """The folder of the only day of a run under `folder`."""
    (day,) = [path for path in Path(folder).iterdir() if not path.name.startswith(".")]
    return day


def manifest(day):
    """run.json of a day."""
    return json.loads((day / "run.json").read_text())


def findings(day):
    """findings.jsonl of a day."""
    return [json.loads(line) for line in (day / "findings.jsonl").read_text().splitlines()]


def reports(day):
    """The reports of a day by account, their bytes."""
    files = sorted((day / "reports").glob("*.csv"))
    return {path.stem.removeprefix("credentialReport_"): path.read_bytes() for path in files}


def metadata(day, name):
    """What a folder keeps with a file of a day, where a bucket has the metadata of an object."""
    path = day.parent / ".rollcall" / day.name / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def upload(s3, day, bucket):
    """Puts a day into a bucket as a run would have written it there."""
    for path in (path for path in day.rglob("*") if path.is_file()):
        name = path.relative_to(day)
        s3.put_object(
            Bucket=bucket, Key=f"{day.name}/{name}", Body=path.read_bytes(), Metadata=metadata(day, name)
        )


def not_whole(day):
    """The files of a day whose bytes are not those that the run put down."""
    files = [path for path in day.rglob("*") if path.is_file()]
    return [
        path
        for path in files
        if metadata(day, path.relative_to(day)).get("sha256") != hashlib.sha256(path.read_bytes()).hexdigest()
    ]


def complete(folder):
    """How many reports of the only run under `folder` are on the disk and have their metadata."""
    return len(list(Path(folder).glob(".rollcall/*/reports/*.json")))


def wait_until(condition, seconds=30):
    """Waits for something that another process does to its files, by looking again and again."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
