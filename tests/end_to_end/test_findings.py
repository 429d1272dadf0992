"""What a run makes of the credentials: findings with a clock moved by asOf, exemptions, the memory of
earlier nights, and the messages."""

import csv
import hashlib
import io
import json
from pathlib import Path

import jsonschema
import pytest
from local_aws import deployment, reports
from local_aws.organization import MANAGEMENT

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "run.schema.json").read_text())
FAILING = 2
EXEMPTIONS = """
[[exemption]]
user = "deploy"
rule = "access-key-stale"
reason = "rotated by the pipeline, for now"
expires = 2027-12-31

[[exemption]]
user = "ben"
reason = "was on leave"
expires = 2027-01-31
"""


@pytest.fixture
def exemptions(stack):
    """Puts a text into exemptions.toml, and takes it away after the test."""
    yield lambda text: stack.s3.put_object(Bucket=stack.bucket, Key="exemptions.toml", Body=text)
    stack.s3.delete_object(Bucket=stack.bucket, Key="exemptions.toml")


@pytest.fixture(scope="module")
def night(deployed, running_aws):
    """A run over credentials that its asOf makes old."""
    running_aws.proxy.reset()
    for kind in deployed.queue_urls:
        deployed.messages(kind)
    execution = deployed.start(name="findings-started-20300301T010000Z", asOf="2030-03-01")
    assert execution["status"] == "SUCCEEDED", execution
    return json.loads(deployed.read("2030-03-01/run.json")[0]), deployed.findings("2030-03-01")


def test_keys_are_stale_when_the_clock_says_so(night, org):
    manifest, findings = night
    stale = {(f["account_id"], f["user"], f["credential"]) for f in findings if f["rule"] == "access-key-stale"}
    collected = {a["account_id"] for a in manifest["accounts"] if a["outcome"] == "collected"}
    assert {account_id for account_id, _, _ in stale} == collected, "every account has a user deploy with a key"
    assert manifest["findings"]["by_rule"]["access-key-stale"]["open"] == len(stale)
    for finding in findings:
        if finding["rule"] == "access-key-stale":
            assert finding["age_days"] > finding["limit_days"] == 90
            assert finding["severity"] == "high" and finding["cis"].startswith("1.14 ")
            assert finding["as_of"] == "2030-03-01T00:00:00Z" and finding["remedy"]
            assert (finding["status"], finding["first_seen"]) == ("new", "2030-03-01")


def test_an_inactive_key_is_not_a_finding(night):
    _, findings = night
    ben = {f["credential"] for f in findings if f["user"] == "ben" and f["rule"] == "access-key-stale"}
    assert len(ben) == 1, "ben has an active and an inactive key"


def test_the_csv_and_the_json_lines_have_the_same_findings_and_the_csv_has_no_formulas(night, deployed):
    _, findings = night
    rows = list(csv.DictReader(io.StringIO(deployed.read("2030-03-01/findings.csv")[0].decode())))
    assert len(rows) == len(findings)
    for row, finding in zip(rows, findings, strict=True):
        for field in ("account_id", "credential", "rule", "severity", "observed", "first_seen", "status", "cis", "remedy"):
            assert row[field] == finding[field], field
        assert row["age_days"] == ("" if finding["age_days"] is None else str(finding["age_days"]))
        assert row["user"] == ("'" if finding["user"].startswith("=") else "") + finding["user"]
    order = ["critical", "high", "medium", "low"]
    severities = [order.index(finding["severity"]) for finding in findings]
    assert severities == sorted(severities)


def test_run_json_is_what_its_schema_says(night):
    manifest, _ = night
    validator = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    validator.validate(manifest)
    assert {account["outcome"] for account in manifest["accounts"]} >= {"collected", "failed", "skipped"}
    for damage in ({"policy": {}}, {"surprise": 1}, {"coverage": {}}, {"date": "yesterday"}):
        assert not validator.is_valid(manifest | damage), "the check can fail"


def test_run_json_has_the_checksum_of_every_file(night, deployed):
    manifest, _ = night
    written = {output["key"]: output for output in manifest["outputs"]}
    tables = ("tables/accounts/accounts.jsonl", "tables/findings/symlink.txt")
    assert set(written) == {f"2030-03-01/{name}" for name in ("findings.csv", "findings.jsonl", "summary.html", *tables)}
    for key, output in written.items():
        content, metadata = deployed.read(key)
        assert hashlib.sha256(content).hexdigest() == output["sha256"] == metadata["sha256"]
        assert len(content) == output["bytes"]
        assert metadata["execution"] == manifest["execution"]


def test_the_summary_is_a_page_of_its_own(night, deployed, org):
    page = deployed.read("2030-03-01/summary.html")[0].decode()
    head = deployed.s3.head_object(Bucket=deployed.bucket, Key="2030-03-01/summary.html")
    assert head["ContentType"] == "text/html; charset=utf-8"
    assert "default-src &#39;none&#39;" in page
    assert f"{FAILING} of {len(org.accounts) - 1} accounts not covered</h2>" in page
    assert "=cmd,with.comma@example" in page


def test_missing_data_is_counted_and_is_not_a_pass(night):
    manifest, _ = night
    rules = manifest["findings"]["by_rule"]
    # The emulator's report, like the live one, has no column for it.
    assert rules["more-credentials-than-reported"]["not_assessable"] >= manifest["credentials"]["users"]


def test_errors_and_findings_go_to_topics_of_their_own(deployed, night):
    manifest, _ = night
    (errors,) = deployed.messages("errors", seconds=5)
    (digest,) = deployed.messages("findings", seconds=5)
    chat = deployed.messages("chat", seconds=5, at_least=2)
    assert errors["MessageAttributes"]["kind"]["Value"] == "errors"
    assert errors["MessageAttributes"]["failed"] == {"Type": "Number", "Value": str(FAILING)}
    attributes = digest["MessageAttributes"]
    assert attributes["kind"]["Value"] == "findings"
    assert attributes["new"]["Value"] == str(manifest["findings"]["new"])
    assert attributes["severity"]["Value"] in ("critical", "high")
    assert digest["Subject"].startswith(f"Rollcall 2030-03-01: {manifest['findings']['new']} new findings; ")
    assert len(digest["Subject"]) <= 100
    body = digest["Message"]
    assert "What to do: Make a new access key" in body and "deploy: access key 1 is " in body
    assert "prefix=2030-03-01/" in body
    for message in chat:
        notification = json.loads(message["Message"])
        assert (notification["version"], notification["source"]) == ("1.0", "custom")
        assert notification["content"]["textType"] == "client-markdown"


def test_metrics_are_in_the_log(night, deployed):
    manifest, _ = night
    lines = [json.loads(line) for line in deployed.log("analyze-reports") if '"_aws"' in line]
    metrics = next(line for line in lines if line["execution"] == manifest["execution"])
    assert metrics["Deployment"] == deployed.stack
    assert metrics["CoveragePercent"] == manifest["coverage"]["percent"] < 100
    assert metrics["HighFindings"] == manifest["findings"]["by_severity"]["high"]
    assert metrics["Runs"] == 1 and metrics["AccountsFailed"] == FAILING


def test_alarms_watch_those_metrics(deployed, aws):
    cloudwatch = aws.client("cloudwatch", MANAGEMENT)
    alarms = {alarm["AlarmName"]: alarm for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
    coverage, no_run = alarms[f"{deployed.stack}-coverage"], alarms[f"{deployed.stack}-no-run"]
    for alarm in (coverage, no_run):
        assert alarm["AlarmActions"] == [deployed.outputs["ErrorTopicArn"]]
    assert (coverage["Namespace"], coverage["MetricName"]) == ("Rollcall", "CoveragePercent")
    assert no_run["EvaluationPeriods"] == 26


def test_the_next_night_shows_what_is_new_ongoing_and_resolved(stack, org, aws):
    audit = aws.client("iam", org.accounts["Audit"])
    audit.create_user(UserName="leaver")
    key = audit.create_access_key(UserName="leaver")["AccessKey"]["AccessKeyId"]
    first = stack.start(name="first-started-20310101T010000Z", asOf="2031-01-01")
    assert first["status"] == "SUCCEEDED", first
    audit.delete_access_key(UserName="leaver", AccessKeyId=key)
    audit.delete_user(UserName="leaver")
    audit.create_user(UserName="joiner")
    audit.create_access_key(UserName="joiner")
    # An account that fails tonight keeps what was found there.
    network = aws.client("iam", org.accounts["Network"])
    policy = network.get_role_policy(RoleName="rollcall-member", PolicyName="credential-report")["PolicyDocument"]
    network.delete_role_policy(RoleName="rollcall-member", PolicyName="credential-report")
    try:
        stack.messages("findings")
        stack.start(name="second-started-20310102T010000Z", asOf="2031-01-02")
    finally:
        network.put_role_policy(
            RoleName="rollcall-member", PolicyName="credential-report", PolicyDocument=json.dumps(policy)
        )
    manifest = json.loads(stack.read("2031-01-02/run.json")[0])
    findings = {(f["account_id"], f["user"], f["rule"]): f for f in stack.findings("2031-01-02")}
    assert manifest["history"]["compared_with"]["date"] == "2031-01-01"
    assert findings[org.accounts["Audit"], "joiner", "access-key-stale"]["status"] == "new"
    kept = findings[org.accounts["Audit"], "deploy", "access-key-stale"]
    assert (kept["status"], kept["verified"]) == ("ongoing", True)
    assert kept["first_seen"] < "2031-01-02"
    unseen = findings[org.accounts["Network"], "deploy", "access-key-stale"]
    assert (unseen["status"], unseen["verified"]) == ("ongoing", False)
    assert (org.accounts["Audit"], "leaver", "access-key-stale") not in findings
    page = stack.read("2031-01-02/summary.html")[0].decode()
    resolved = page.split("<h3>Resolved</h3>")[1].split("</div>")[0]
    assert "<bdi>leaver</bdi>: access-key-stale, access_key_1" in resolved
    assert manifest["findings"]["unverified"] >= 1
    (digest,) = stack.messages("findings", seconds=5)
    assert "joiner" in digest["Message"].split("Still open")[0]


def test_exemptions_of_the_bucket_hold_until_their_last_day(stack, org, exemptions):
    exemptions(EXEMPTIONS)
    stack.start(name="exempt-started-20270301T010000Z", asOf="2027-03-01")
    manifest = json.loads(stack.read("2027-03-01/run.json")[0])
    jsonschema.validate(manifest, SCHEMA)
    in_force, expired = manifest["exemptions"]["outcomes"]
    assert in_force["findings"] == manifest["findings"]["exempted"] > 0
    assert (expired["days_left"] < 0, expired["findings"] > 0) == (True, True)
    exempted = [f for f in stack.findings("2027-03-01") if f["exemption"]]
    assert {(f["user"], f["rule"]) for f in exempted} == {("deploy", "access-key-stale")}
    assert exempted[0]["exemption"] == {"reason": "rotated by the pipeline, for now", "expires": "2027-12-31"}
    (digest,) = stack.messages("findings", seconds=5)
    assert "exemptions.toml, line 8: expired on 2027-01-31" in digest["Message"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[exemption]]\nuser = "a"\nreason = "r"\n', "line 1: the exemption has no expiry"),
        ('[[exemption]]\nrule = "old-keys"\nreason = "r"\nexpires = 2027-01-01\n', 'line 2: there is no rule "old-keys"'),
        ("[[exemption]\n", "line 1: "),
    ],
    ids=["no expiry", "unknown rule", "no TOML"],
)
def test_exemptions_that_do_not_parse_fail_the_analysis_and_are_named(stack, org, exemptions, text, words):
    exemptions(text)
    execution = stack.start(accounts=[org.accounts["Audit"]])
    assert (execution["status"], execution["error"]) == ("FAILED", "InvalidExemptions")
    messages = stack.messages(seconds=10, at_least=2)
    own = next(m for m in messages if "the run failed at AnalyzeReports" in (m.get("Subject") or ""))
    assert f"s3://{stack.bucket}/exemptions.toml, {words}" in own["Message"]


def test_limits_and_switches_are_those_of_the_deployment(aws, folder, org, built):
    stack = deployment.Deployment(
        aws, folder, stack="rollcall-policy", AccountIds=MANAGEMENT, AccessKeyStale="3650", AccessKeyUnused="off"
    )
    execution = stack.start(asOf="2030-03-01")
    manifest = stack.manifest(execution)
    assert (manifest["policy"]["access-key-stale"], manifest["policy"]["access-key-unused"]) == ("3650", "off")
    rules = {finding["rule"] for finding in stack.findings(manifest["date"])}
    assert not rules & {"access-key-stale", "access-key-unused"}


@pytest.mark.parametrize("value", ["ninety", "-1", "36501", "9.5"])
def test_a_value_that_is_not_a_limit_does_not_deploy(aws, folder, org, built, value):
    with pytest.raises(deployment.CommandFailed) as refused:
        deployment.Deployment(aws, folder, stack="rollcall-refused", OrganizationId=org.id, AccessKeyStale=value)
    assert "AccessKeyStale" in str(refused.value)


def test_a_run_of_some_accounts_leaves_no_history_and_no_metrics(stack, org):
    stack.start(name="some-started-20320101T010000Z", accounts=[org.accounts["Audit"]], asOf="2032-01-01")
    stack.start(name="all-started-20320102T010000Z", asOf="2032-01-02")
    history = json.loads(stack.read("2032-01-02/run.json")[0])["history"]
    assert history["compared_with"]["date"] < "2032-01-01"
    assert history["passed_over"] == [
        {"date": "2032-01-01", "reason": "was of the accounts that its input named"}
    ]
    lines = [line for line in stack.log("analyze-reports") if '"_aws"' in line]
    assert not any("some-started" in line for line in lines)
    assert any("all-started" in line for line in lines)


OLD_KEY = {
    "access_key_1_active": "true",
    "access_key_1_last_rotated": "2024-01-01T00:00:00Z",
    "access_key_1_last_used_date": "2034-02-28T00:00:00Z",
}


@pytest.fixture(scope="module")
def after_awss_sample(deployed, running_aws, org, night):
    """The first night in a bucket whose earlier days are of AWS's sample."""
    running_aws.proxy.reset()
    for kind in deployed.queue_urls:
        deployed.messages(kind)
    audit, network, sandbox = org.accounts["Audit"], org.accounts["Network"], org.accounts["Sandbox Ben"]
    # The key that the nights collect: a key is known by when it and its user were made.
    collected = deployed.read(f"2030-03-01/reports/credentialReport_{audit}.csv")[0].decode()
    (deploy,) = (row for row in csv.DictReader(io.StringIO(collected)) if row["user"] == "deploy")
    same_key = OLD_KEY | {name: deploy[name] for name in ("user_creation_time", "access_key_1_last_rotated")}
    for date, account_id, report in [
        ("2034-02-28", audit, reports.report_of(audit, ("too-early", OLD_KEY))),
        ("2034-03-01", audit, reports.report_of(audit, ("deploy", same_key), ("leaver", OLD_KEY))),
        ("2034-03-01", network, b"<html>"),
        # An account whose role is missing.
        ("2034-03-01", sandbox, reports.report_of(sandbox, ("unseen", OLD_KEY))),
    ]:
        key = f"{date}/credentialReport_{account_id}.csv"
        deployed.s3.put_object(Bucket=deployed.bucket, Key=key, Body=report)
    execution = deployed.start(name="first-started-20340302T010000Z", asOf="2034-03-02")
    assert execution["status"] == "SUCCEEDED", execution
    return json.loads(deployed.read("2034-03-02/run.json")[0]), deployed.findings("2034-03-02")


def test_the_reports_of_awss_sample_are_the_history_of_the_first_night(after_awss_sample, org):
    manifest, findings = after_awss_sample
    jsonschema.validate(manifest, SCHEMA)
    audit, network, sandbox = org.accounts["Audit"], org.accounts["Network"], org.accounts["Sandbox Ben"]
    history = manifest["history"]
    (unreadable,) = history["compared_with"].pop("first_unreadable_reports")
    assert unreadable.startswith(f"account {network}: the report has no column")
    to_collect = sum(account["outcome"] != "skipped" for account in manifest["accounts"])
    assert history == {
        "compared_with": {
            "date": "2034-03-01",
            "predecessor_reports": 2,
            "accounts_without_report": to_collect - 2,
            "unreadable_reports": 1,
            "bad_rows": 0,
        },
        "passed_over": [],
    }
    stale = {(f["account_id"], f["user"]): f for f in findings if f["rule"] == "access-key-stale"}
    told = {key: (f["status"], f["verified"], f["first_seen"]) for key, f in stale.items()}
    assert told[audit, "deploy"] == ("ongoing", True, "2034-03-01")
    assert told[network, "deploy"] == ("new", True, "2034-03-02")
    assert told[sandbox, "unseen"] == ("ongoing", False, "2034-03-01")
    assert stale[sandbox, "unseen"]["account_name"] == "Sandbox Ben"
    assert (audit, "leaver") not in told
    assert manifest["findings"]["resolved"] >= 1


def test_page_and_digest_say_that_it_is_compared_with_awss_sample(after_awss_sample, deployed):
    words = "Compared with the reports that AWS's sample wrote on 2034-03-01. That day has no report of "
    page = deployed.read("2034-03-02/summary.html")[0].decode()
    assert words.replace("'", "&#39;") in page
    assert "<bdi>leaver</bdi>: access-key-stale" in page.split("<h3>Resolved</h3>")[1]
    (digest,) = deployed.messages("findings", seconds=5)
    assert words in digest["Message"]


def test_the_second_night_follows_the_first(after_awss_sample, stack, org):
    stack.start(name="second-started-20340303T010000Z", asOf="2034-03-03")
    manifest = json.loads(stack.read("2034-03-03/run.json")[0])
    assert manifest["history"]["compared_with"]["date"] == "2034-03-02"
    found = {(f["account_id"], f["user"], f["rule"]): f for f in stack.findings("2034-03-03")}
    assert found[org.accounts["Audit"], "deploy", "access-key-stale"]["first_seen"] == "2034-03-01"
