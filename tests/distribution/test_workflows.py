"""What runs on GitHub, as far as it can be told without GitHub: the files are sound, their programs are those
that the tests run, and the action's own commands are run here."""

import functools
import hashlib
import http.server
import os
import platform
import re
import subprocess
import tarfile
import threading
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".tools" / "release" / "bin"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MANIFEST = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
COMMAND = tomllib.loads((ROOT / "cli" / "Cargo.toml").read_text())["package"]
REPORTS = ROOT / "tests" / "fixtures" / "organization"


def read(file):
    # YAML 1.1 takes the key `on` for a truth value.
    return {("on" if key is True else key): value for key, value in yaml.safe_load(file.read_text()).items()}


def steps(file):
    return [step for job in read(file)["jobs"].values() for step in job["steps"]]


def runs(file):
    return "\n".join(step["run"] for step in steps(file) if "run" in step)


def test_the_checks_are_those_that_are_run_everywhere():
    (checks,) = [step for step in steps(ROOT / ".github/workflows/checks.yml") if step.get("name") == "Lint and test"]
    assert checks["run"] == ".ci/run"
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_release_packages_both_processors_and_attaches_everything():
    text = runs(ROOT / ".github/workflows/release.yml")
    assert 'make package ARCHITECTURES="arm64 x86_64"' in text
    targets = set(re.search(r"--target (\S+)", text)[1].split(","))
    assert targets == {f"{cpu}-unknown-linux-{library}" for cpu in ("aarch64", "x86_64") for library in ("gnu", "musl")}
    # What package.py writes beside the folder for a bucket, whose zip file is attached.
    assert re.search(r"dist/\*\.zip dist/\*\.tar\.gz dist/\*\.cdx\.json dist/SHA256SUMS$", text.strip())


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_rust_is_the_version_that_the_workspace_asks_for(file):
    versions = re.findall(r"rustup \w+(?: install)? (\d+\.\d+)\.\d+", runs(file))
    assert versions and set(versions) == {MANIFEST["rust-version"]}
    assert f"rust:{MANIFEST['rust-version']}-" in (ROOT / "Containerfile").read_text()


@pytest.mark.parametrize("file", [*WORKFLOWS, ROOT / "action.yml"], ids=lambda file: file.name)
def test_actions_are_pinned_by_their_hash_or_say_why_not(file):
    used = re.findall(r"(?:#.*\n *)?uses: .*", file.read_text())
    assert used
    for use in used:
        by_hash = re.search(r"uses: [\w/-]+@[0-9a-f]{40} # v\d", use)
        assert by_hash or ("# By its tag: " in use and re.search(r"@v\d+ # zizmor: ignore\[unpinned-uses\]$", use)), use


def test_the_container_is_built_of_every_crate_and_of_nothing_that_was_made():
    left_out = (ROOT / ".dockerignore").read_text().split()
    members = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"]
    assert not set(members) & set(left_out)
    made = {line.strip("/") for line in (ROOT / ".gitignore").read_text().split() if line.startswith("/")}
    assert made <= set(left_out)


def test_cargo_binstall_finds_the_archives_under_their_names(tmp_path):
    binstall = COMMAND["metadata"]["binstall"]
    assert binstall["pkg-url"].endswith("/releases/download/v{ version }/rollcall-{ version }-{ target }.tar.gz")
    assert binstall["bin-dir"] == "rollcall-{ version }-{ target }/{ bin }{ binary-ext }"
    assert binstall["pkg-fmt"] == "tgz"
    source = (ROOT / "distribution" / "package.py").read_text()
    assert 'archive = f"{name}-{target.command}"' in source and 'f"rollcall-{version()}"' in source


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def releases(tmp_path):
    """A server of releases, with a command that prints what it was told and ends as the file `status` says."""
    version = MANIFEST["version"]
    folder = tmp_path / "releases" / "owner" / "rollcall" / "releases" / "download" / f"v{version}"
    folder.mkdir(parents=True)
    command = tmp_path / "rollcall"
    command.write_text(
        "#!/bin/bash\n"
        'printf "%s\\n" "$@" > arguments\n'
        'status=$(cat status)\n'
        '[ "$status" = 2 ] || echo "{}" > "$5"\n'
        'exit "$status"\n'
    )
    command.chmod(0o755)
    name = f"rollcall-{version}-{platform.machine()}-unknown-linux-musl"
    with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as archive:
        archive.add(command, f"{name}/rollcall")
    digest = hashlib.sha256((folder / f"{name}.tar.gz").read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  other.tar.gz\n{digest}  {name}.tar.gz\n")
    handler = functools.partial(Quiet, directory=tmp_path / "releases")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


class Job:
    """Runs the steps of the action as a runner does: bash, with the inputs where the file names them."""

    def __init__(self, folder, server):
        self.folder = folder
        self.temp = folder / "temp"
        self.temp.mkdir()
        self.output = folder / "output"
        self.github = {"action_path": str(ROOT), "action_repository": "owner/rollcall"}
        self.environment = {
            "PATH": os.environ["PATH"],
            "GITHUB_SERVER_URL": server,
            "GITHUB_OUTPUT": str(self.output),
            "RUNNER_TEMP": str(self.temp),
        }

    def run(self, name, **inputs):
        action = yaml.safe_load((ROOT / "action.yml").read_text())
        given = {key: value.get("default", "") for key, value in action["inputs"].items()}
        given |= {key.replace("_", "-"): value for key, value in inputs.items()}
        (step,) = [step for step in action["runs"]["steps"] if step["name"] == name]

        def value(match):
            context, _, key = match[1].partition(".")
            return {"inputs": given, "github": self.github}[context][key]

        variables = {key: re.sub(r"\$\{\{ ([\w.-]+) \}\}", value, text) for key, text in step.get("env", {}).items()}
        assert "${{" not in step["run"], "an input is data and never part of a script"
        self.output.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=self.folder, env=self.environment | variables, capture_output=True, text=True,
        )  # fmt: skip
        return done, dict(line.split("=", 1) for line in self.output.read_text().splitlines())


@pytest.fixture
def job(tmp_path, releases):
    folder = tmp_path / "work"
    folder.mkdir()
    return Job(folder, releases[0])


def test_the_action_installs_the_release_of_its_own_version_and_hands_on_its_inputs(job):
    done, _ = job.run("Install Rollcall")
    assert done.returncode == 0, done.stderr
    (job.folder / "status").write_text("1")
    done, outputs = job.run("Analyze", reports="reports/\ns3://bucket/2026-11-21/\n", arguments="--access-key-stale=30\n--exemptions\nmy file.toml")
    assert (done.returncode, outputs) == (0, {"written": "true", "findings": "true"}), done.stderr
    assert (job.folder / "arguments").read_text().splitlines() == [
        "analyze", "--format", "sarif", "--output", "rollcall.sarif",
        "--access-key-stale=30", "--exemptions", "my file.toml", "--", "reports/", "s3://bucket/2026-11-21/",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code", "outputs"),
    [("0", 0, {"written": "true", "findings": "false"}), ("1", 0, {"written": "true", "findings": "true"}), ("2", 2, {})],
)
def test_the_action_fails_when_something_could_not_be_looked_at(job, status, code, outputs):
    job.run("Install Rollcall")
    (job.folder / "status").write_text(status)
    done, told = job.run("Analyze", reports="reports/")
    assert (done.returncode, told) == (code, outputs), done.stderr


def test_the_action_runs_no_archive_whose_checksum_is_another(job, releases):
    (archive,) = releases[1].glob("*.tar.gz")
    archive.write_bytes(archive.read_bytes() + b"\0")
    done, _ = job.run("Install Rollcall")
    assert done.returncode != 0 and "FAILED" in done.stdout + done.stderr
    assert not (job.temp / "rollcall").exists()


def test_the_action_fails_where_there_is_no_release(job, releases):
    for file in releases[1].iterdir():
        file.unlink()
    done, _ = job.run("Install Rollcall")
    assert done.returncode != 0 and "404" in done.stderr


def test_the_action_uploads_what_was_written_only_if_asked():
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (upload,) = [step for step in action["runs"]["steps"] if "uses" in step]
    assert "inputs.upload == 'true'" in upload["if"] and "steps.analyze.outputs.written == 'true'" in upload["if"]
    assert upload["with"]["sarif_file"] == "${{ inputs.sarif-file }}"


@pytest.mark.parametrize(
    ("command", "change"),
    [
        (["zizmor", "--quiet", "--offline", "--persona", "pedantic"], (".github/workflows/release.yml", "contents: write", "contents: write-all")),
        (["zizmor", "--quiet", "--offline", "--persona", "pedantic"], ("action.yml", 'echo "written=true"', 'echo "${{ inputs.reports }}"')),
        (["check-jsonschema", "--builtin-schema", "vendor.github-workflows"], (".github/workflows/checks.yml", "runs-on:", "run-on:")),
        (["check-jsonschema", "--builtin-schema", "vendor.github-actions"], ("action.yml", "using: composite", "use: composite")),
        (["hadolint"], ("Containerfile", "WORKDIR /work\n", "RUN cd /work\n")),
    ],
    ids=["zizmor-workflow", "zizmor-action", "schema-workflow", "schema-action", "hadolint"],
)
def test_the_linters_of_make_lint_find_faults(command, change, tmp_path):
    """`make lint-workflows` runs them over the files as they are."""
    name, old, new = change
    text = (ROOT / name).read_text()
    assert old in text
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)

    def lint(content):
        file.write_text(content)
        return subprocess.run([TOOLS / command[0], *command[1:], file], capture_output=True, text=True)

    assert lint(text).returncode == 0, lint(text).stdout
    assert lint(text.replace(old, new)).returncode != 0
