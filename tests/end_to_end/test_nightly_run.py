"""A run without faults, over accounts of which some always fail."""

import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest
from local_aws.organization import MANAGEMENT
from local_aws.proxy import paged

FAILING = {"Sandbox Ben": "RoleMissingOrDenied", "Legacy": "DeniedByPolicy"}
SUSPENDED = "Acquired Company"


@pytest.fixture(scope="module")
def night(running_aws, deployed, org):
    """One run, its manifest, the requests it made and the messages it sent."""
    running_aws.proxy.reset()
    deployed.messages()
    running_aws.proxy.script("organizations", "ListAccounts", paged, forever=True)
    execution = deployed.start()
    assert execution["status"] == "SUCCEEDED", execution
    requests = list(running_aws.proxy.requests)
    return execution, deployed.manifest(execution), requests, deployed.messages(seconds=5)


def collected_accounts(org):
    return {name: id for name, id in org.accounts.items() if name not in FAILING and name != SUSPENDED}


def test_every_account_is_in_the_manifest_once_with_its_outcome(night, org):
    _, manifest, _, _ = night
    outcomes = {account["account_id"]: account for account in manifest["accounts"]}
    assert len(manifest["accounts"]) == len(outcomes) == len(org.accounts) > 20
    for name, account_id in org.accounts.items():
        account = outcomes[account_id]
        if name in FAILING:
            assert (account["outcome"], account["code"]) == ("failed", FAILING[name])
        elif name == SUSPENDED:
            assert (account["outcome"], account["reason"]) == ("skipped", "suspended")
        else:
            assert account["outcome"] == "collected"
        if name != "Management":
            assert account["name"] == name
    coverage = manifest["coverage"]
    assert coverage["collected"] == len(collected_accounts(org))
    assert (coverage["failed"], coverage["skipped"], coverage["no_outcome"]) == (2, 1, 0)


def test_accounts_are_listed_to_the_last_page(night, org):
    _, _, requests, _ = night
    pages = [request for request in requests if request.action == "ListAccounts"]
    assert [request.json.get("NextToken") for request in pages] == [None, "20"]


def test_an_account_has_the_path_of_its_place_in_the_tree(night, deployed, org):
    execution, _, _, _ = night
    roll = json.loads(deployed.read(f"{execution['startDate'].astimezone(UTC):%Y-%m-%d}/accounts.json")[0])
    paths = {account["account_id"]: account["path"] for account in roll["accounts"]}
    assert paths[org.accounts["Shop Production"]] == "Root/Workloads/Production"
    assert paths[MANAGEMENT] == "Root"


def test_a_stored_report_is_what_iam_served_and_says_so(night, deployed, org, aws):
    execution, manifest, _, _ = night
    for account in manifest["accounts"]:
        if account["outcome"] != "collected":
            continue
        content, metadata = deployed.read(account["report"]["key"])
        sha256 = hashlib.sha256(content).hexdigest()
        assert account["report"]["sha256"] == metadata["sha256"] == sha256
        assert metadata["execution"] == execution["name"]
        assert metadata["account-id"] == account["account_id"]
        assert int(metadata["rows"]) == account["report"]["rows"] == content.count(b"\n") > 0
        served = aws.client("iam", account["account_id"]).get_credential_report()["Content"]
        assert sorted(served.splitlines()) == sorted(content.splitlines())


def test_an_account_takes_one_call_of_each_kind(night, org):
    _, _, requests, _ = night
    calls = [(request.account, request.action) for request in requests]
    for name, account_id in collected_accounts(org).items():
        assumed = 0 if name == "Management" else 1
        assert calls.count((account_id, "AssumeRole")) == assumed, name
        assert calls.count((account_id, "PutObject")) == 1
        if name != "Management":
            assert calls.count((account_id, "GenerateCredentialReport")) == 1
            assert calls.count((account_id, "GetCredentialReport")) == 1


def test_a_session_may_make_two_calls_whatever_its_role_allows(night):
    _, _, requests, _ = night
    for request in requests:
        if request.action == "AssumeRole":
            policy = json.loads(request.form["Policy"])
            assert policy["Statement"][0]["Action"] == ["iam:GenerateCredentialReport", "iam:GetCredentialReport"]


def test_everything_is_encrypted_under_the_stacks_key_and_carries_its_checksum(night):
    _, _, requests, _ = night
    writes = [request for request in requests if request.action == "PutObject"]
    assert writes
    for request in writes:
        assert request.headers["x-amz-checksum-sha256"]
        if "workbucket" not in request.path:
            assert request.headers["x-amz-server-side-encryption"] == "aws:kms"
            assert ":key/" in request.headers["x-amz-server-side-encryption-aws-kms-key-id"]


def test_one_message_names_the_accounts_codes_and_remedies(night, org):
    execution, _, _, messages = night
    assert len(messages) == 1
    subject, body = messages[0]["Subject"], messages[0]["Message"]
    assert re.fullmatch(r"Rollcall \d{4}-\d\d-\d\d: 2 of 27 accounts not collected", subject)
    for name, code in FAILING.items():
        assert f"{org.accounts[name]}  {name}" in body
        assert f"{code}: 1 account" in body
    assert "What to do: Deploy templates/member-role.yml" in body
    assert execution["name"] in body


def test_every_log_line_is_json_and_says_its_execution_and_account(night, deployed, org):
    execution, _, _, _ = night
    lines = {}
    for step in ("list-accounts", "collect-report", "analyze-reports", "notify"):
        printed = [line for line in deployed.log(step) if line.startswith("{") and '"_aws"' not in line]
        logged = [json.loads(line) for line in printed]
        lines[step] = [line for line in logged if line["span"].get("execution") == execution["name"]]
        assert lines[step], step
        for line in lines[step]:
            assert line["timestamp"] and line["level"] in ("INFO", "WARN", "ERROR") and line["message"]
            assert line["span"]["request_id"]
    collected = {line["span"]["account_id"] for line in lines["collect-report"] if line["level"] == "INFO"}
    assert collected == set(collected_accounts(org).values())
    failed = {line["span"]["account_id"]: line["code"] for line in lines["collect-report"] if line["level"] == "WARN"}
    assert failed == {org.accounts[name]: code for name, code in FAILING.items()}


def test_a_run_of_a_second_time_the_same_day_replaces_the_first_and_keeps_nothing_of_it(aws, stack, org):
    stack.start()
    aws.client("iam", org.accounts["Audit"]).delete_role_policy(RoleName="rollcall-member", PolicyName="credential-report")
    try:
        execution = stack.start()
    finally:
        aws.client("iam", org.accounts["Audit"]).put_role_policy(
            RoleName="rollcall-member",
            PolicyName="credential-report",
            PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", '
            '"Action": ["iam:GenerateCredentialReport", "iam:GetCredentialReport"]}]}',
        )
    manifest = stack.manifest(execution)
    assert manifest["execution"] == execution["name"]
    audit = next(account for account in manifest["accounts"] if account["name"] == "Audit")
    assert (audit["outcome"], audit["code"]) == ("failed", "DeniedByPolicy")
    assert "report" not in audit, "the report of the first run must not pass for tonight's"
    assert manifest["of_other_executions"] == 1
    key = f"{manifest['date']}/reports/credentialReport_{org.accounts['Network']}.csv"
    versions = stack.s3.list_object_versions(Bucket=stack.bucket, Prefix=key)["Versions"]
    assert len(versions) >= 2, "the bucket keeps what the first run wrote"


def test_a_day_is_verified_in_the_versions_that_its_manifest_names(stack, rollcall):
    execution = stack.start()
    day = f"s3://{stack.bucket}/{stack.date(execution)}"
    verify = partial(rollcall, "verify", day)
    assert verify().returncode == 0, verify()
    named = stack.manifest(execution)["outputs"][0]
    body, metadata = stack.read(named["key"])
    put = partial(stack.s3.put_object, Bucket=stack.bucket, Key=named["key"])
    put(Body=body, Metadata=metadata)
    assert verify().returncode == 0, "the same bytes again"
    put(Body=b"something else", Metadata={"execution": "late"})
    done = verify()
    assert done.returncode == 2
    key = named["key"].split("/", 1)[1]
    assert f"{key} has a later version " in done.stdout and "which execution late wrote" in done.stdout, done
    assert f"version {named['version_id']}, which run.json names, is as it was" in done.stdout


def test_of_two_runs_that_start_at_once_exactly_one_goes_on(stack):
    with ThreadPoolExecutor() as pool:
        executions = list(pool.map(lambda name: stack.start(name=name), ("one", "another")))
    executions.sort(key=lambda execution: execution["status"])
    refused, went_on = executions
    assert (refused["status"], refused["error"]) == ("FAILED", "AnotherRunIsRunning"), refused
    assert went_on["status"] == "SUCCEEDED", went_on
    assert f"execution {went_on['name']}, which started at " in refused["cause"]
    assert stack.manifest(went_on)["execution"] == went_on["name"]


def test_a_run_over_midnight_keeps_the_date_it_started_on(stack):
    execution = stack.start(name="night-started-20260131T235930Z")
    assert execution["status"] == "SUCCEEDED", execution
    keys = stack.keys("2026-01-31/")
    manifest = json.loads(stack.read("2026-01-31/run.json")[0])
    assert manifest["execution"] == "night-started-20260131T235930Z"
    assert (manifest["date"], manifest["started"]) == ("2026-01-31", "2026-01-31T23:59:30Z")
    reports = [key for key in keys if "/reports/" in key]
    assert len(reports) == manifest["coverage"]["collected"] > 20
    today = datetime.now(UTC).date().isoformat()
    assert all(account["report"]["collected"][:10] == today for account in manifest["accounts"] if "report" in account)


def test_input_chooses_accounts_and_the_time_that_ages_are_counted_to(stack, org):
    audit = org.accounts["Audit"]
    execution = stack.start(accounts=[audit], asOf="2027-01-01")
    manifest = stack.manifest(execution)
    assert [account["account_id"] for account in manifest["accounts"]] == [audit]
    assert (manifest["source"], manifest["as_of"]) == ("execution-input", "2027-01-01T00:00:00Z")
    assert stack.messages(seconds=1) == [], "nothing failed, so nothing is sent"


def test_the_input_that_the_console_fills_in_is_accepted(stack, org):
    execution = stack.start(Comment="Insert your JSON here", accounts=[org.accounts["Audit"]])
    assert execution["status"] == "SUCCEEDED", execution
