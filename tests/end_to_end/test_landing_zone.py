"""A landing zone: Rollcall in an audit account, a delegated administrator, the evidence in a log-archive
account. Three deployments, in the order of docs/deploy.md, and nothing edited by hand after them."""

import hashlib
import json
import re
import uuid

import boto3
import pytest
from local_aws import deployment, organization
from local_aws.organization import MANAGEMENT
from local_aws.server import REGION

from conftest import ACCOUNTS

MEMBER_ROLE = "rollcall-audit-member"
ROLE_TO_SESSION = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "%s"}}]}'
EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


@pytest.fixture(scope="module")
def auditor(running_aws, org):
    """A user of the log-archive account: its ARN, its keys and its MFA device."""
    iam = running_aws.client("iam", org.accounts["Log Archive"])
    arn = iam.create_user(UserName="auditor")["User"]["Arn"]
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="auditor", PolicyName="assume", PolicyDocument=document)
    serial = organization.enable_mfa(iam, "auditor", "auditor")
    return arn, iam.create_access_key(UserName="auditor")["AccessKey"], serial


@pytest.fixture(scope="module")
def archive(running_aws, folder, org, auditor):
    """The log archive: the outputs of its stack. It is deployed first, when no role of the run exists."""
    account_id = org.accounts["Log Archive"]
    running_aws.client("s3", account_id).create_bucket(
        Bucket="access-logs-of-ours", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    parameters = {
        "CollectorAccountId": org.accounts["Audit"],
        "CollectorStackName": "rollcall-audit",
        "OrganizationId": org.id,
        "AuditorPrincipalArns": auditor[0],
        "AccessLogBucketName": "access-logs-of-ours",
        "ObjectLockDays": 30,
        "TransitionDays": 90,
        "ExpirationDays": 730,
        "NoncurrentVersionDays": 400,
    }
    command = [*deployment.DEPLOY_ALONE, "templates/log-archive.yml"]
    return deployment.deploy(running_aws, folder, "rollcall-log-archive", account_id, parameters, command)


@pytest.fixture(scope="module")
def zone(running_aws, folder, org, built, archive):
    """The stack in the audit account."""
    running_aws.proxy.reset()
    running_aws.client("organizations", MANAGEMENT).register_delegated_administrator(
        AccountId=org.accounts["Audit"], ServicePrincipal="member.org.stacksets.cloudformation.amazonaws.com"
    )
    stack = deployment.Deployment(
        running_aws,
        folder,
        stack="rollcall-audit",
        account_id=org.accounts["Audit"],
        OrganizationId=org.id,
        DelegatedAdministrator="true",
        MemberRoleName=MEMBER_ROLE,
        BucketStatus="Existing",
        BucketName=archive["BucketName"],
        BucketAccountId=archive["BucketAccountId"],
        KmsKeyStatus="Existing",
        KmsKeyArn=archive["KmsKeyArn"],
        PollSeconds=0,
    )
    # In the management account, too, it is a plain stack: a StackSet of the service never reaches it.
    collector_role_arn = stack.outputs["CollectorRoleArn"]
    organization.deploy_member_roles(running_aws, org, collector_role_arn, ACCOUNTS, role_name=MEMBER_ROLE)
    return stack


@pytest.fixture(scope="module")
def night(running_aws, zone):
    """One night: its execution, its manifest and the requests it made."""
    running_aws.proxy.reset()
    execution = zone.start()
    assert execution["status"] == "SUCCEEDED", execution
    requests = list(running_aws.proxy.requests)
    return execution, zone.manifest(execution), requests


def test_every_account_is_collected_the_management_account_by_its_role_and_the_collectors_own_without_one(night, org):
    _, manifest, requests = night
    outcomes = {account["account_id"]: account for account in manifest["accounts"]}
    assert set(outcomes) == set(org.accounts.values())
    assert len(outcomes) >= 25 + 3, "25 members besides management, audit and log archive"
    collected = {account_id for account_id, account in outcomes.items() if account["outcome"] == "collected"}
    special = {org.accounts[name] for name, _, what in ACCOUNTS if what}
    assert collected == set(outcomes) - special
    assert (manifest["source"], manifest["organization_id"]) == ("organization", org.id)
    assumed = {request.account for request in requests if request.action == "AssumeRole"}
    assert MANAGEMENT in assumed
    assert org.accounts["Audit"] not in assumed


def test_all_evidence_is_in_the_log_archive_and_only_the_maps_items_in_the_audit_account(night, zone, archive, aws, org):
    _, manifest, requests = night
    writes = [request for request in requests if request.action == "PutObject"]
    by_bucket = {}
    for request in writes:
        bucket, key = request.path.lstrip("/").split("?")[0].split("/", 1)
        by_bucket.setdefault(bucket, []).append((key, request.headers))
    work = by_bucket.pop(zone.outputs["WorkBucketName"])
    # A lock that is there already is written twice: tried as a new one, and taken over.
    assert {re.sub(r"[^/]+\.json$", "EXECUTION.json", key) if "/" in key else key for key, _ in work} == {
        f"{manifest['date']}/to-collect/EXECUTION.json",
        "running.json",
    }
    assert set(by_bucket) == {archive["BucketName"]}
    for key, headers in by_bucket[archive["BucketName"]]:
        assert headers["x-amz-expected-bucket-owner"] == org.accounts["Log Archive"], key
        assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == archive["KmsKeyArn"], key
    stored = aws.client("s3", org.accounts["Log Archive"])
    for account in manifest["accounts"]:
        if account["outcome"] == "collected":
            content = stored.get_object(Bucket=archive["BucketName"], Key=account["report"]["key"])["Body"].read()
            assert hashlib.sha256(content).hexdigest() == account["report"]["sha256"]


def test_the_bucket_is_kept_as_its_parameters_say(night, archive, aws, org):
    s3, bucket = aws.client("s3", org.accounts["Log Archive"]), archive["BucketName"]
    lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 30}
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["Transitions"] == [{"StorageClass": "GLACIER_IR", "Days": 90}]
    assert rule["Expiration"]["Days"] == 730
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 400
    logging = s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]
    assert (logging["TargetBucket"], logging["TargetPrefix"]) == ("access-logs-of-ours", "rollcall/")
    (version, *_) = s3.list_object_versions(Bucket=bucket, Prefix=night[1]["date"])["Versions"]
    with pytest.raises(s3.exceptions.ClientError) as refused:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def session(aws, role_arn, keys, **mfa):
    """S3 as a role, assumed with a user's keys."""
    sts = boto3.client("sts", endpoint_url=aws.endpoint, region_name=REGION, **keys)
    credentials = sts.assume_role(RoleArn=role_arn, RoleSessionName="test", **mfa)["Credentials"]
    return s3_with(
        aws,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def s3_with(aws, **keys):
    return boto3.client("s3", endpoint_url=aws.endpoint, region_name=REGION, **keys)


def keys_of(access_key):
    return {"aws_access_key_id": access_key["AccessKeyId"], "aws_secret_access_key": access_key["SecretAccessKey"]}


def code(call, **arguments):
    """The code that a call is refused with."""
    with pytest.raises(boto3.client("s3", region_name=REGION).exceptions.ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"]


def administrator(aws, account_id, role_name):
    """S3 as a role that may do anything its own account allows."""
    iam = aws.client("iam", account_id)
    user = f"user-{uuid.uuid4().hex[:8]}"
    user_arn = iam.create_user(UserName=user)["User"]["Arn"]
    iam.put_user_policy(UserName=user, PolicyName="everything", PolicyDocument=EVERYTHING)
    role = iam.create_role(RoleName=role_name, AssumeRolePolicyDocument=ROLE_TO_SESSION % user_arn)["Role"]
    iam.put_role_policy(RoleName=role_name, PolicyName="everything", PolicyDocument=EVERYTHING)
    return session(aws, role["Arn"], keys_of(iam.create_access_key(UserName=user)["AccessKey"]))


def test_no_other_role_of_the_audit_account_can_read_the_evidence(night, aws, org, archive):
    key = f"{night[1]['date']}/run.json"
    stranger = administrator(aws, org.accounts["Audit"], f"administrator-{uuid.uuid4().hex[:8]}")
    bucket = archive["BucketName"]
    assert code(stranger.get_object, Bucket=bucket, Key=key) == "AccessDenied"
    assert code(stranger.put_object, Bucket=bucket, Key=key, Body=b"{}") == "AccessDenied"
    assert code(stranger.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert code(stranger.delete_object, Bucket=bucket, Key=key) == "AccessDenied"


def test_a_role_of_the_same_name_in_another_account_can_read_nothing(night, aws, org, archive):
    namesake = administrator(aws, org.accounts["Network"], "rollcall-audit-collect-report")
    key = f"{night[1]['date']}/reports/credentialReport_{org.accounts['Network']}.csv"
    assert code(namesake.put_object, Bucket=archive["BucketName"], Key=key, Body=b"") == "AccessDenied"


@pytest.fixture
def key_policy(aws, org, archive):
    """Changes the key's policy for one test."""
    kms = aws.client("kms", org.accounts["Log Archive"])
    policy = kms.get_key_policy(KeyId=archive["KmsKeyArn"], PolicyName="default")["Policy"]

    def without(sid):
        document = json.loads(policy)
        document["Statement"] = [statement for statement in document["Statement"] if statement["Sid"] != sid]
        kms.put_key_policy(KeyId=archive["KmsKeyArn"], PolicyName="default", Policy=json.dumps(document))

    yield without
    kms.put_key_policy(KeyId=archive["KmsKeyArn"], PolicyName="default", Policy=policy)


def test_a_key_that_does_not_admit_the_run_fails_it_and_names_call_and_key(aws, zone, key_policy, archive):
    key_policy("TheRunWrites")
    execution = zone.start()
    assert (execution["status"], execution["error"]) == ("FAILED", "StorageFailed")
    assert "kms:GenerateDataKey" in execution["cause"] and archive["KmsKeyArn"] in execution["cause"]
    key_policy("TheRunReads")
    execution = zone.start()
    assert (execution["status"], execution["error"]) == ("FAILED", "StorageFailed")
    assert "kms:Decrypt" in execution["cause"] and archive["KmsKeyArn"] in execution["cause"]


def test_a_bucket_of_the_same_name_in_the_wrong_account_is_not_written_to(aws, zone, archive, org):
    functions = aws.client("lambda", org.accounts["Audit"])
    name = "rollcall-audit-list-accounts"
    environment = functions.get_function_configuration(FunctionName=name)["Environment"]
    other = {"Variables": environment["Variables"] | {"REPORT_BUCKET_ACCOUNT": org.accounts["Network"]}}
    functions.update_function_configuration(FunctionName=name, Environment=other)
    try:
        execution = zone.start()
    finally:
        functions.update_function_configuration(FunctionName=name, Environment=environment)
    assert (execution["status"], execution["error"]) == ("FAILED", "StorageFailed")
    assert f"the bucket has to be one of account {org.accounts['Network']}" in execution["cause"]


def test_an_account_without_access_to_organizations_gets_an_error_that_says_so(aws, zone, org):
    administrators = aws.client("organizations", MANAGEMENT)
    registered = {
        "AccountId": org.accounts["Audit"],
        "ServicePrincipal": "member.org.stacksets.cloudformation.amazonaws.com",
    }
    administrators.deregister_delegated_administrator(**registered)
    try:
        execution = zone.start()
    finally:
        administrators.register_delegated_administrator(**registered)
    assert (execution["status"], execution["error"]) == ("FAILED", "OrganizationsDenied")
    assert "delegated administrator" in execution["cause"]


def test_an_auditor_reads_with_mfa_what_a_run_wrote_and_nothing_else(night, aws, archive, auditor):
    _, access_key, serial = auditor
    role_arn, bucket = archive["AuditorRoleArn"], archive["BucketName"]
    sts = boto3.client("sts", endpoint_url=aws.endpoint, region_name=REGION, **keys_of(access_key))
    assert code(sts.assume_role, RoleArn=role_arn, RoleSessionName="test") == "AccessDenied"

    s3 = session(aws, role_arn, keys_of(access_key), SerialNumber=serial, TokenCode="123456")
    date = night[1]["date"]
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=f"{date}/")["Contents"]]
    assert f"{date}/run.json" in keys
    for key in keys:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    assert s3.list_object_versions(Bucket=bucket, Prefix=f"{date}/")["Versions"]
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert code(s3.put_object, Bucket=bucket, Key=f"{date}/run.json", Body=b"{}") == "AccessDenied"
    assert code(s3.delete_object, Bucket=bucket, Key=f"{date}/run.json") == "AccessDenied"
    assert code(s3.list_objects_v2, Bucket=bucket, Prefix="somebody-elses/") == "AccessDenied"


def test_a_user_with_the_auditors_policy_reads_nothing_without_mfa(night, aws, org, archive):
    iam = aws.client("iam", org.accounts["Log Archive"])
    user = f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=user)
    iam.attach_user_policy(UserName=user, PolicyArn=archive["AuditorPolicyArn"])
    s3 = s3_with(aws, **keys_of(iam.create_access_key(UserName=user)["AccessKey"]))
    bucket, date = archive["BucketName"], night[1]["date"]
    assert code(s3.get_object, Bucket=bucket, Key=f"{date}/run.json") == "AccessDenied"
    assert code(s3.list_objects_v2, Bucket=bucket, Prefix=f"{date}/") == "AccessDenied"
    assert code(s3.list_object_versions, Bucket=bucket, Prefix=f"{date}/") == "AccessDenied"
    assert code(s3.get_bucket_versioning, Bucket=bucket) == "AccessDenied"
