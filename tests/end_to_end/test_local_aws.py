"""What the local AWS refuses and allows, where this project adds what AWS documents."""

import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config
from local_aws.emulator import sessions
from local_aws.server import REGION
from ministack.services import sts


@dataclass
class Principal:
    """Credentials in an account, and the ARN that policies name them by."""

    aws: object
    arn: str
    keys: dict

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.aws.endpoint,
            region_name=REGION,
            config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
            **self.keys,
        )


@pytest.fixture
def management():
    """A new account."""
    return new_account()


@pytest.fixture
def create(aws, management):
    """Creates accounts in the organization of `management`."""

    def create(name="Member"):
        organizations = aws.client("organizations", management)
        answer = organizations.create_account(AccountName=name, Email="member@example.com")
        return answer["CreateAccountStatus"]["AccountId"]

    return create


def new_account():
    return f"{random.randrange(10**11, 10**12)}"


def allow(action, resource="*", **statement):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **statement}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def user(aws, account_id, *statements, name="somebody"):
    """A user with the policy of these statements."""
    iam = aws.client("iam", account_id)
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="its-own", PolicyDocument=policy(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    return Principal(aws, arn, keys)


def role(aws, account_id, *statements, name="collector"):
    """A session of a role with the policy of these statements."""
    iam = aws.client("iam", account_id)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": account_id}}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="its-own", PolicyDocument=policy(*statements))
    return assumed(aws, aws.client("sts", account_id), arn)


def assumed(aws, sts, role_arn, **arguments):
    """A session of the role that `sts` assumes."""
    answer = sts.assume_role(RoleArn=role_arn, RoleSessionName="session", **arguments)
    return Principal(aws, role_arn, session_keys(answer["Credentials"]))


def session_keys(credentials):
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def bucket_of(aws, account_id, *statements):
    """A new bucket, whose policy has these statements about it and everything in it."""
    s3 = aws.client("s3", account_id)
    name = f"evidence-{random.randrange(10**12)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    if statements:
        about = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
        about_it = [{**statement, "Resource": about} for statement in statements]
        s3.put_bucket_policy(Bucket=name, Policy=policy(*about_it))
    return name


def key_of(aws, account_id, *statements):
    """The ARN of a new key; its policy has these statements, or the one that KMS makes: the account decides."""
    arguments = {"Policy": policy(*statements)} if statements else {}
    return aws.client("kms", account_id).create_key(**arguments)["KeyMetadata"]["Arn"]


def encrypted_by(key_id):
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}


def refused(call, code="AccessDenied", **arguments):
    """The message with which a call is refused."""
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        call(**arguments)
    error = raised.value.response["Error"]
    # The answer to HEAD has no body to say more.
    assert error["Code"] in (code, "403" if code == "AccessDenied" else ""), raised.value
    return error["Message"]


# Buckets across accounts.


def calls_of_a_bucket(s3, bucket):
    """Calls that read and write a bucket with one object in it, which is `there`."""
    there = {"Bucket": bucket, "Key": "there"}
    return [
        (s3.put_object, there | {"Body": b"report"}),
        (s3.get_object, there),
        (s3.head_object, there),
        (s3.list_objects_v2, {"Bucket": bucket}),
        (s3.create_multipart_upload, there),
    ]


def test_a_bucket_of_another_account_is_reached_when_both_policies_allow(aws, create):
    archive, audit = create(), create()
    collector = role(aws, audit, allow("s3:*"))
    bucket = bucket_of(aws, archive, allow("s3:*", Principal={"AWS": collector.arn}))
    s3 = collector.client("s3")
    for call, arguments in calls_of_a_bucket(s3, bucket):
        call(**arguments)
    upload_id = s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["UploadId"]
    s3.abort_multipart_upload(Bucket=bucket, Key="there", UploadId=upload_id)
    assert aws.client("s3", archive).get_object(Bucket=bucket, Key="there")["Body"].read() == b"report"


@pytest.mark.parametrize("side", ["its own policies", "the bucket policy"])
def test_a_bucket_of_another_account_is_closed_when_one_policy_does_not_allow(aws, create, side):
    archive, audit = create(), create()
    collector = role(aws, audit, allow("s3:*" if side == "the bucket policy" else "s3:ListAllMyBuckets"))
    other = role(aws, audit, name="other")
    admitted = other if side == "the bucket policy" else collector
    bucket = bucket_of(aws, archive, allow("s3:*", Principal={"AWS": admitted.arn}))
    aws.client("s3", archive).put_object(Bucket=bucket, Key="there", Body=b"report")
    for call, arguments in calls_of_a_bucket(collector.client("s3"), bucket):
        refused(call, **arguments)


def test_conditions_of_a_bucket_policy_see_the_caller_from_another_account(aws, create, management):
    archive, audit = create(), create()
    organization_id = aws.client("organizations", management).describe_organization()["Organization"]["Id"]
    collector, other = role(aws, audit, allow("s3:*")), role(aws, audit, allow("s3:*"), name="other")
    outsider = role(aws, new_account(), allow("s3:*"))
    theirs = {"StringEquals": {"aws:PrincipalOrgID": organization_id}}
    of_the_organization = bucket_of(aws, archive, allow("s3:*", Principal="*", Condition=theirs))
    its = {"ArnEquals": {"aws:PrincipalArn": collector.arn}}
    of_the_collector = bucket_of(aws, archive, allow("s3:*", Principal={"AWS": audit}, Condition=its))
    for bucket, may, may_not in [
        (of_the_organization, other, outsider),
        (of_the_collector, collector, other),
    ]:
        may.client("s3").put_object(Bucket=bucket, Key="there", Body=b"report")
        refused(may_not.client("s3").put_object, Bucket=bucket, Key="there", Body=b"report")


def test_the_account_of_a_bucket_is_that_of_its_owner(aws, create):
    archive, audit = create(), create()
    in_the_archive = {"StringEquals": {"aws:ResourceAccount": archive}}
    collector = role(aws, audit, allow("s3:*", Condition=in_the_archive))
    everybody = allow("s3:*", Principal={"AWS": audit})
    collector.client("s3").list_objects_v2(Bucket=bucket_of(aws, archive, everybody))
    refused(collector.client("s3").list_objects_v2, Bucket=bucket_of(aws, audit))
    refused(collector.client("s3").list_objects_v2, Bucket=bucket_of(aws, create(), everybody))


def test_the_organization_of_a_bucket_is_that_of_its_owner(aws, create, management):
    audit = create()
    organization_id = aws.client("organizations", management).describe_organization()["Organization"]["Id"]
    collector = role(aws, audit, allow("s3:*", Condition={"StringEquals": {"aws:ResourceOrgID": organization_id}}))
    everybody = allow("s3:*", Principal={"AWS": audit})
    collector.client("s3").list_objects_v2(Bucket=bucket_of(aws, create(), everybody))
    refused(collector.client("s3").list_objects_v2, Bucket=bucket_of(aws, new_account(), everybody))


def test_the_expected_owner_of_a_bucket_has_to_be_its_owner(aws, create):
    archive, audit = create(), create()
    collector = role(aws, audit, allow("s3:*"))
    bucket = bucket_of(aws, archive, allow("s3:*", Principal={"AWS": audit}))
    for caller in (collector.client("s3"), aws.client("s3", archive)):
        for call, arguments in calls_of_a_bucket(caller, bucket):
            call(**arguments, ExpectedBucketOwner=archive)
            refused(call, **arguments, ExpectedBucketOwner=audit)


# Keys.


def test_writing_an_encrypted_object_needs_the_permission_to_generate_a_data_key(aws, create):
    account_id = create()
    key = key_of(aws, account_id)
    bucket = bucket_of(aws, account_id)
    there = {"Bucket": bucket, "Key": "there"}
    may = user(aws, account_id, allow("s3:*"), allow("kms:GenerateDataKey", key), name="may").client("s3")
    may_not = user(aws, account_id, allow("s3:*"), allow("kms:Decrypt", key), name="may-not")

    def writes(arguments):
        for name in ("put_object", "create_multipart_upload"):
            getattr(may, name)(**there, **arguments)
            message = refused(getattr(may_not.client("s3"), name), **there, **arguments)
            assert message == (
                f"User: {may_not.arn} is not authorized to perform: kms:GenerateDataKey on resource: {key} "
                "because no identity-based policy allows the kms:GenerateDataKey action"
            )

    may_not.client("s3").put_object(**there)
    writes(encrypted_by(key))
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    aws.client("s3", account_id).put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    writes({})
    may_not.client("s3").put_object(**there, ServerSideEncryption="AES256")


def test_reading_an_encrypted_object_needs_the_permission_to_decrypt(aws, create):
    account_id = create()
    key, other_key = key_of(aws, account_id), key_of(aws, account_id)
    there = {"Bucket": bucket_of(aws, account_id), "Key": "there"}
    aws.client("s3", account_id).put_object(**there, **encrypted_by(key), Body=b"report")
    may = user(aws, account_id, allow("s3:*"), allow("kms:*", key), name="may").client("s3")
    may_not = user(aws, account_id, allow("s3:*"), allow("kms:*", other_key), name="may-not").client("s3")
    assert may.get_object(**there)["Body"].read() == b"report"
    assert "kms:Decrypt" in refused(may_not.get_object, **there)
    copy = {"Bucket": there["Bucket"], "Key": "copy", "CopySource": there}
    may.copy_object(**copy)
    assert "kms:Decrypt" in refused(may_not.copy_object, **copy)
    # The metadata is not encrypted, a checksum is.
    assert may_not.head_object(**there)["SSEKMSKeyId"] == key
    refused(may_not.head_object, **there, ChecksumMode="ENABLED")
    may.head_object(**there, ChecksumMode="ENABLED")


def test_uploading_parts_of_an_encrypted_object_needs_the_permission_to_decrypt(aws, create):
    account_id = create()
    key = key_of(aws, account_id)
    there = {"Bucket": bucket_of(aws, account_id), "Key": "there"}
    may = user(aws, account_id, allow("s3:*"), allow("kms:*", key), name="may").client("s3")
    may_not = user(aws, account_id, allow("s3:*"), allow("kms:GenerateDataKey", key), name="may-not").client("s3")
    upload = there | {"UploadId": may_not.create_multipart_upload(**there, **encrypted_by(key))["UploadId"]}
    part = {"PartNumber": 1, "Body": b"report"}
    assert "kms:Decrypt" in refused(may_not.upload_part, **upload, **part)
    parts = [{"PartNumber": 1, "ETag": may.upload_part(**upload, **part)["ETag"]}]
    may.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert may.get_object(**there)["Body"].read() == b"report"


def test_a_key_of_another_account_is_used_when_both_policies_allow(aws, create):
    archive, audit = create(), create()
    collector = role(aws, audit, allow(["s3:*", "kms:GenerateDataKey", "kms:Decrypt"]))
    without = role(aws, audit, allow("s3:*"), name="without")
    bucket = bucket_of(aws, archive, allow("s3:*", Principal={"AWS": audit}))
    delegated = allow("kms:*", Principal={"AWS": f"arn:aws:iam::{archive}:root"})
    shared = key_of(aws, archive, delegated, allow("kms:GenerateDataKey", Principal={"AWS": audit}))
    private = key_of(aws, archive, delegated)
    there = {"Bucket": bucket, "Key": "there"}
    collector.client("s3").put_object(**there, **encrypted_by(shared))
    no_policy = "because no {}-based policy allows the kms:{} action"
    for principal, call, arguments, because in [
        (collector, "put_object", encrypted_by(private), no_policy.format("resource", "GenerateDataKey")),
        (without, "put_object", encrypted_by(shared), no_policy.format("identity", "GenerateDataKey")),
        (collector, "get_object", {}, no_policy.format("resource", "Decrypt")),
    ]:
        assert because in refused(getattr(principal.client("s3"), call), **there, **arguments)
    aws.client("s3", archive).get_object(**there)


def test_users_of_a_key_in_its_own_account_need_its_policy_too(aws, create):
    account_id = create()
    writer = user(aws, account_id, allow(["s3:*", "kms:*"]), name="writer")
    named = user(aws, account_id, allow("s3:*"), name="named")
    there = {"Bucket": bucket_of(aws, account_id), "Key": "there"}
    key = key_of(aws, account_id, allow("kms:*", Principal={"AWS": named.arn}))
    named.client("s3").put_object(**there, **encrypted_by(key))
    assert "because no resource-based policy" in refused(writer.client("s3").put_object, **there, **encrypted_by(key))


@pytest.mark.parametrize(
    ("condition", "otherwise"),
    [
        ("kms:ViaService", f"s3.{REGION}.amazonaws.com"),
        ("kms:CallerAccount", "the account"),
        ("kms:EncryptionContext:aws:s3:arn", "the object"),
        ("aws:PrincipalArn", "the user"),
        ("aws:PrincipalOrgID", "the organization"),
    ],
)
def test_conditions_of_a_key_policy_see_the_request_of_s3(aws, create, management, condition, otherwise):
    account_id = create()
    writer = user(aws, account_id, allow(["s3:*", "kms:*"]))
    there = {"Bucket": bucket_of(aws, account_id), "Key": "there"}
    value = {
        "the account": account_id,
        "the object": f"arn:aws:s3:::{there['Bucket']}/there",
        "the user": writer.arn,
        "the organization": aws.client("organizations", management).describe_organization()["Organization"]["Id"],
    }.get(otherwise, otherwise)
    principal = {"AWS": f"arn:aws:iam::{account_id}:root"}
    for expected, call in [(value, lambda call, **arguments: call(**arguments)), (f"not-{value}", refused)]:
        only_then = {"StringEquals": {condition: expected}}
        key = key_of(aws, account_id, allow("kms:*", Principal=principal, Condition=only_then))
        call(writer.client("s3").put_object, **there, **encrypted_by(key))


def test_a_bucket_key_is_used_for_all_of_the_bucket(aws, create):
    account_id = create()
    writer = user(aws, account_id, allow(["s3:*", "kms:*"]))
    bucket = bucket_of(aws, account_id)
    of_the_bucket = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}"}}
    principal = {"AWS": f"arn:aws:iam::{account_id}:root"}
    key = key_of(aws, account_id, allow("kms:*", Principal=principal, Condition=of_the_bucket))
    write = {"Bucket": bucket, "Key": "there", **encrypted_by(key)}
    refused(writer.client("s3").put_object, **write)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    aws.client("s3", account_id).put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    writer.client("s3").put_object(**write)


def test_a_key_is_named_by_its_arn_its_id_or_an_alias(aws, create):
    account_id = create()
    kms = aws.client("kms", account_id)
    key = key_of(aws, account_id)
    kms.create_alias(AliasName="alias/reports", TargetKeyId=key)
    key_id = key.rpartition("/")[2]
    may = user(aws, account_id, allow("s3:*"), allow("kms:*", key), name="may").client("s3")
    may_not = user(aws, account_id, allow("s3:*"), name="may-not").client("s3")
    there = {"Bucket": bucket_of(aws, account_id), "Key": "there"}
    for name in (key, key_id, "alias/reports", f"{key.rpartition(':')[0]}:alias/reports"):
        assert may.put_object(**there, **encrypted_by(name))["SSEKMSKeyId"] == key
        assert key in refused(may_not.put_object, **there, **encrypted_by(name))
    refused(may.put_object, "KMS.NotFoundException", **there, **encrypted_by("alias/no-such-key"))
    kms.disable_key(KeyId=key_id)
    refused(may.put_object, "KMS.DisabledException", **there, **encrypted_by(key))


def test_publishing_to_an_encrypted_topic_needs_the_permissions_to_generate_a_data_key_and_to_decrypt(aws, create):
    account_id = create()
    sns = aws.client("sns", account_id)
    through_the_topic = {
        "kms:ViaService": f"sns.{REGION}.amazonaws.com",
        "kms:EncryptionContext:aws:sns:topicArn": f"arn:aws:sns:{REGION}:{account_id}:alerts",
    }
    principal = {"AWS": f"arn:aws:iam::{account_id}:root"}
    key = key_of(aws, account_id, allow("kms:*", Principal=principal, Condition={"StringEquals": through_the_topic}))
    topic = {"TopicArn": sns.create_topic(Name="alerts", Attributes={"KmsMasterKeyId": key})["TopicArn"]}
    in_clear = {"TopicArn": sns.create_topic(Name="in-clear")["TopicArn"]}
    needed = ["kms:GenerateDataKey", "kms:Decrypt"]
    for number, permissions in enumerate([needed[:1], needed[1:], needed]):
        principal = user(aws, account_id, allow("sns:*"), allow(permissions, key), name=f"publisher-{number}")
        publisher = principal.client("sns")
        publisher.publish(**in_clear, Message="found")
        if permissions == needed:
            publisher.publish(**topic, Message="found")
        else:
            (missing,) = set(needed) - set(permissions)
            assert f"perform: {missing} on resource: {key}" in refused(
                publisher.publish, "KMSAccessDenied", **topic, Message="found"
            )


# Organizations.


def test_created_accounts_are_members_of_the_organization(aws, create, management):
    member, outsider = create(), new_account()
    organization = aws.client("organizations", management).describe_organization()["Organization"]
    assert aws.client("organizations", member).describe_organization()["Organization"] == organization
    assert aws.client("organizations", outsider).describe_organization()["Organization"]["Id"] != organization["Id"]


READS = {
    "list_accounts": lambda unit, member: {},
    "list_roots": lambda unit, member: {},
    "list_delegated_administrators": lambda unit, member: {},
    "list_accounts_for_parent": lambda unit, member: {"ParentId": unit["Id"]},
    "list_organizational_units_for_parent": lambda unit, member: {"ParentId": unit["Id"]},
    "describe_organizational_unit": lambda unit, member: {"OrganizationalUnitId": unit["Id"]},
    "describe_account": lambda unit, member: {"AccountId": member},
    "list_parents": lambda unit, member: {"ChildId": member},
    "list_delegated_services_for_account": lambda unit, member: {"AccountId": member},
}


def test_only_a_delegated_administrator_among_the_members_reads_the_organization(aws, create, management):
    audit, member = create("Audit"), create()
    organizations = aws.client("organizations", management)
    root_id = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root_id, Name="Workloads")["OrganizationalUnit"]
    organizations.register_delegated_administrator(AccountId=audit, ServicePrincipal="access-analyzer.amazonaws.com")

    def read(account_id, name):
        answer = getattr(aws.client("organizations", account_id), name)(**READS[name](unit, member))
        return {key: value for key, value in answer.items() if key != "ResponseMetadata"}

    for name in READS:
        assert read(audit, name) == read(management, name)
        message = refused(read, "AccessDeniedException", account_id=member, name=name)
        assert message == "You don't have permissions to access this resource."
    organizations.deregister_delegated_administrator(AccountId=audit, ServicePrincipal="access-analyzer.amazonaws.com")
    refused(read, "AccessDeniedException", account_id=audit, name="list_accounts")


def test_the_management_account_makes_delegated_administrators(aws, create, management):
    audit, member = create("Audit"), create()
    organizations = aws.client("organizations", management)
    service = {"AccountId": audit, "ServicePrincipal": "access-analyzer.amazonaws.com"}
    register = organizations.register_delegated_administrator
    deregister = organizations.deregister_delegated_administrator
    register(**service)
    refused(register, "AccountAlreadyRegisteredException", **service)
    refused(register, "AccountNotFoundException", **service | {"AccountId": new_account()})
    refused(register, "ConstraintViolationException", **service | {"AccountId": management})
    refused(deregister, "AccountNotRegisteredException", **service | {"AccountId": member})
    administrators = organizations.list_delegated_administrators()["DelegatedAdministrators"]
    assert [(account["Id"], account["Name"]) for account in administrators] == [(audit, "Audit")]
    of_another = organizations.list_delegated_administrators(ServicePrincipal="config.amazonaws.com")
    assert of_another["DelegatedAdministrators"] == []
    (served,) = organizations.list_delegated_services_for_account(AccountId=audit)["DelegatedServices"]
    assert served["ServicePrincipal"] == service["ServicePrincipal"]
    # Being one is not enough to make another, or an account.
    theirs = aws.client("organizations", audit)
    refused(theirs.register_delegated_administrator, "AccessDeniedException", **service | {"AccountId": member})
    refused(theirs.create_account, "AccessDeniedException", AccountName="Another", Email="another@example.com")
    deregister(**service)
    assert organizations.list_delegated_administrators()["DelegatedAdministrators"] == []


def test_policies_of_a_delegated_administrator_name_the_organization_of_the_management_account(aws, create, management):
    audit, member = create("Audit"), create()
    organizations = aws.client("organizations", management)
    organizations.register_delegated_administrator(AccountId=audit, ServicePrincipal="access-analyzer.amazonaws.com")
    organization_id = organizations.describe_organization()["Organization"]["Id"]
    accounts = f"arn:aws:organizations::{management}:account/{organization_id}/*"
    collector = role(aws, audit, allow("organizations:DescribeAccount", accounts)).client("organizations")
    other = f"arn:aws:organizations::{audit}:account/{organization_id}/*"
    misled = role(aws, audit, allow("organizations:DescribeAccount", other), name="misled").client("organizations")
    assert collector.describe_account(AccountId=member)["Account"]["Id"] == member
    refused(misled.describe_account, "AccessDeniedException", AccountId=member)
    refused(collector.list_accounts, "AccessDeniedException")


# MFA.


@pytest.fixture
def guarded(aws, create):
    """A user with an MFA device, its serial number, and a role that asks for MFA."""
    account_id = create()
    iam = aws.client("iam", account_id)
    with_mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    anna = user(aws, account_id, allow("sts:*"), allow("iam:ListUsers", Condition=with_mfa), name="anna")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="anna")["VirtualMFADevice"]["SerialNumber"]
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    iam.enable_mfa_device(UserName="anna", SerialNumber=serial, **codes)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": account_id}, "Condition": with_mfa}
    arn = iam.create_role(RoleName="guarded", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    allowed = policy(allow("iam:ListRoles"), allow("iam:ListUsers", Condition=with_mfa))
    iam.put_role_policy(RoleName="guarded", PolicyName="its-own", PolicyDocument=allowed)
    return anna, serial, arn


def test_a_role_that_asks_for_mfa_is_assumed_with_it(aws, guarded):
    anna, serial, role_arn = guarded
    sts = anna.client("sts")
    refused(assumed, aws=aws, sts=sts, role_arn=role_arn)
    session = assumed(aws, sts, role_arn, SerialNumber=serial, TokenCode="123456")
    session.client("iam").list_roles()
    # AWS says nothing of the MFA in a session of AssumeRole.
    refused(session.client("iam").list_users)


def test_the_mfa_device_must_be_the_callers_own(aws, guarded):
    anna, serial, role_arn = guarded
    other = user(aws, role_arn.split(":")[4], allow("sts:*"), name="ben").client("sts")
    code = {"TokenCode": "123456"}
    message = refused(assumed, aws=aws, sts=other, role_arn=role_arn, SerialNumber=serial, **code)
    assert message.startswith("MultiFactorAuthentication failed")
    sts = anna.client("sts")
    refused(assumed, aws=aws, sts=sts, role_arn=role_arn, SerialNumber=f"{serial}-of-nobody", **code)


def test_a_session_of_get_session_token_says_whether_there_was_mfa(aws, guarded):
    anna, serial, role_arn = guarded
    sts = anna.client("sts")
    refused(anna.client("iam").list_users)
    for arguments, call in [({}, refused), ({"SerialNumber": serial, "TokenCode": "123456"}, lambda call: call())]:
        keys = session_keys(sts.get_session_token(**arguments)["Credentials"])
        session = Principal(aws, anna.arn, keys)
        call(session.client("iam").list_users)
        call(lambda: assumed(aws, session.client("sts"), role_arn))


def test_sessions_can_be_made_at_the_same_time(monkeypatch):
    made = {}
    monkeypatch.setattr(sts, "_sessions", made)
    interval = sys.getswitchinterval()
    # Threads take turns as often as they can: what can go wrong between them does.
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda number: sessions._register_session(f"ASIA{number}", {}), range(4000)))
    finally:
        sys.setswitchinterval(interval)
    assert len(made) == 4000


# Stacks.


def deploy(aws, account_id, resources):
    """A stack with these resources, deployed."""
    cloudformation = aws.client("cloudformation", account_id)
    cloudformation.create_stack(StackName="evidence", TemplateBody=json.dumps({"Resources": resources}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="evidence", WaiterConfig={"Delay": 1})


def test_a_bucket_is_deployed_with_all_its_protection(aws, create):
    account_id = create()
    key = key_of(aws, account_id)
    names = {what: f"{what}-{random.randrange(10**12)}" for what in ("evidence", "logs")}
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 30}}
    by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    kept = {"NoncurrentVersionExpiration": {"NoncurrentDays": 90}}
    properties = {
        "BucketName": names["evidence"],
        "ObjectLockEnabled": True,
        "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": rule},
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": by_key}]
        },
        "LifecycleConfiguration": {"Rules": [{"Id": "kept", "Status": "Enabled", "ExpirationInDays": 400, **kept}]},
        "LoggingConfiguration": {"DestinationBucketName": {"Ref": "Logs"}, "LogFilePrefix": "evidence/"},
    }
    logs = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": names["logs"]}}
    deploy(aws, account_id, {"Evidence": {"Type": "AWS::S3::Bucket", "Properties": properties}, "Logs": logs})
    s3, bucket = aws.client("s3", account_id), {"Bucket": names["evidence"]}
    lock = s3.get_object_lock_configuration(**bucket)["ObjectLockConfiguration"]
    assert lock == {"ObjectLockEnabled": "Enabled", "Rule": rule}
    encryption = s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"]
    assert encryption == {"Rules": [{"ApplyServerSideEncryptionByDefault": by_key, "BucketKeyEnabled": True}]}
    (lifecycle,) = s3.get_bucket_lifecycle_configuration(**bucket)["Rules"]
    expected = {"ID": "kept", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 400}, **kept}
    assert lifecycle == expected
    logging = s3.get_bucket_logging(**bucket)["LoggingEnabled"]
    assert logging == {"TargetBucket": names["logs"], "TargetPrefix": "evidence/"}
    version = s3.put_object(**bucket, Key="there")["VersionId"]
    refused(s3.delete_object, **bucket, Key="there", VersionId=version)
    s3.delete_object(Bucket=names["logs"], Key="there")


def test_a_topic_and_a_state_machine_are_deployed_with_what_they_are_given(aws, create):
    account_id = create()
    key = key_of(aws, account_id)
    definition = {"StartAt": "End", "States": {"End": {"Type": "Pass", "End": True}}}
    machine = {
        "StateMachineName": "nightly",
        "DefinitionString": json.dumps(definition),
        "RoleArn": f"arn:aws:iam::{account_id}:role/nightly",
        "LoggingConfiguration": {"Level": "ALL", "IncludeExecutionData": True},
        "TracingConfiguration": {"Enabled": True},
    }
    resources = {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alerts", "KmsMasterKeyId": key}},
        "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine},
    }
    deploy(aws, account_id, resources)
    topic = f"arn:aws:sns:{REGION}:{account_id}:alerts"
    attributes = aws.client("sns", account_id).get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["KmsMasterKeyId"] == key
    described = aws.client("stepfunctions", account_id).describe_state_machine(
        stateMachineArn=f"arn:aws:states:{REGION}:{account_id}:stateMachine:nightly"
    )
    assert described["loggingConfiguration"] == {"level": "ALL", "includeExecutionData": True}
    assert described["tracingConfiguration"] == {"enabled": True}
