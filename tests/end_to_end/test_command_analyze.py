"""`rollcall analyze`: flags risks in reports that you have, and names what it could not check."""

import base64
import csv
import hashlib
import io
import json
import os
import shutil
from datetime import UTC, datetime, timedelta

import published_schemas
import pytest
from local_aws import command, reports
from local_aws.organization import MANAGEMENT
from local_aws.server import REGION

FAILING = 2
ANNA, BEN = "111122223333", "444455556666"
FORMATS = {
    "table": "findings.txt",
    "csv": "findings.csv",
    "json": "findings.json",
    "jsonl": "findings.jsonl",
    "html": "summary.html",
    "sarif": "findings.sarif",
}


def days_ago(days):
    return f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


def with_key(days):
    """The columns of a user with a key of so many days, used a moment ago."""
    return {
        "access_key_1_active": "true",
        "access_key_1_last_rotated": days_ago(days),
        "access_key_1_last_used_date": days_ago(0),
    }


@pytest.fixture
def loose(tmp_path):
    """A folder of two reports: of one account nothing is flagged, in the other a key of 100 days."""
    folder = tmp_path / "loose"
    folder.mkdir()
    (folder / f"{ANNA}.csv").write_bytes(reports.report_of(ANNA, ("anna", with_key(1))))
    (folder / f"{BEN}.csv").write_bytes(reports.report_of(BEN, ("ben", with_key(100))))
    return folder


@pytest.fixture
def uploaded(aws, bucket, command_run):
    """The day of a run and an earlier one, in a bucket, with their metadata."""
    s3 = aws.client("s3", MANAGEMENT)
    command.upload(s3, command_run.day, bucket)
    s3.put_object(Bucket=bucket, Key="2020-01-31/run.json", Body=b"an earlier day")
    return f"s3://{bucket}"


def found(done):
    """The findings of --format jsonl."""
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("output", ["jsonl", "csv"])
def test_a_day_has_the_findings_that_its_run_wrote(rollcall, command_run, output):
    done = rollcall("analyze", command_run.day, "--format", output)
    assert done.stdout == (command_run.day / f"findings.{output}").read_text()
    assert done.returncode == 2, "two accounts have no report"


def test_a_folder_of_days_stands_for_its_latest(rollcall, command_run):
    done = rollcall("analyze", command_run.day.parent, "--format", "jsonl")
    assert f"the latest day in {command_run.day.parent} is {command_run.day}" in command.notes(done)
    assert done.stdout == (command_run.day / "findings.jsonl").read_text()


@pytest.mark.parametrize("address", ["{bucket}/{date}/", "{bucket}/{date}", "{bucket}", "{bucket}/"])
def test_a_bucket_has_the_same_findings_as_the_folder(rollcall, command_run, uploaded, address):
    address = address.format(bucket=uploaded, date=command_run.day.name)
    done = rollcall("analyze", address, "--format", "jsonl")
    assert done.stdout == (command_run.day / "findings.jsonl").read_text()
    if command_run.day.name not in address:
        assert command.notes(done) == [f"the latest day in {uploaded} is {command_run.day.name}/"]


def test_the_reports_of_a_bucket_can_be_loose(rollcall, command_run, uploaded, org):
    done = rollcall("analyze", f"{uploaded}/{command_run.day.name}/reports/", "--summary")
    assert done.returncode == 1
    assert f"Coverage: {len(org.accounts) - 1 - FAILING} of {len(org.accounts) - 1 - FAILING} reports." in done.stdout


@pytest.fixture
def sample(tmp_path):
    """Two days as AWS's sample left them: reports right under their date, and nothing else."""
    folder = tmp_path / "sample"
    for date, account_id, user in (("2026-01-29", ANNA, "gone"), ("2026-01-30", ANNA, "anna"), ("2026-01-30", BEN, "ben")):
        (folder / date).mkdir(parents=True, exist_ok=True)
        report = reports.report_of(account_id, (user, with_key(100)))
        (folder / date / f"credentialReport_{account_id}.csv").write_bytes(report)
    return folder


@pytest.mark.parametrize("path", ["2026-01-30", "."], ids=["the day", "the folder of the days"])
def test_a_day_of_awss_sample_is_one_of_loose_reports(rollcall, sample, aws, bucket, path):
    on_disk = rollcall("analyze", sample / path, "--format", "jsonl")
    assert on_disk.returncode == 1
    assert {finding["user"] for finding in found(on_disk)} == {"anna", "ben"}
    s3 = aws.client("s3", MANAGEMENT)
    for file in sample.rglob("*.csv"):
        s3.upload_file(str(file), bucket, str(file.relative_to(sample)))
    in_bucket = rollcall("analyze", f"s3://{bucket}/{path}".removesuffix("."), "--format", "jsonl")
    assert [finding["user"] for finding in found(in_bucket)] == [finding["user"] for finding in found(on_disk)]
    latest = [f"the latest day in {sample} is {sample}/2026-01-30"] if path == "." else []
    assert command.notes(on_disk) == latest


def test_two_days_of_awss_sample_can_be_compared(rollcall, sample):
    done = rollcall("diff", sample / "2026-01-29", sample / "2026-01-30", "--format", "json")
    changes = json.loads(done.stdout)
    assert [finding["user"] for finding in changes["findings"]["resolved"]] == ["gone"]
    assert {finding["user"] for finding in changes["findings"]["new"]} == {"anna", "ben"}
    assert changes["accounts_without_old_report"] == [BEN]


@pytest.fixture
def judged_ahead(rollcall, tmp_path):
    """The day of a run whose ages are counted to another day."""
    rollcall("run", "--this-account", "--as-of", "2040-01-01", "--output", tmp_path / "ahead")
    return command.the_day(tmp_path / "ahead")


def test_a_day_is_judged_as_of_its_run(rollcall, judged_ahead):
    done = rollcall("analyze", judged_ahead, "--format", "jsonl")
    assert {finding["as_of"] for finding in found(done)} == {"2040-01-01T00:00:00Z"}
    judged = [{**finding, "first_seen": None} for finding in found(done)]
    assert judged == [{**finding, "first_seen": None} for finding in command.findings(judged_ahead)]


def test_findings_are_first_seen_on_the_day_of_the_run_whatever_ages_are_counted_to(rollcall, judged_ahead):
    done = rollcall("analyze", judged_ahead, "--format", "jsonl")
    assert done.stdout == (judged_ahead / "findings.jsonl").read_text()


def test_a_day_is_judged_by_the_rules_of_its_run_unless_a_flag_says_otherwise(rollcall, tmp_path):
    rollcall("run", "--this-account", "--as-of", "2040-01-01", "--access-key-stale", "off", "--output", "reports")
    day = command.the_day(tmp_path / "reports")
    done = rollcall("analyze", day, "--format", "jsonl")
    assert "access-key-stale" not in {finding["rule"] for finding in found(done)}
    done = rollcall("analyze", day, "--access-key-stale", "30", "--format", "jsonl")
    assert {f["limit_days"] for f in found(done) if f["rule"] == "access-key-stale"} == {30}


def test_an_account_whose_report_is_gone_is_named_as_missing(rollcall, day, org):
    audit = org.accounts["Audit"]
    (day / "reports" / f"credentialReport_{audit}.csv").unlink()
    done = rollcall("analyze", day)
    assert done.returncode == 2
    assert command.errors(done) == [
        f"{day}/reports/credentialReport_{audit}.csv: run.json names this report, and it is not there: fetch it again",
        f"{day}: {FAILING + 1} of {len(org.accounts) - 1} accounts have no report that can be read",
    ]
    assert f"{audit}  Audit" in done.stdout.split("Not looked at")[1]
    assert f"{FAILING + 1} NOT looked at." in done.stdout
    written = json.loads(rollcall("analyze", day, "--format", "json").stdout)
    account = next(account for account in written["run"]["accounts"] if account["name"] == "Audit")
    assert (account["outcome"], account["code"]) == ("failed", "StorageFailed")
    assert audit not in {finding["account_id"] for finding in written["findings"]}


def test_a_report_that_was_changed_since_the_run_is_named_with_its_sha256(rollcall, day, org):
    audit = org.accounts["Audit"]
    report = day / "reports" / f"credentialReport_{audit}.csv"
    # Nothing that a reader of rows would notice.
    report.write_bytes(report.read_bytes() + b"\n")
    was = next(account for account in command.manifest(day)["accounts"] if account["account_id"] == audit)
    done = rollcall("analyze", day, "--format", "jsonl")
    assert done.returncode == 2
    sha256 = hashlib.sha256(report.read_bytes()).hexdigest()
    assert command.errors(done)[0] == (
        f"{report}: its SHA-256 is {sha256}, and run.json has {was['report']['sha256']}: "
        "it was changed since the run, fetch it again"
    )
    assert audit not in {finding["account_id"] for finding in found(done)}


def test_a_report_that_was_added_to_a_day_is_not_evidence(rollcall, day):
    (day / "reports" / f"credentialReport_{BEN}.csv").write_bytes(reports.report_of(BEN, ("ben", with_key(100))))
    done = rollcall("analyze", day, "--format", "jsonl")
    assert done.stdout == (day / "findings.jsonl").read_text()


def test_a_folder_of_reports_is_flagged_and_says_what_only_a_roll_could_tell(rollcall, loose):
    done = rollcall("analyze", loose, "--format", "jsonl")
    assert (done.returncode, done.stderr) == (1, "")
    (finding,) = found(done)
    assert (finding["account_id"], finding["user"], finding["rule"], finding["age_days"]) == (
        BEN, "ben", "access-key-stale", 100
    )  # fmt: skip
    summary = rollcall("analyze", loose, "--summary").stdout
    assert "Coverage: 2 of 2 reports. Whether these are all accounts, only a roll could tell." in summary


def test_other_files_in_a_folder_are_named_skipped_and_counted(rollcall, loose, command_run):
    arguments = ["analyze", loose, "--format", "jsonl", "--as-of", days_ago(0)]
    alone = rollcall(*arguments).stdout
    shutil.copy(command_run.day / "findings.csv", loose)
    for number in range(11):
        (loose / f"invoices-{number:02}.csv").write_text("number,amount\n1,2\n")
    done = rollcall(*arguments)
    assert (done.returncode, done.stdout) == (1, alone)
    told = command.notes(done)
    assert told[0].startswith(f'skipped {loose / "findings.csv"}: the report has no column "password_enabled"')
    assert told[1].startswith(f'skipped {loose / "invoices-00.csv"}: the report has no column "user"')
    assert told[-1] == "2 more files that are no credential reports were skipped"


def test_the_files_of_a_day_taken_one_by_one_are_loose_reports(rollcall, command_run, org):
    audit = org.accounts["Audit"]
    done = rollcall("analyze", command_run.day / "reports" / f"credentialReport_{audit}.csv", "--format", "jsonl")
    assert done.returncode == 1
    assert {finding["account_id"] for finding in found(done)} == {audit}


def test_an_account_is_that_of_the_arns_and_not_of_the_name_of_the_file(rollcall, loose):
    (loose / f"{BEN}.csv").rename(loose / "999900001111.csv")
    assert {finding["account_id"] for finding in found(rollcall("analyze", loose, "--format", "jsonl"))} == {BEN}


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (lambda content: b"", "the report is empty"),
        (lambda content: content[: len(content) - 60], "1 of 4 rows can't be read: record 4, line 5, column "),
        (lambda content: content[: content.index(b"\n") + 40], "none of the report's 1 rows can be read: record 1, "),
        (lambda content: content[: content.index(b"\n") + 1], "the report has a header and no rows: it is cut off"),
    ],
    ids=["0 bytes", "in the last row", "in the first row", "after the header"],
)
def test_a_report_that_is_cut_off_is_named_and_the_others_count(rollcall, loose, command_run, org, cut, words):
    network = org.accounts["Network"]
    content = (command_run.day / "reports" / f"credentialReport_{network}.csv").read_bytes()
    assert content.count(b"\n") == 4, "root and three users"
    cut_off = loose / f"credentialReport_{network}.csv"
    cut_off.write_bytes(cut(content))
    done = rollcall("analyze", loose, "--format", "jsonl")
    assert done.returncode == 2
    error = command.errors(done)[0]
    assert error.startswith(f"{cut_off}: ") and words in error
    assert BEN in {finding["account_id"] for finding in found(done)}
    summary = rollcall("analyze", loose, "--summary").stdout
    assert "Coverage: 2 of 3 reports." in summary or "Coverage: 3 of 3 reports, but 1 row can't be read." in summary


def test_where_no_report_can_be_read_nothing_counts_as_a_pass(rollcall, tmp_path):
    (tmp_path / f"{BEN}.csv").write_bytes(b"")
    done = rollcall("analyze", tmp_path / f"{BEN}.csv")
    assert done.returncode == 2
    assert "Nothing is flagged" not in done.stdout


def test_a_file_of_an_unknown_account_is_in_every_form(rollcall, loose, tmp_path):
    (loose / "status_reports.csv").write_bytes(b"")
    done = rollcall("analyze", loose)
    assert done.returncode == 2
    assert "Coverage: 2 of 3 reports." in done.stdout
    rollcall("analyze", loose, "--format", "sarif,json,html", "--output", f"{tmp_path}/out/")
    (run,) = json.loads((tmp_path / "out/findings.sarif").read_text())["runs"]
    published_schemas.check_sarif({"version": "2.1.0", "runs": [run]})
    assert run["invocations"][0]["executionSuccessful"] is False
    problem = f"{loose}/status_reports.csv: the report is empty"
    assert json.loads((tmp_path / "out/findings.json").read_text())["run"]["unreadable_files"] == [problem]
    page = (tmp_path / "out/summary.html").read_text()
    assert problem in page and "1 of 3 reports can&#39;t be read" in page


def test_a_day_is_judged_by_itself(rollcall, day, loose):
    refused = command.refusal(rollcall("analyze", day, loose))
    assert refused.startswith(f"{day} is the day of a run, which is judged by itself")
    assert len({finding["account_id"] for finding in found(rollcall("analyze", day / "reports", loose, "--format", "jsonl"))}) > 1


def test_what_is_beside_the_days_of_runs_is_named(rollcall, day):
    (day.parent / "other.csv").write_text("user,arn\n")
    assert "1 CSV files right in" in rollcall("analyze", day.parent).stderr


def test_a_list_of_accounts_beside_reports_does_not_make_them_a_day(rollcall, loose):
    (loose / "accounts.json").write_text('{"Accounts": []}')
    assert rollcall("analyze", loose).returncode == 1


def test_folders_behind_links_are_looked_at(rollcall, loose, tmp_path):
    (tmp_path / "links").mkdir()
    (tmp_path / "links/reports").symlink_to(loose)
    assert "Coverage: 2 of 2 reports." in rollcall("analyze", tmp_path / "links").stdout


def test_a_link_that_is_written_to_stays_one(rollcall, loose, tmp_path):
    (tmp_path / "real.csv").write_text("before")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    rollcall("analyze", loose, "--output", tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("account_id,")


def test_no_batch_of_an_earlier_analysis_is_left_to_import(rollcall, loose, tmp_path):
    arguments = ["--format", "asff", "--output", f"{tmp_path}/out/"]
    rollcall("analyze", loose, *arguments)
    (tmp_path / "out/asff/notes.json").write_text("mine")
    rollcall("analyze", loose, *arguments, "--access-key-stale", "off")
    assert [path.name for path in (tmp_path / "out/asff").iterdir()] == ["notes.json"]


def test_where_file_times_do_not_tell_which_report_is_newer_that_is_an_error(rollcall, loose):
    other = loose / "other.csv"
    other.write_bytes(reports.report_of(BEN, ("ben", with_key(1))))
    for path in loose.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    done = rollcall("analyze", loose, "--quiet", "--exit-zero")
    assert done.returncode == 2
    (error,) = command.errors(done)
    assert f"account {BEN} has several reports, and the times of the files do not tell which is newer" in error


def test_a_copy_of_a_report_is_not_a_second_report(rollcall, loose):
    shutil.copy(loose / f"{BEN}.csv", loose / "copy.csv")
    assert rollcall("analyze", loose).returncode == 1
    assert rollcall("analyze", loose, loose / f"{BEN}.csv").returncode == 1


def test_what_the_aws_command_line_prints_is_a_report_with_its_time(rollcall, loose):
    content = base64.b64encode((loose / f"{BEN}.csv").read_bytes()).decode()
    answer = {"Content": content, "ReportFormat": "text/csv", "GeneratedTime": "2026-01-31T01:00:00+00:00"}
    done = rollcall("analyze", "-", "--format", "jsonl", stdin=json.dumps(answer))
    assert done.returncode == 1
    assert {finding["report_generated"] for finding in found(done)} == {"2026-01-31T01:00:00Z"}


def test_an_exemption_that_expired_is_printed(rollcall, loose):
    exemptions = loose / "exemptions.toml"
    exemptions.write_text('[[exemption]]\nuser = "ben"\nreason = "vendor"\nexpires = 2020-01-31\n')
    done = rollcall("analyze", loose, "--exemptions", exemptions, "--summary")
    assert "line 1 expired on 2020-01-31 and exempts nothing; it would cover" in done.stderr


def test_a_report_that_is_not_on_the_roll_does_not_count_and_is_named(rollcall, day, org):
    audit = day / "reports" / f"credentialReport_{org.accounts['Audit']}.csv"
    shutil.copy(audit, day / "reports" / "credentialReport_111111111111.csv")
    done = rollcall("analyze", day)
    assert f"{day}: 1 report that this run did not write, or that its run.json does not name" in done.stderr
    assert "111111111111" not in done.stdout


def test_findings_are_not_written_to_a_bucket(rollcall, loose, tmp_path):
    refused = command.refusal(rollcall("analyze", loose, "--output", "s3://bucket/findings.csv"))
    assert refused.startswith("--output s3://bucket/findings.csv is in a bucket")
    assert not (tmp_path / "s3:").exists()


def test_a_pipe_that_is_closed_after_the_first_line_does_not_change_the_status(rollcall, loose):
    (loose / "credentialReport_111122223333.csv").write_bytes(b"")
    for _ in range(5):
        process = rollcall.start("analyze", loose)
        process.stdout.close()
        process.stdin.close()
        assert process.wait(30) == 2
        assert "the report is empty" in process.stderr.read()
        process.stderr.close()


def test_of_two_reports_of_an_account_the_newer_counts_and_it_says_so(rollcall, loose):
    older, newer = loose / "older.csv", loose / f"{BEN}.csv"
    older.write_bytes(reports.report_of(BEN, ("ben", with_key(1)), ("leaver", with_key(200))))
    os.utime(older, (1_700_000_000, 1_700_000_000))
    done = rollcall("analyze", loose, "--format", "jsonl")
    assert (done.returncode, [finding["user"] for finding in found(done)]) == (1, ["ben"])
    (note,) = command.notes(done)
    assert note.startswith(f"account {BEN} has 2 reports: the newest counts, {newer} (")
    assert note.endswith(f", and not {older} (2023-11-14T22:13:20Z)")
    os.utime(older, (4_000_000_000, 4_000_000_000))
    done = rollcall("analyze", loose, "--format", "jsonl")
    assert [finding["user"] for finding in found(done)] == ["leaver"], "the name and the order say nothing"


def test_a_report_comes_from_standard_input(rollcall, loose):
    done = rollcall("analyze", "-", "--format", "jsonl", stdin=(loose / f"{BEN}.csv").read_text())
    assert [finding["account_id"] for finding in found(done)] == [BEN]
    assert (done.returncode, done.stderr) == (1, "")
    done = rollcall("analyze", "-", stdin="")
    assert (done.returncode, command.errors(done)) == (2, ["standard input: the report is empty"])


def test_a_named_file_that_is_not_a_report_is_an_error(rollcall, loose):
    (loose / "invoices.csv").write_text("number,amount\n1,2\n")
    done = rollcall("analyze", loose / "invoices.csv", loose / f"{BEN}.csv", "--format", "jsonl")
    assert done.returncode == 2
    (error,) = command.errors(done)
    assert error.startswith(f'{loose / "invoices.csv"}: the report has no column "user"')
    assert [finding["account_id"] for finding in found(done)] == [BEN]


def test_no_report_at_all_is_an_error_of_one_sentence(rollcall, tmp_path):
    nowhere, folder = tmp_path / "nowhere", tmp_path / "folder"
    assert command.refusal(rollcall("analyze", nowhere)) == f"there is no file or folder {nowhere}: check the path"
    folder.mkdir()
    assert command.refusal(rollcall("analyze", folder)).startswith(f"there is no report under {folder}: ")
    (folder / "invoices.csv").write_text("number,amount\n1,2\n")
    assert command.refusal(rollcall("analyze", folder)).startswith(f"there is no credential report under {folder}: ")


def test_a_bucket_without_reports_is_an_error_of_one_sentence(rollcall, bucket):
    assert "NoSuchBucket" in command.refusal(rollcall("analyze", "s3://there-is-none"))
    assert f"the bucket {bucket} has no day of a run" in command.refusal(rollcall("analyze", f"s3://{bucket}"))
    assert f"there is no report under s3://{bucket}/2026-01-31/" in command.refusal(
        rollcall("analyze", f"s3://{bucket}/2026-01-31/")
    )


def test_reports_on_a_disk_need_no_aws(rollcall, aws, loose):
    none = {name: None for name in rollcall.environment if name.startswith("AWS_")}
    assert rollcall("analyze", loose, environment=none).returncode == 1
    assert aws.proxy.requests == []


def check(output, text, findings):
    """Whether a text is these findings in this form."""
    if output == "table":
        assert f"{len(findings)} findings: " in text
    elif output == "csv":
        rows = csv.DictReader(io.StringIO(text))
        assert [(row["account_id"], row["rule"]) for row in rows] == [(f["account_id"], f["rule"]) for f in findings]
    elif output == "jsonl":
        assert [json.loads(line) for line in text.splitlines()] == findings
    elif output == "json":
        document = json.loads(text)
        assert document["findings"] == findings
        assert document["run"]["coverage"]["failed"] == FAILING
    elif output == "html":
        assert text.startswith("<!doctype html>")
        assert "default-src &#39;none&#39;" in text
    else:
        log = json.loads(text)
        published_schemas.check_sarif(log)
        assert len(log["runs"][0]["results"]) == len(findings)


@pytest.mark.parametrize("output", FORMATS)
def test_every_form_goes_to_standard_output_or_into_a_file_by_its_ending(rollcall, command_run, tmp_path, output):
    findings = command.findings(command_run.day)
    done = rollcall("analyze", command_run.day, "--format", output)
    check(output, done.stdout, findings)
    file = tmp_path / FORMATS[output]
    done = rollcall("analyze", command_run.day, "--output", file)
    check(output, file.read_text(), findings)
    assert done.returncode == 2
    assert f"wrote {file}\n" in done.stdout
    assert f"{len(findings)} findings: " in done.stdout, "the summary is still printed"
    done = rollcall("analyze", command_run.day, "--output", file, "--quiet")
    assert (done.stdout, len(done.stderr.splitlines())) == ("", 1)


def test_several_forms_go_into_a_folder_and_security_hub_takes_every_file_of_its_own(rollcall, command_run, tmp_path):
    findings = command.findings(command_run.day)
    formats = ",".join([*FORMATS, "asff"])
    done = rollcall("analyze", command_run.day, "--format", formats, "--output", f"{tmp_path}/findings/")
    assert done.returncode == 2
    for output, name in FORMATS.items():
        check(output, (tmp_path / "findings" / name).read_text(), findings)
    batches = sorted((tmp_path / "findings" / "asff").iterdir())
    assert [batch.name for batch in batches] == [
        f"{account_id}-1.json" for account_id in sorted({finding["account_id"] for finding in findings})
    ]
    sent = [json.loads(batch.read_text()) for batch in batches]
    for batch in sent:
        published_schemas.check_asff(batch)
    assert sum(map(len, sent)) == len(findings)
    assert {finding["ProductArn"].split(":")[3] for batch in sent for finding in batch} == {REGION}


def test_more_findings_than_a_call_takes_are_several_files(rollcall, tmp_path):
    users = [(f"user-{number:03}", with_key(100)) for number in range(150)]
    (tmp_path / "report.csv").write_bytes(reports.report_of(ANNA, *users))
    rollcall("analyze", tmp_path / "report.csv", "--format", "asff", "--output", f"{tmp_path}/findings/")
    batches = {path.name: json.loads(path.read_text()) for path in (tmp_path / "findings" / "asff").iterdir()}
    assert {name: len(batch) for name, batch in batches.items()} == {f"{ANNA}-1.json": 100, f"{ANNA}-2.json": 50}
    for batch in batches.values():
        published_schemas.check_asff(batch)


def test_asff_of_one_account_goes_to_standard_output(rollcall, loose):
    done = rollcall("analyze", loose, "--format", "asff", "--region", "us-east-1")
    published_schemas.check_asff(json.loads(done.stdout))
    assert f"us-east-1:{BEN}:product" in done.stdout
    without = {"AWS_REGION": None, "AWS_DEFAULT_REGION": None}
    done = rollcall("analyze", loose, "--format", "asff", environment=without)
    assert done.returncode == 2
    assert "give --region, set AWS_REGION, or set one in the profile" in command.errors(done)[0]


def test_asff_takes_the_region_where_the_connection_takes_it(rollcall, loose):
    environment = {"AWS_REGION": None, "AWS_DEFAULT_REGION": "us-east-1"}
    assert rollcall("analyze", loose, "--format", "asff", environment=environment).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output", "findings.xls"], "does not say by its ending what to write: give --format"),
        (["--output", "folder/"], "is a folder, and nothing says what goes there: give --format"),
        (["--format", "csv,html"], "several formats, which need a folder: give --output DIR/"),
        (["--exemptions", "nowhere.toml"], "reading nowhere.toml failed"),
        (["--output", "/dev/null/findings.csv"], "writing /dev/null/findings.csv failed"),
    ],
    ids=["unknown ending", "folder without format", "several to standard output", "no exemptions", "not writable"],
)
def test_a_wrong_argument_is_reported_with_flag_value_and_fix(rollcall, loose, arguments, words):
    assert words in command.refusal(rollcall("analyze", loose, *arguments))


def test_a_file_that_is_there_stays_as_it_is_when_nothing_can_be_written(rollcall, loose, tmp_path):
    file = tmp_path / "findings.asff.json"
    file.write_text("yesterday's")
    without = {"AWS_REGION": None, "AWS_DEFAULT_REGION": None}
    assert rollcall("analyze", loose, "--output", file, environment=without).returncode == 2
    assert file.read_text() == "yesterday's"


@pytest.mark.parametrize(
    ("arguments", "status", "rules"),
    [
        ([], 1, {"access-key-stale"}),
        (["--fail-on", "high"], 1, {"access-key-stale"}),
        (["--fail-on", "critical"], 0, {"access-key-stale"}),
        (["--exit-zero"], 0, {"access-key-stale"}),
        (["--access-key-stale", "off"], 0, set()),
        (["--access-key-stale", "100"], 0, set()),
        (["--access-key-stale", "99"], 1, {"access-key-stale"}),
        (["--as-of", "2040-01-01"], 1, {"access-key-stale", "access-key-unused"}),
        (["--as-of", "2020-01-01"], 0, set()),
        (["--access-key-unused", "0", "--as-of", "2040-01-01", "--access-key-stale", "off"], 1, {"access-key-unused"}),
    ],
)
def test_flags_say_what_is_flagged_and_what_makes_it_fail(rollcall, loose, arguments, status, rules):
    done = rollcall("analyze", loose, "--format", "jsonl", *arguments)
    assert (done.returncode, {finding["rule"] for finding in found(done)}) == (status, rules)
    assert done.stderr == ""


def test_nothing_flagged_ends_with_0(rollcall, loose):
    done = rollcall("analyze", loose / f"{ANNA}.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing is flagged." in done.stdout


def test_what_could_not_be_looked_at_counts_before_every_flag(rollcall, loose):
    (loose / "cut.csv").write_bytes(reports.report_of(ANNA, ("anna", with_key(1)))[:-30])
    done = rollcall("analyze", loose, "--exit-zero", "--access-key-stale", "off")
    assert done.returncode == 2


EXEMPTION = """
[[exemption]]
account = "{account}"
user = "b?n*"
rule = "access-key-stale"
reason = "rotated by hand in spring"
expires = {expires}
"""


@pytest.mark.parametrize(("days", "status"), [(0, 0), (-1, 1)], ids=["in force", "expired"])
def test_who_is_exempt_is_not_flagged_until_the_exemption_expires(rollcall, loose, days, status):
    (loose / "exemptions.toml").write_text(EXEMPTION.format(account=BEN, expires=days_ago(-days)[:10]))
    done = rollcall("analyze", loose, "--exemptions", loose / "exemptions.toml", "--format", "jsonl")
    (finding,) = found(done)
    assert done.returncode == status
    assert (finding["exemption"] is not None) == (status == 0)


def test_exemptions_that_do_not_parse_are_an_error(rollcall, loose):
    file = loose / "exemptions.toml"
    file.write_text(EXEMPTION.format(account=BEN, expires="soon"))
    assert command.refusal(rollcall("analyze", loose, "--exemptions", file)).startswith(f"{file}, line ")
