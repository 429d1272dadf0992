"""The package of a release: what is in it, that it is the same twice, and a stack that is deployed from it."""

import hashlib
import json
import platform
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from local_aws import deployment, release
from local_aws.deployment import ROOT
from local_aws.organization import MANAGEMENT

STEPS = {"list-accounts", "collect-report", "analyze-reports", "notify"}
# In the words of CycloneDX's own library.
VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(str(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()) or "") or None)
"""


@pytest.fixture(scope="module")
def deployable(package):
    """The folder for a bucket."""
    (template,) = package.glob("*/template.yml")
    return template.parent


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_inputs_give_the_same_bytes_twice(package, folder):
    release.make(folder, folder / "again")
    assert files(folder / "again") == files(package)


def test_every_file_has_its_checksum(package):
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=package, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    listed = {line.split("  ", 1)[1] for line in (package / "SHA256SUMS").read_text().splitlines()}
    assert listed == set(files(package)) - {"SHA256SUMS"}


def test_the_folder_for_a_bucket_has_all_templates_and_functions_and_is_attached_whole(package, deployable):
    there = files(deployable)
    functions = {f"functions/{step}-{deployment.ARCHITECTURE}.zip" for step in STEPS}
    templates = {f"templates/{file.name}" for file in (ROOT / "templates").glob("*.yml")}
    assert set(there) == {"template.yml", "statemachine/credential-reports.asl.json"} | functions | templates
    for name in functions:
        with zipfile.ZipFile(deployable / name) as archive:
            (bootstrap,) = archive.infolist()
            assert (bootstrap.filename, bootstrap.external_attr >> 16 & 0o777) == ("bootstrap", 0o755)
            assert archive.read(bootstrap)[:4] == b"\x7fELF"
    (whole,) = package.glob("*-deployment.zip")
    with zipfile.ZipFile(whole) as archive:
        assert {entry: archive.read(entry) for entry in archive.namelist()} == {
            f"{deployable.name}/{name}": content for name, content in there.items()
        }


def test_the_command_runs_from_its_archive_with_manual_and_completions(package, tmp_path):
    (archive,) = package.glob("*.tar.gz")
    name = archive.name.removesuffix(".tar.gz")
    assert name.endswith(f"-{platform.machine()}-unknown-linux-gnu")
    with tarfile.open(archive) as members:
        members.extractall(tmp_path, filter="data")
    version = subprocess.run([tmp_path / name / "rollcall", "--version"], check=True, capture_output=True, text=True).stdout
    assert version.split()[1] == name.split("-")[1]
    there = set(files(tmp_path / name))
    assert {"rollcall", "LICENSE", "man/man1/rollcall.1", "man/man1/rollcall-analyze.1"} <= there
    completions = {"_rollcall", "_rollcall.ps1", "rollcall.bash", "rollcall.elv", "rollcall.fish"}
    assert {Path(file).name for file in there if file.startswith("completions/")} == completions


def test_the_bill_of_materials_is_valid_and_has_every_crate_of_the_lock_file(package):
    (file,) = package.glob("*.cdx.json")
    python = ROOT / ".tools" / "release" / "bin" / "python"

    def validate(text):
        return subprocess.run([python, "-c", VALIDATE], input=text, capture_output=True, text=True)

    assert validate(file.read_text()).returncode == 0, validate(file.read_text()).stderr
    assert validate(file.read_text().replace('"purl"', '"pearl"')).returncode != 0, "the check can fail"
    bill = json.loads(file.read_text())
    locked = (ROOT / "Cargo.lock").read_text().count("[[package]]")
    assert len(bill["components"]) == locked
    components = {component["name"]: component for component in bill["components"]}
    assert components["lambda_runtime"]["hashes"][0]["alg"] == "SHA-256"
    assert components["lambda_runtime"]["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert components["lambda_runtime"].get("scope", "required") == "required"
    assert components["proptest"]["scope"] == "excluded", "only tests use it"


def test_a_package_goes_over_nothing_that_is_not_one(tmp_path, folder, package):
    (tmp_path / "mine").write_text("")
    with pytest.raises(deployment.CommandFailed, match="has something else than a package in it"):
        release.make(folder, tmp_path)
    assert (tmp_path / "mine").exists()


def test_a_stack_from_the_launch_link_collects_a_plain_list_of_accounts_into_an_existing_bucket_and_key(aws, folder, package):
    s3 = aws.client("s3", MANAGEMENT)
    for bucket in ("packages-of-ours", "evidence-of-ours"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    key_arn = aws.client("kms", MANAGEMENT).create_key()["KeyMetadata"]["Arn"]
    stack = deployment.Deployment(
        aws,
        folder,
        stack="rollcall-launched",
        deploy=release.launched(release.publish(aws, folder, package, "packages-of-ours")),
        AccountIds=MANAGEMENT,
        BucketStatus="Existing",
        BucketName="evidence-of-ours",
        KmsKeyStatus="Existing",
        KmsKeyArn=key_arn,
    )
    assert stack.bucket == "evidence-of-ours"
    aws.proxy.reset()
    manifest = stack.manifest(stack.start())
    (account,) = manifest["accounts"]
    assert (account["account_id"], account["outcome"], manifest["source"]) == (MANAGEMENT, "collected", "account-list")
    assert [request.action for request in aws.proxy.requests if request.service == "organizations"] == []
    content, _ = stack.read(account["report"]["key"])
    assert hashlib.sha256(content).hexdigest() == account["report"]["sha256"]
    writes = [request for request in aws.proxy.requests if request.action == "PutObject" and "evidence-of-ours" in request.path]
    written = {request.path.split("?")[0].rsplit("/", 1)[1] for request in writes}
    report = f"credentialReport_{MANAGEMENT}.csv"
    tables = {"accounts.jsonl", "symlink.txt"}
    assert written == {"accounts.json", report, "findings.csv", "findings.jsonl", "summary.html", "run.json"} | tables
    assert {request.headers["x-amz-server-side-encryption-aws-kms-key-id"] for request in writes} == {key_arn}
