"""What a person or a deployment gets wrong fails early, in one sentence that names the value and the
fix, with a message on the topic."""

import time

import pytest
from local_aws import deployment, proxy


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


@pytest.mark.parametrize(
    ("input", "parts"),
    [
        ({"account": ["111122223333"]}, ["account", '"accounts"', '"asOf"']),
        ({"accounts": ["1111-2222"]}, ['"1111-2222" is not twelve digits']),
        ({"accounts": ["123456789012"]}, ["has no account 123456789012"]),
        ({"asOf": "yesterday"}, ['"yesterday" is not a time', "2026-01-31"]),
    ],
    ids=["misspelt name", "malformed account id", "account of nobody", "no time"],
)
def test_an_execution_input_that_is_wrong_is_refused(stack, input, parts):
    error, messages = failure(stack, **input)
    assert error == "InvalidInput"
    assert_heard(messages, error, *parts)


def test_missing_permissions_for_organizations_are_named_with_the_fix(aws, stack):
    denied = proxy.json_error(400, "AccessDeniedException", "You don't have permissions to access this resource.")
    aws.proxy.script("organizations", "DescribeOrganization", denied, forever=True)
    error, messages = failure(stack)
    assert error == "OrganizationsDenied"
    assert_heard(messages, error, "organizations:DescribeOrganization", "management account", "AccountIds")


def test_an_account_outside_any_organization_is_told_what_to_do(aws, stack):
    unused = proxy.json_error(400, "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    aws.proxy.script("organizations", "DescribeOrganization", unused, forever=True)
    error, messages = failure(stack)
    assert error == "OrganizationsNotInUse"
    assert_heard(messages, error, "set the parameter AccountIds")


def test_an_organizational_unit_that_does_not_exist_is_named(aws, folder, org, built):
    stack = deployment.Deployment(
        aws, folder, stack="rollcall-nowhere", OrganizationId=org.id, OrganizationalUnitIds="ou-zzzz-99999999"
    )
    error, messages = failure(stack)
    assert error == "UnknownOrganizationalUnit"
    assert_heard(messages, error, "ou-zzzz-99999999", "OrganizationalUnitIds")


def test_another_organization_than_the_callers_is_refused_with_both_ids(aws, folder, org, built):
    stack = deployment.Deployment(aws, folder, stack="rollcall-foreign", OrganizationId="o-aaaaaaaaaa")
    error, messages = failure(stack)
    assert error == "OrganizationMismatch"
    assert_heard(messages, error, "o-aaaaaaaaaa", org.id, "OrganizationId")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"ExcludeAccountIds": "1234"}, "must be account ids of twelve digits"),
        ({"BucketStatus": "Existing"}, "BucketName must name the bucket"),
        ({"KmsKeyStatus": "Existing"}, "KmsKeyArn must name the key"),
        ({"OrganizationId": None}, "OrganizationId must name the organization"),
        ({"TriggerHour": "24"}, "TriggerHour"),
    ],
    ids=["malformed account id", "nameless bucket", "nameless key", "no accounts", "no such hour"],
)
def test_a_parameter_that_is_wrong_does_not_deploy(aws, folder, org, built, parameters, words):
    with pytest.raises(deployment.CommandFailed) as refused:
        deployment.Deployment(aws, folder, stack="rollcall-refused", **{"OrganizationId": org.id, **parameters})
    assert words in " ".join(str(refused.value).split())


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
