"""`rollcall analyze` with reports in a bucket, and what it writes by the schemas that others publish. What
needs no AWS is tried in cli/tests/command."""

import json

import published_schemas
import pytest
from local_aws import command, reports
from local_aws.organization import MANAGEMENT
from local_aws.server import REGION

FAILING = 2
ANNA, BEN = "111122223333", "444455556666"


@pytest.fixture
def uploaded(aws, bucket, command_run):
    """The day of a run and an earlier one, in a bucket, with their metadata."""
    s3 = aws.client("s3", MANAGEMENT)
    command.upload(s3, command_run.day, bucket)
    s3.put_object(Bucket=bucket, Key="2020-01-31/run.json", Body=b"an earlier day")
    return f"s3://{bucket}"


@pytest.mark.parametrize("address", ["{bucket}/{date}/", "{bucket}/{date}", "{bucket}", "{bucket}/"])
def test_a_bucket_has_the_findings_that_the_run_wrote(rollcall, command_run, uploaded, address):
    address = address.format(bucket=uploaded, date=command_run.day.name)
    done = rollcall("analyze", address, "--format", "jsonl")
    assert done.stdout == (command_run.day / "findings.jsonl").read_text()
    assert done.returncode == 2, "two accounts have no report"
    if command_run.day.name not in address:
        assert command.notes(done) == [f"the latest day in {uploaded} is {command_run.day.name}/"]


def test_the_reports_of_a_bucket_can_be_loose(rollcall, command_run, uploaded, org):
    collected = len(org.accounts) - 1 - FAILING
    reports_of_day = f"{uploaded}/{command_run.day.name}/reports/"
    done = rollcall("analyze", reports_of_day, "--summary")
    assert done.returncode == 1
    assert f"Coverage: {collected} of {collected} reports." in done.stdout
    one = rollcall("analyze", f"{reports_of_day}credentialReport_{org.accounts['Audit']}.csv", "--summary")
    assert "Coverage: 1 of 1 report." in one.stdout


@pytest.mark.parametrize("path", ["/2026-01-30", ""], ids=["the day", "the bucket of the days"])
def test_a_day_of_awss_sample_in_a_bucket_is_one_of_loose_reports(rollcall, aws, bucket, path):
    s3 = aws.client("s3", MANAGEMENT)
    for date, account_id, user in (("2026-01-29", ANNA, "gone"), ("2026-01-30", ANNA, "anna"), ("2026-01-30", BEN, "ben")):
        report = reports.report_of(
            account_id,
            (user, {"access_key_1_active": "true", "access_key_1_last_rotated": "2025-01-01T00:00:00Z"}),
        )
        s3.put_object(Bucket=bucket, Key=f"{date}/credentialReport_{account_id}.csv", Body=report)
    done = rollcall("analyze", f"s3://{bucket}{path}", "--format", "jsonl")
    assert done.returncode == 1
    assert {json.loads(line)["user"] for line in done.stdout.splitlines()} == {"anna", "ben"}


def test_a_bucket_without_reports_is_an_error_of_one_sentence(rollcall, bucket):
    assert "NoSuchBucket" in command.refusal(rollcall("analyze", "s3://there-is-none"))
    assert f"the bucket {bucket} has no day of a run" in command.refusal(rollcall("analyze", f"s3://{bucket}"))
    for key in ("2026-01-31/", "2026-01-31/reports/credentialReport_111122223333.csv"):
        refused = command.refusal(rollcall("analyze", f"s3://{bucket}/{key}"))
        assert refused == f"there is no report under s3://{bucket}/{key}: check bucket and key"


def test_sarif_and_asff_follow_the_schemas_of_their_owners(rollcall, command_run, tmp_path):
    findings = command.findings(command_run.day)
    arguments = ["--format", "sarif,asff", "--output", f"{tmp_path}/findings/"]
    assert rollcall("analyze", command_run.day, *arguments).returncode == 2
    log = json.loads((tmp_path / "findings" / "findings.sarif").read_text())
    published_schemas.check_sarif(log)
    assert len(log["runs"][0]["results"]) == len(findings)
    batches = sorted((tmp_path / "findings" / "asff").iterdir())
    assert [batch.name for batch in batches] == [
        f"{account_id}-1.json" for account_id in sorted({finding["account_id"] for finding in findings})
    ]
    sent = [json.loads(batch.read_text()) for batch in batches]
    for batch in sent:
        published_schemas.check_asff(batch)
    assert sum(map(len, sent)) == len(findings)
    assert {finding["ProductArn"].split(":")[3] for batch in sent for finding in batch} == {REGION}
