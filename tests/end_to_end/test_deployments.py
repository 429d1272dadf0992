"""Other ways to deploy: parts of the organization, a plain list, an existing bucket and key."""

import hashlib

import pytest
from local_aws import deployment
from local_aws.organization import MANAGEMENT


def test_organizational_units_are_covered_at_any_depth_and_lists_choose_among_their_accounts(aws, folder, org, deployed):
    stack = deployment.Deployment(
        aws,
        folder,
        stack="rollcall-units",
        OrganizationId=org.id,
        OrganizationalUnitIds=f"{org.units['Workloads']},{org.units['Workloads/Production']}",
        ExcludeAccountIds=org.accounts["Data Platform"],
        KmsKeyStatus="None",
    )
    manifest = stack.manifest(stack.start())
    outcomes = {account["name"]: account for account in manifest["accounts"]}
    assert set(outcomes) == {
        "Shop Production", "Payments Production", "Data Platform",
        "Shop Development", "Payments Development", "Mobile Development",
    }  # fmt: skip
    assert outcomes["Data Platform"]["reason"] == "excluded"
    assert manifest["source"] == "organizational-units"
    # The member roles trust another stack's collector: nobody but that one gets in.
    assert outcomes["Shop Production"]["code"] == "RoleMissingOrDenied"


def test_a_plain_list_of_accounts_asks_organizations_nothing(aws, folder, org, built):
    stack = deployment.Deployment(aws, folder, stack="rollcall-plain", AccountIds=MANAGEMENT)
    aws.proxy.reset()
    manifest = stack.manifest(stack.start())
    assert [(account["account_id"], account["outcome"]) for account in manifest["accounts"]] == [(MANAGEMENT, "collected")]
    assert manifest["source"] == "account-list"
    assert [request.action for request in aws.proxy.requests if request.service == "organizations"] == []


def test_an_existing_bucket_and_key_are_used(aws, folder, org, built):
    s3 = aws.client("s3", MANAGEMENT)
    region = {"LocationConstraint": s3.meta.region_name}
    s3.create_bucket(Bucket="evidence-of-ours", CreateBucketConfiguration=region)
    key_arn = aws.client("kms", MANAGEMENT).create_key()["KeyMetadata"]["Arn"]
    stack = deployment.Deployment(
        aws,
        folder,
        stack="rollcall-existing",
        AccountIds=MANAGEMENT,
        BucketStatus="Existing",
        BucketName="evidence-of-ours",
        KmsKeyStatus="Existing",
        KmsKeyArn=key_arn,
    )
    assert stack.bucket == "evidence-of-ours"
    aws.proxy.reset()
    manifest = stack.manifest(stack.start())
    (account,) = manifest["accounts"]
    content, _ = stack.read(account["report"]["key"])
    assert hashlib.sha256(content).hexdigest() == account["report"]["sha256"]
    writes = [request for request in aws.proxy.requests if request.action == "PutObject" and "evidence-of-ours" in request.path]
    written = {request.path.split("?")[0].rsplit("/", 1)[1] for request in writes}
    report = f"credentialReport_{MANAGEMENT}.csv"
    tables = {"accounts.jsonl", "symlink.txt"}
    assert written == {"accounts.json", report, "findings.csv", "findings.jsonl", "summary.html", "run.json"} | tables
    assert {request.headers["x-amz-server-side-encryption-aws-kms-key-id"] for request in writes} == {key_arn}


def test_logs_traces_and_encryption_are_as_the_parameters_say(aws, folder, org, built, deployed):
    stack = deployment.Deployment(
        aws,
        folder,
        stack="rollcall-operated",
        AccountIds=MANAGEMENT,
        KmsKeyStatus="None",
        Tracing="true",
        LogLevel="WARN",
        EncryptMessagesAndLogs="false",
    )
    assert stack.start()["status"] == "SUCCEEDED"
    functions, logs = aws.client("lambda", MANAGEMENT), aws.client("logs", MANAGEMENT)
    for step, level in (("collect-report", "WARN"), ("analyze-reports", "INFO")):
        configuration = functions.get_function_configuration(FunctionName=f"rollcall-operated-{step}")
        assert configuration["TracingConfig"]["Mode"] == "Active"
        assert configuration["LoggingConfig"]["ApplicationLogLevel"] == level, "metrics are a line at INFO"
    configuration = functions.get_function_configuration(FunctionName="rollcall-collect-report")
    assert configuration["TracingConfig"]["Mode"] == "PassThrough"
    assert configuration["LoggingConfig"]["ApplicationLogLevel"] == "INFO"
    topics = aws.client("sns", MANAGEMENT)
    for of, encrypted in ((stack, False), (deployed, True)):
        (group,) = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{of.stack}-collect-report")["logGroups"]
        attributes = topics.get_topic_attributes(TopicArn=of.outputs["ErrorTopicArn"])["Attributes"]
        assert bool(group.get("kmsKeyId")) == bool(attributes.get("KmsMasterKeyId")) == encrypted, of.stack
    policy = aws.client("iam", MANAGEMENT).get_role_policy(RoleName="rollcall-operated-notify", PolicyName="notify")
    traces = [s for s in policy["PolicyDocument"]["Statement"] if s["Sid"] == "Traces"]
    assert [s["Action"] for s in traces] == [["xray:PutTraceSegments", "xray:PutTelemetryRecords"]]


def make_deploy(aws, folder, parameters):
    """The README's one command, building as the tests do."""
    environment = aws.environment(MANAGEMENT) | {"SAM_BUILD_MODE": "debug", "CARGO_LAMBDA_COMPILER": "cargo"}
    command = ["make", "--no-print-directory", "deploy", "STACK=rollcall-made", f"PARAMETERS={parameters}"]
    deployment.run(command, folder / "make-deploy.log", environment)


def test_one_command_builds_and_deploys(aws, folder, built):
    parameters = f"Architecture={deployment.ARCHITECTURE} ManageMemberRoles=false AccountIds={MANAGEMENT}"
    make_deploy(aws, folder, parameters)
    (stack,) = aws.client("cloudformation", MANAGEMENT).describe_stacks(StackName="rollcall-made")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"


def test_a_misspelt_parameter_is_refused_by_name(aws, folder, built):
    with pytest.raises(deployment.CommandFailed) as refused:
        make_deploy(aws, folder, f"AccountIds={MANAGEMENT} ErorEmail=security@example.com")
    assert "template.yml has no parameter ErorEmail (of ErorEmail=security@example.com)" in str(refused.value)
