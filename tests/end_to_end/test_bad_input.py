"""What a person or a deployment gets wrong fails early, in one sentence that names the value and the
fix, with a message on the topic."""

import csv
import io
import json
import time

import pytest
from local_aws import deployment, proxy, reports


def failure(stack, **input):
    """The error of a run that must fail, and the messages it sent."""
    execution = stack.start(**input)
    assert execution["status"] == "FAILED", execution
    return execution["error"], stack.messages(seconds=10, at_least=2)


def assert_heard(messages, error, *parts):
    """The step's own message says what is wrong; the rule's says that the run failed."""
    own = [message for message in messages if "the run failed at ListAccounts" in (message.get("Subject") or "")]
    assert len(own) == 1, messages
    for part in (error, *parts):
        assert part in own[0]["Message"]
    assert any("ended as FAILED" in message["Message"] for message in messages)


def test_an_execution_input_that_is_wrong_is_refused(stack):
    error, messages = failure(stack, account=["111122223333"])
    assert error == "InvalidInput"
    assert_heard(messages, error, "account", '"accounts"', '"asOf"')


def test_missing_permissions_for_organizations_are_named_with_the_fix(aws, stack):
    denied = proxy.json_error(400, "AccessDeniedException", "You don't have permissions to access this resource.")
    aws.proxy.script("organizations", "DescribeOrganization", denied, forever=True)
    error, messages = failure(stack)
    assert error == "OrganizationsDenied"
    assert_heard(messages, error, "organizations:DescribeOrganization", "management account", "AccountIds")


def test_a_parameter_that_is_wrong_does_not_deploy(aws, folder, org, built):
    """Which are, and what is said of each, is in tests/template/test_parameters.py."""
    with pytest.raises(deployment.CommandFailed) as refused:
        deployment.Deployment(aws, folder, stack="rollcall-refused", OrganizationId=org.id, BucketStatus="Existing")
    assert "BucketName must name the bucket" in " ".join(str(refused.value).split())


def test_a_run_that_is_aborted_is_heard(aws, stack, org):
    def slow(request, forward):
        time.sleep(4)
        return forward(request)

    aws.proxy.script("sts", "AssumeRole", slow, forever=True)
    execution = stack.states.start_execution(stateMachineArn=stack.outputs["StateMachineArn"])["executionArn"]
    time.sleep(1)
    stack.states.stop_execution(executionArn=execution)
    messages = stack.messages(seconds=10)
    assert any("ended as ABORTED" in message["Message"] for message in messages), messages
    time.sleep(4)


HOSTILE = "</script><img src=x>\x1b[2J\u202e;=1\u2028\uffff\"',x"


def test_names_that_mean_harm_are_on_the_record_exactly_and_do_nothing_anywhere(aws, stack, org):
    audit = org.accounts["Audit"]

    def renamed(request, forward):
        answer = forward(request)
        accounts = json.loads(answer.body)
        for account in accounts["Accounts"]:
            account["Name"] = account["Email"] = f"{HOSTILE}\n\r{account['Id']}"
        return proxy.Response(200, json.dumps(accounts).encode(), answer.headers)

    for action in ("ListAccounts", "ListAccountsForParent"):
        aws.proxy.script("organizations", action, renamed, forever=True)
    key = {"access_key_1_active": "true", "access_key_1_last_rotated": "2024-01-01T00:00:00Z"}
    quoted = HOSTILE.replace('"', '""')
    report = reports.report_of(audit, ("good", key), (f'"{quoted}"', key | {"arn": f'"arn:aws:iam::{audit}:user/{quoted}"'}))
    aws.proxy.script("iam", "GetCredentialReport", proxy.report(report), account=audit, forever=True)
    execution = stack.start(name="nächtlich-started-20350101T010000Z", asOf="2035-01-01")
    assert execution["status"] == "SUCCEEDED", execution
    roll = json.loads(stack.read("2035-01-01/accounts.json")[0])
    manifest = json.loads(stack.read("2035-01-01/run.json")[0])
    for account in roll["accounts"]:
        assert account["name"] == account["email"] == f"{HOSTILE}\n\r{account['account_id']}"
    assert {a["account_id"]: a["name"] for a in manifest["accounts"]} == {a["account_id"]: a["name"] for a in roll["accounts"]}
    stale = [f for f in stack.findings("2035-01-01") if f["account_id"] == audit and f["rule"] == "access-key-stale"]
    assert {finding["user"] for finding in stale} == {"good", HOSTILE}
    text = stack.read("2035-01-01/findings.csv")[0].decode()
    assert len(text.splitlines()) == manifest["findings"]["total"] + 1
    # What nobody could look at has the name that an earlier night gave the account.
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["verified"] == "true"]
    assert rows
    for row in rows:
        assert ";'=1" in row["account_name"] and "\x1b" not in row["account_name"]
    page = stack.read("2035-01-01/summary.html")[0].decode()
    assert (page.count("<script"), page.count("<img")) == (2, 0)
    sent = [*stack.messages("errors", seconds=5), *stack.messages("findings", seconds=5)]
    assert len(sent) >= 2
    for message in sent:
        assert not set(message["Message"]) & {"\x1b", "\r", "\u202e", "\u2028", "\uffff"}
        assert message["Subject"].isascii() and len(message["Subject"]) <= 100
