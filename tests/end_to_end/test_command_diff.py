"""`rollcall diff` with a day in a bucket, and with a night of the state machine. What needs no AWS is tried
in cli/tests/command."""

import json

from local_aws import command, reports
from local_aws.organization import MANAGEMENT


def changes(done):
    """The changes, without the places of the two days."""
    changes = json.loads(done.stdout)
    for side in ("old", "new"):
        del changes[side]["place"]
    return changes


def test_a_bucket_is_compared_with_a_folder(rollcall, aws, bucket, command_run, day, org):
    command.upload(aws.client("s3", MANAGEMENT), command_run.day, bucket)
    address = f"s3://{bucket}/{day.name}/"
    (day / "reports" / f"credentialReport_{org.accounts['Audit']}.csv").unlink()
    compared = rollcall("diff", address, day, "--format", "json")
    assert changes(compared) == changes(rollcall("diff", command_run.day, day, "--format", "json"))
    assert json.loads(compared.stdout)["accounts_without_new_report"] == [org.accounts["Audit"]]
    assert json.loads(compared.stdout)["old"]["place"] == address


def test_a_night_of_the_state_machine_is_compared_with_a_run_of_the_command(rollcall, aws, stack, command_run):
    old = reports.rewritten(lambda content: reports.older(content, 120))
    aws.proxy.script("iam", "GetCredentialReport", old, forever=True)
    execution = stack.start()
    night = f"s3://{stack.bucket}/{stack.date(execution)}/"
    compared = changes(rollcall("diff", night, command_run.day, "--format", "json"))
    assert compared["old"]["reports"] == compared["new"]["reports"]
    assert (compared["credentials"], compared["findings"]["resolved"], compared["findings"]["new"]) == ([], [], [])


def test_a_bucket_that_is_not_there_is_an_error_of_one_sentence(rollcall, command_run):
    assert "NoSuchBucket" in command.refusal(rollcall("diff", command_run.day, "s3://there-is-none"))
