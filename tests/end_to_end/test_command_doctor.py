"""`rollcall doctor`: every check, passed and failed."""

import json

import pytest
from local_aws.command import refusal
from local_aws.organization import MANAGEMENT
from local_aws.proxy import Response, json_error, query_error


def checks(done):
    """The checks by name: the word they begin with, and all their text in one line."""
    found = {}
    for line in done.stdout.splitlines():
        if not line:
            break
        if not line.startswith(" "):
            word, name, *text = line.split(None, 2)
            found[name] = (word, *text)
        else:
            found[name] = (found[name][0], f"{found[name][1]} {line.strip()}")
    return found


def failed(done):
    """The checks that failed, and what each says."""
    assert done.returncode == 1, done
    return {name: text for name, (word, text) in checks(done).items() if word == "FAIL"}


def test_everything_but_an_account_without_the_role_passes(rollcall, deployed, org):
    done = rollcall("doctor")
    assert set(failed(done)) == {"role"}
    found = checks(done)
    assert found["credentials"][1].startswith(f"arn:aws:iam::{MANAGEMENT}:root (the root user: ")
    assert found["organization"] == ("ok", f"{org.id}, and this is its management account")
    assert found["accounts"][1].startswith(f"{len(org.accounts)} accounts")
    assert found["stack"][1].startswith("rollcall in eu-central-1, CREATE_COMPLETE")
    assert found["output"] == ("ok", f"s3://{deployed.bucket}/ can be written")
    assert found["schedule"][1].startswith("the next run starts at ")
    assert found["member-roles"][0] == "-"
    assert done.stdout.endswith("\n1 check failed.\n")


def test_nothing_is_left_behind_and_no_report_is_made(rollcall, aws, deployed):
    before = aws.client("s3", MANAGEMENT).list_object_versions(Bucket=deployed.bucket).get("Versions", [])
    rollcall("doctor")
    s3 = aws.client("s3", MANAGEMENT)
    assert s3.list_object_versions(Bucket=deployed.bucket).get("Versions", []) == before
    assert not s3.list_multipart_uploads(Bucket=deployed.bucket).get("Uploads")
    assert not aws.proxy.calls("iam", "GenerateCredentialReport")


def test_an_account_without_the_role_is_named_with_what_to_do(rollcall, org):
    text = failed(rollcall("doctor"))["role"]
    ben = org.accounts["Sandbox Ben"]
    active = len(org.members) - 1
    assert text.startswith(f"OrganizationAccountAccessRole can't be assumed in 1 of {active} other accounts")
    assert f"{ben} Sandbox Ben: RoleMissingOrDenied: sts:AssumeRole of arn:aws:iam::{ben}:role/" in text
    assert "What to do: name a role that your credentials may assume with --member-role-name" in text


def test_a_sample_asks_only_as_many_accounts_as_it_says(rollcall, aws):
    done = rollcall("doctor", "--sample", "3")
    assert len(aws.proxy.calls("sts", "AssumeRole")) == 3
    assert " 3 (of " in checks(done)["role"][1]


def test_without_an_organization_nothing_is_asked_about_its_accounts(rollcall, aws):
    answer = json_error(400, "AWSOrganizationsNotInUseException", "no")
    aws.proxy.script("organizations", "DescribeOrganization", answer, forever=True)
    text = failed(rollcall("doctor"))["organization"]
    assert "rollcall run --this-account" in text
    assert not aws.proxy.calls("sts", "AssumeRole")


@pytest.fixture
def administrator(aws, org):
    """A member of the organization that is a delegated administrator of it."""
    organizations = aws.client("organizations", MANAGEMENT)
    registration = {"AccountId": org.accounts["Audit"], "ServicePrincipal": "access-analyzer.amazonaws.com"}
    organizations.register_delegated_administrator(**registration)
    yield org.accounts["Audit"]
    organizations.deregister_delegated_administrator(**registration)


def test_an_account_that_may_not_list_the_others_is_not_an_administrator(rollcall, org):
    member = {"AWS_ACCESS_KEY_ID": org.accounts["Network"]}
    done = rollcall("doctor", "--output", "reports", environment=member)
    assert checks(done)["organization"] == ("ok", f"{org.id}; its management account is {MANAGEMENT}")
    assert "organizations:ListRoots answered AccessDeniedException: You don't have" in failed(done)["accounts"]
    assert "or of a delegated administrator account" in failed(done)["accounts"]


def test_a_member_that_may_list_the_others_is_a_delegated_administrator(rollcall, org, administrator):
    done = rollcall("doctor", "--output", "reports", environment={"AWS_ACCESS_KEY_ID": administrator})
    assert checks(done)["organization"] == ("ok", f"{org.id}, and this is a delegated administrator of it")


def test_a_bucket_that_is_not_there_is_named(rollcall):
    text = failed(rollcall("doctor", "--output", "s3://there-is-no-such-bucket-here"))["output"]
    assert text.startswith("s3://there-is-no-such-bucket-here/ can't be written: s3:PutObject")
    assert "NoSuchBucket" in text


def test_a_key_that_may_not_be_used_is_named(rollcall, aws, bucket):
    def denied(request, forward):
        return query_error(403, "AccessDenied", "kms:GenerateDataKey") if "uploads" in request.path else forward(request)

    aws.proxy.script("s3", "POST", denied, forever=True)
    key = f"arn:aws:kms:eu-central-1:{MANAGEMENT}:key/12345678-1234-1234-1234-123456789012"
    text = failed(rollcall("doctor", "--output", f"s3://{bucket}", "--kms-key-arn", key))["output"]
    assert "can't be written" in text
    assert "What to do: check that it exists, its policy, and your permissions on it and on its key." in text


def test_a_folder_that_can_not_be_written_is_named(rollcall, tmp_path):
    (tmp_path / "file").write_text("")
    text = failed(rollcall("doctor", "--output", tmp_path / "file"))["output"]
    assert text.startswith(f"{tmp_path}/file/ can't be written: writing into {tmp_path}/file failed")


def test_where_nothing_is_deployed_nothing_of_it_is_checked(rollcall):
    found = checks(rollcall("doctor", "--stack-name", "nothing-of-this-name"))
    assert found["stack"][0] == "-"
    assert found["output"][0] == "-"
    assert "member-roles" not in found and "schedule" not in found


def managing_member_roles(request, forward):
    """The stack as it is on AWS, where it deploys the member roles."""
    answer = forward(request)
    body = answer.body.replace(
        b"<ParameterKey>ManageMemberRoles</ParameterKey><ParameterValue>false<",
        b"<ParameterKey>ManageMemberRoles</ParameterKey><ParameterValue>true<",
    )
    assert body != answer.body
    return Response(answer.status, body, answer.headers)


def instances(*statuses):
    """ListStackInstances answering an instance for each status."""
    members = "".join(
        f"<member><Account>{number:012}</Account><Status>{status}</Status><StatusReason>why</StatusReason></member>"
        for number, status in enumerate(statuses, 1)
    )
    return Response(
        200,
        f"<ListStackInstancesResponse><ListStackInstancesResult><Summaries>{members}</Summaries>"
        "</ListStackInstancesResult></ListStackInstancesResponse>".encode(),
        {"content-type": "text/xml"},
    )


@pytest.mark.parametrize(
    ("statuses", "word", "text"),
    [
        (["CURRENT", "CURRENT"], "ok", "is current in all of its 2 instances"),
        (["CURRENT", "OUTDATED"], "FAIL", "is not current in 1 of its 2 instances 000000000002 OUTDATED: why"),
        ([], "FAIL", "has no instance: no account has the role"),
    ],
)
def test_member_roles_are_those_of_the_stack_set(rollcall, deployed, aws, statuses, word, text):
    aws.proxy.script("cloudformation", "DescribeStacks", managing_member_roles, forever=True)
    aws.proxy.script("cloudformation", "ListStackInstances", instances(*statuses), forever=True)
    found = checks(rollcall("doctor"))["member-roles"]
    assert found[0] == word and text in found[1]
    (asked,) = aws.proxy.calls("cloudformation", "ListStackInstances")
    assert asked.form["StackSetName"] == "rollcall-member-role"


def test_a_schedule_that_is_off_starts_no_night(rollcall, deployed, aws):
    schedule = {"Name": "rollcall", "State": "DISABLED", "ScheduleExpression": "cron(0 1 * * ? *)"}
    answer = Response(200, json.dumps(schedule).encode(), {"content-type": "application/json"})
    aws.proxy.script("scheduler", "", answer, forever=True)
    assert "the schedule rollcall is disabled: no run starts by itself" in failed(rollcall("doctor"))["schedule"]


def test_without_credentials_there_is_nothing_to_check(rollcall):
    nobody = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    assert refusal(rollcall("doctor", environment=nobody)).startswith("there are no AWS credentials: log in")


def test_a_stack_that_rolled_back_is_named(rollcall, deployed, aws):
    def rolled_back(request, forward):
        answer = forward(request)
        body = answer.body.replace(b"<StackStatus>CREATE_COMPLETE<", b"<StackStatus>UPDATE_ROLLBACK_COMPLETE<")
        assert body != answer.body
        return Response(answer.status, body, answer.headers)

    aws.proxy.script("cloudformation", "DescribeStacks", rolled_back, forever=True)
    assert failed(rollcall("doctor"))["stack"].startswith("rollcall in eu-central-1 is UPDATE_ROLLBACK_COMPLETE")


def test_what_can_not_be_checked_is_named_and_not_left_out(rollcall, aws):
    denied = query_error(403, "AccessDenied", "not you")
    aws.proxy.script("cloudformation", "DescribeStacks", denied, forever=True)
    aws.proxy.script("organizations", "ListAccounts", json_error(400, "AccessDeniedException", "no"), forever=True)
    done = rollcall("doctor")
    assert set(failed(done)) == {"accounts", "stack"}
    found = checks(done)
    assert [found[name][0] for name in ("role", "output", "member-roles", "schedule")] == ["-", "-", "-", "-"]


def test_a_schedule_that_is_not_there_is_named(rollcall, deployed, aws):
    missing = Response(404, b'{"Message": "no such schedule"}', {"x-amzn-errortype": "ResourceNotFoundException"})
    aws.proxy.script("scheduler", "", missing, forever=True)
    text = failed(rollcall("doctor"))["schedule"]
    assert text.startswith("scheduler:GetSchedule of rollcall answered ResourceNotFoundException")
