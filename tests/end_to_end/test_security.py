"""What IAM and bucket policies refuse, on the deployed template."""

import json

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config
from local_aws.organization import MANAGEMENT
from local_aws.server import REGION


def refused(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), error.value


def user(aws, account_id, name):
    """Keys of a user that may do anything its own account allows."""
    iam = aws.client("iam", account_id)
    iam.create_user(UserName=name)
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="everything", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def test_only_the_collector_may_assume_the_member_role(aws, stack, org):
    for account_id, name in [(MANAGEMENT, "administrator"), (org.accounts["Network"], "outsider")]:
        sts = boto3.client("sts", endpoint_url=aws.endpoint, region_name=REGION, **user(aws, account_id, name))
        role_arn = f"arn:aws:iam::{org.accounts['Audit']}:role/rollcall-member"
        refused(sts.assume_role, RoleArn=role_arn, RoleSessionName="intruder")


def test_the_member_role_may_make_two_calls(aws, stack, org):
    audit = aws.client("iam", org.accounts["Audit"])
    names = audit.list_role_policies(RoleName="rollcall-member")["PolicyNames"]
    attached = audit.list_attached_role_policies(RoleName="rollcall-member")["AttachedPolicies"]
    assert (names, attached) == (["credential-report"], [])
    statements = audit.get_role_policy(RoleName="rollcall-member", PolicyName="credential-report")["PolicyDocument"]
    assert [statement["Action"] for statement in statements["Statement"]] == [
        ["iam:GenerateCredentialReport", "iam:GetCredentialReport"]
    ]


def test_the_evidence_is_not_read_without_tls(aws, stack, org):
    stack.start(accounts=[org.accounts["Audit"]])
    key = next(key for key in stack.keys() if key.endswith("run.json"))
    over_tls = aws.client("s3", MANAGEMENT)
    over_tls.get_object(Bucket=stack.bucket, Key=key)
    in_clear = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{aws.upstream_port}",
        region_name=REGION,
        config=Config(s3={"addressing_style": "path"}),
        **user(aws, MANAGEMENT, "in-clear"),
    )
    refused(in_clear.get_object, Bucket=stack.bucket, Key=key)


def test_the_new_buckets_are_private_and_the_evidence_is_versioned(aws, stack):
    s3 = aws.client("s3", MANAGEMENT)
    for bucket in (stack.bucket, stack.outputs["WorkBucketName"]):
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert set(block.values()) == {True}
        owner = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
        assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_bucket_versioning(Bucket=stack.bucket)["Status"] == "Enabled"


def test_a_step_may_do_only_its_own_work(aws, stack):
    iam = aws.client("iam", MANAGEMENT)
    allowed = {}
    for step in ("list-accounts", "collect-report", "analyze-reports", "notify"):
        document = iam.get_role_policy(RoleName=f"{stack.stack}-{step}", PolicyName=step)["PolicyDocument"]
        # The lock of the state machine lies in the work bucket, and is no evidence.
        statements = [statement for statement in document["Statement"] if statement["Sid"] != "Lock"]
        actions = [statement["Action"] for statement in statements]
        allowed[step] = {a for action in actions for a in ([action] if isinstance(action, str) else action)}
    assert not any("*" in action for actions in allowed.values() for action in actions)
    assert [step for step in allowed if "sts:AssumeRole" in allowed[step]] == ["collect-report"]
    assert [step for step in allowed if "sns:Publish" in allowed[step]] == ["notify"]
    assert [step for step in allowed if "s3:GetObject" in allowed[step]] == ["analyze-reports", "notify"]
    assert [step for step in allowed if "organizations:ListAccounts" in allowed[step]] == ["list-accounts"]
