"""Faults of AWS, scripted in the proxy: each ends in an outcome of its account, and of no other."""

import time

import pytest
from local_aws import proxy
from local_aws.organization import MANAGEMENT

AUDIT = "Audit"


@pytest.fixture
def run(aws, stack, org):
    """Runs for Audit, whose AWS is scripted, and Network, whose AWS has no faults; answers the account of
    Audit in the manifest, the messages, and its calls by action."""

    def run():
        accounts = [org.accounts[AUDIT], org.accounts["Network"]]
        execution = stack.start(accounts=accounts)
        assert execution["status"] == "SUCCEEDED", execution
        manifest = stack.manifest(execution)
        outcomes = {account["account_id"]: account for account in manifest["accounts"]}
        assert outcomes[accounts[1]]["outcome"] == "collected", "the fault of one account must not reach another"
        return outcomes[accounts[0]], stack.messages(seconds=2)

    return run


@pytest.fixture
def script(aws, org):
    """Scripts the answers of an action in Audit."""
    return lambda service, action, *answers, **options: aws.proxy.script(
        service, action, *answers, account=org.accounts[AUDIT], **options
    )


def calls(aws, org, service, action):
    return len(aws.proxy.calls(service, action, org.accounts[AUDIT]))


def test_a_report_that_takes_its_time_is_waited_for(aws, org, run, script):
    script("iam", "GenerateCredentialReport", proxy.generate("STARTED"), proxy.generate("INPROGRESS"))
    script("iam", "GetCredentialReport", proxy.query_error(404, "ReportInProgress", "still running"))
    audit, messages = run()
    assert audit["outcome"] == "collected"
    assert messages == []
    assert calls(aws, org, "iam", "GenerateCredentialReport") == 4
    assert calls(aws, org, "iam", "GetCredentialReport") == 2


def test_limits_and_rates_are_waited_out(run, script):
    no_capacity = proxy.query_error(409, "LimitExceeded", "No more capacity to launch new report generation tasks")
    throttled = proxy.query_error(400, "Throttling", "Rate exceeded")
    # Four are more than the attempts of one call.
    script("iam", "GenerateCredentialReport", no_capacity, no_capacity, *[throttled] * 4)
    script("iam", "GetCredentialReport", *[throttled] * 4)
    script("sts", "AssumeRole", *[throttled] * 4)
    audit, messages = run()
    assert audit["outcome"] == "collected"
    assert messages == []


@pytest.mark.parametrize("code", ["ReportExpired", "ReportNotPresent"])
def test_a_report_that_expires_between_generate_and_get_is_generated_again(aws, org, run, script, code):
    script("iam", "GetCredentialReport", proxy.query_error(410, code, "gone"))
    audit, _ = run()
    assert audit["outcome"] == "collected"
    assert calls(aws, org, "iam", "GenerateCredentialReport") == 2


def test_faults_of_iam_and_sts_are_waited_out(run, script):
    script("iam", "GetCredentialReport", *[proxy.query_error(500, "ServiceFailure", "fault")] * 4)
    script("sts", "AssumeRole", *[proxy.query_error(503, "ServiceUnavailable", "fault")] * 4)
    audit, _ = run()
    assert audit["outcome"] == "collected"


def test_a_report_that_never_comes_times_out_after_45_waits_and_is_mailed(aws, org, run, script):
    script("iam", "GenerateCredentialReport", proxy.generate("INPROGRESS"), forever=True)
    audit, messages = run()
    assert (audit["outcome"], audit["code"]) == ("failed", "ReportTimedOut")
    assert "after 45 waits" in audit["message"]
    assert calls(aws, org, "iam", "GenerateCredentialReport") == 46
    assert len(messages) == 1
    assert messages[0]["Subject"].endswith("1 of 2 accounts not collected")
    assert f"{org.accounts[AUDIT]}  {AUDIT}" in messages[0]["Message"]
    assert "ReportTimedOut: 1 account" in messages[0]["Message"]


def test_an_explicit_deny_is_distinguished_from_a_missing_role(run, script):
    words = "User: x is not authorized to perform: sts:AssumeRole with an explicit deny in a service control policy"
    script("sts", "AssumeRole", proxy.query_error(403, "AccessDenied", words), forever=True)
    audit, _ = run()
    assert (audit["outcome"], audit["code"]) == ("failed", "DeniedByPolicy")


def test_an_account_suspended_since_the_roll_was_taken_is_reported_as_suspended(aws, org, run, script):
    def suspended(request, forward):
        answer = forward(request)
        return proxy.Response(answer.status, answer.body.replace(b"ACTIVE", b"SUSPENDED"), answer.headers)

    script("sts", "AssumeRole", proxy.query_error(403, "AccessDenied", "not authorized"), forever=True)
    aws.proxy.script("organizations", "DescribeAccount", suspended, forever=True)
    audit, _ = run()
    assert (audit["outcome"], audit["code"]) == ("failed", "AccountSuspended")


def refuse(*endings):
    """S3 that refuses to write keys with these endings."""

    def answer(request, forward):
        if request.path.split("?")[0].endswith(endings):
            return proxy.s3_error(403, "AccessDenied", "refused")
        return forward(request)

    return answer


def test_a_report_that_s3_refuses_is_a_recorded_failure(run, script):
    script("s3", "PutObject", refuse(".csv"), forever=True)
    audit, messages = run()
    assert (audit["outcome"], audit["code"]) == ("failed", "StorageFailed")
    assert "s3:PutObject" in audit["message"]
    assert "StorageFailed: 1 account" in messages[0]["Message"]


def test_an_account_whose_objects_s3_all_refuses_is_reported(run, script):
    script("s3", "PutObject", refuse(".csv", ".json"), forever=True)
    audit, messages = run()
    assert (audit["outcome"], audit["code"]) == ("no-outcome", "NoOutcome")
    assert "NoOutcome: 1 account" in messages[0]["Message"]


def test_a_collector_that_breaks_is_recorded_as_internal(run, script):
    # The first call and its six retries can't write; the call that records can.
    script("s3", "PutObject", *[refuse(".csv", ".json")] * 14)
    audit, _ = run()
    assert (audit["outcome"], audit["code"]) == ("failed", "Internal")
    assert "StorageFailed" in audit["message"]


def test_a_collector_that_is_killed_before_it_stores_is_run_again(aws, org, run, script):
    script("s3", "PutObject", proxy.kill_caller, proxy.kill_caller)
    audit, messages = run()
    assert audit["outcome"] == "collected"
    assert messages == []
    assert calls(aws, org, "iam", "GetCredentialReport") == 3


def test_a_collector_that_dies_each_time_on_an_account_is_recorded_as_internal(run, script):
    script("s3", "PutObject", *[proxy.kill_caller] * 3)
    audit, messages = run()
    assert (audit["outcome"], audit["code"]) == ("failed", "Internal")
    assert "Runtime.ExitError" in audit["message"]
    assert "Internal: 1 account" in messages[0]["Message"]


def test_s3_that_fails_and_then_works_costs_nothing(aws, org, run, script):
    slow_down = proxy.s3_error(503, "SlowDown", "slow down")
    fault = proxy.s3_error(500, "InternalError", "fault")
    # More than the attempts of one call: the wait is the back-off here too.
    script("s3", "PutObject", slow_down, fault, slow_down, fault)
    audit, messages = run()
    assert audit["outcome"] == "collected"
    assert messages == []
    assert calls(aws, org, "iam", "GetCredentialReport") == 2


def test_what_is_not_a_report_is_kept_as_evidence_and_counts_as_failed(stack, run, script):
    script("iam", "GetCredentialReport", proxy.report(b"<html>Sign in</html>"))
    audit, _ = run()
    assert (audit["outcome"], audit["code"]) == ("failed", "ReportUnreadable")
    assert stack.read(audit["report"]["key"])[0] == b"<html>Sign in</html>"


def test_a_bad_row_is_mailed_and_the_account_still_counts(org, run, script):
    account = org.accounts[AUDIT]
    rows = [
        "user,arn,mfa_active",
        f"anna,arn:aws:iam::{account}:user/anna,true",
        f"ben,arn:aws:iam::{account}:user/ben,perhaps",
    ]
    script("iam", "GetCredentialReport", proxy.report("\n".join(rows).encode()))
    audit, messages = run()
    assert audit["outcome"] == "collected"
    assert audit["report"]["bad_rows"] == 1
    assert audit["report"]["first_bad_rows"][0]["line"] == 3
    assert messages[0]["Subject"].endswith("1 row can't be read")


def test_no_secret_is_in_any_log(aws, stack, org):
    secrets = []

    def remember(request, forward):
        answer = forward(request)
        for name in (b"SecretAccessKey", b"SessionToken"):
            secrets.append(answer.body.split(b"<" + name + b">")[1].split(b"<")[0].decode())
        return answer

    aws.proxy.script("sts", "AssumeRole", remember, forever=True)
    names = ["Audit", "Network", "Team 01"]
    stack.start(accounts=[org.accounts[name] for name in names])
    assert len(secrets) == 2 * len(names)
    logs = function_logs(aws, stack)
    assert org.accounts["Audit"] in logs, "the logs are read"
    assert not [secret for secret in secrets if secret in logs]


def function_logs(aws, stack):
    client = aws.client("logs", MANAGEMENT)
    time.sleep(1)
    lines = []
    for group in client.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{stack.stack}")["logGroups"]:
        for stream in client.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]:
            answer = client.get_log_events(
                logGroupName=group["logGroupName"], logStreamName=stream["logStreamName"], startFromHead=True
            )
            lines += [event["message"] for event in answer["events"]]
    return "\n".join(lines)
