"""The policies for deploying, one a stack. Each allows what CloudFormation does for the types of the stack's
resources, on resources with the names that these will have, and little else."""

import json
import re
import subprocess
from fnmatch import fnmatchcase

import pytest
from templates import ROOT, Deployment, load
from test_parameters import GOOD

# The nested stack of the main one is made with the same credentials.
STACKS = {
    "main-stack": ["template.yml", "templates/log-archive.yml"],
    "log-archive": ["templates/log-archive.yml"],
    "member-role": ["templates/member-role.yml"],
    "athena": ["templates/athena.yml"],
}

# What CloudFormation asks for properties that the templates do not set, or for what it does not do to these
# resources: by service or action, and why.
NOT_NEEDED = {
    "ec2:*": "functions in a VPC", "elasticfilesystem:*": "functions with a file system", "s3files:*": "the same",
    "firehose:*": "logging of SNS", "s3tables:*": "tables of S3", "lakeformation:*": "tables under Lake Formation",
    "glue:*Connection": "federated databases", "glue:GetSchemaVersion": "tables of a schema registry",
    "kms:Decrypt": "environments and topics are encrypted by their roles", "kms:Encrypt": "the same", "kms:GenerateDataKey": "the same",
    "kms:CreateGrant": "the same", "iam:PassRole": "no service is given a role by this stack",
    "iam:*User*": "policies of users", "iam:*Group*": "policies of groups", "iam:CreateServiceLinkedRole": "a Glue table never needs it",
    "s3:*Object": "objects are not the stack's", "s3:GetObjectVersion": "what is deployed lies in SAM's bucket",
    "s3:REST.PUT.OBJECT": "no action of IAM", "s3:AbortMultipartUpload": "the same", "s3:ListMultipartUploadParts": "the same",
    "s3:ListBucket*": "the same", "s3:*Analytics*": "analytics", "s3:*Inventory*": "inventories", "s3:*Metrics*": "request metrics",
    "s3:*Accelerate*": "transfer acceleration", "s3:*Replication*": "replication", "s3:*IntelligentTiering*": "tiers of an archive",
    "s3:*Metadata*": "metadata tables", "s3:DeleteBucketWebsite": "websites", "s3:PutObjectAcl": "access lists",
    "s3:DeleteBucketCors": "no action of IAM: Put covers it", "s3:DeleteBucketEncryption": "the same",
    "s3:DeleteBucketLifecycle": "the same", "s3:PutObjectLockConfiguration": "no action of IAM: it is PutBucketObjectLockConfiguration",
}  # fmt: skip

NOT_NEEDED_FOR = {"athena": {"iam:*tachRolePolicy": "the policy is attached by hand"}}

# The actions that know no resources, or whose resources do not have the stack's name yet.
OF_ANY_RESOURCE = {
    "cloudformation:DescribeOrganizationsAccess", "cloudformation:GetTemplateSummary", "cloudformation:ListStackSets",
    "cloudformation:ValidateTemplate", "kms:CreateKey", "kms:ListAliases", "lambda:GetAccountSettings", "logs:CreateLogDelivery",
    "logs:DeleteResourcePolicy", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:PutResourcePolicy",
    "organizations:Describe*", "organizations:List*",
}  # fmt: skip

# What a resource is called in its ARN, by its type; where the template gives no name, CloudFormation makes one.
IN_AN_ARN = {
    "AWS::Athena::WorkGroup": "athena:workgroup/{Name}",
    "AWS::CloudFormation::Stack": "cloudformation:stack/{Name}/1a2b",
    "AWS::CloudFormation::StackSet": "cloudformation:stackset/{StackSetName}:1a2b",
    "AWS::CloudWatch::Alarm": "cloudwatch:alarm:{AlarmName}",
    "AWS::CloudWatch::Dashboard": "cloudwatch:dashboard/{DashboardName}",
    "AWS::Events::Rule": "events:rule/{Name}",
    "AWS::IAM::ManagedPolicy": "iam:policy/{ManagedPolicyName}",
    "AWS::IAM::Role": "iam:role/{RoleName}",
    "AWS::KMS::Alias": "kms:{AliasName}",
    "AWS::Lambda::Function": "lambda:function:{FunctionName}",
    "AWS::Logs::LogGroup": "logs:log-group:{LogGroupName}",
    "AWS::S3::Bucket": "s3:{BucketName}",
    "AWS::Scheduler::Schedule": "scheduler:schedule/default/{Name}",
    "AWS::SNS::Topic": "sns:{TopicName}",
    "AWS::StepFunctions::StateMachine": "states:stateMachine:{StateMachineName}",
}


def policy(stack):
    return json.loads((ROOT / "deploy" / f"{stack}-policy.json").read_text())


def as_list(value):
    return value if isinstance(value, list) else [value]


def allowed(stack):
    """What is allowed on the stack's own resources, which SAM's bucket is not."""
    statements = [statement for statement in policy(stack)["Statement"] if statement["Sid"] != "WhatIsDeployed"]
    return [action for statement in statements for action in as_list(statement["Action"])]


@pytest.fixture(scope="module")
def asked_by_cloudformation():
    """What CloudFormation asks of IAM to make, read, change and delete a resource of a type, by the type's own
    description of its handlers."""
    script = """if True:
        import json, sys
        from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER as schemas
        handlers = {name: schemas.get_resource_schema("us-east-1", name).schema.get("handlers", {}) for name in sys.argv[1:]}
        print(json.dumps({n: [a for h in handlers[n] if h != "list" for a in handlers[n][h]["permissions"]] for n in handlers}))
    """
    types = {resource["Type"] for names in STACKS.values() for name in names for resource in load(name)["Resources"].values()}
    command = [ROOT / ".tools" / "sam" / "bin" / "python", "-c", script, *sorted(types)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("stack", STACKS)
def test_whatever_cloudformation_does_for_the_resources_is_allowed(stack, asked_by_cloudformation):
    missing = {}
    for name in STACKS[stack]:
        for resource_type in {resource["Type"] for resource in load(name)["Resources"].values()}:
            asked = asked_by_cloudformation[resource_type]
            assert asked, f"{resource_type} does not say what it needs"
            for action in asked:
                if not any(fnmatchcase(action, pattern) for pattern in [*allowed(stack), *NOT_NEEDED, *NOT_NEEDED_FOR.get(stack, ())]):
                    missing.setdefault(resource_type, set()).add(action)
    assert missing == {}


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_is_allowed_of_a_service_that_the_stack_does_not_use(stack, asked_by_cloudformation):
    types = {resource["Type"] for name in STACKS[stack] for resource in load(name)["Resources"].values()}
    services = {action.split(":")[0] for resource_type in types for action in asked_by_cloudformation[resource_type]}
    # Deploying is CloudFormation's, and a StackSet asks Organizations.
    extra = {"cloudformation", "organizations"} if stack == "main-stack" else {"cloudformation"}
    assert {action.split(":")[0] for action in allowed(stack)} <= services | extra


@pytest.mark.parametrize("stack", STACKS)
def test_only_actions_without_resources_are_allowed_on_everything(stack):
    for statement in policy(stack)["Statement"]:
        assert statement["Effect"] == "Allow" and "*" not in as_list(statement["Action"]), statement
        if "*" in as_list(statement["Resource"]):
            assert set(as_list(statement["Action"])) <= OF_ANY_RESOURCE, statement


@pytest.mark.parametrize("stack", STACKS)
def test_the_resources_are_allowed_by_the_names_that_they_will_have(stack):
    patterns = [p for statement in policy(stack)["Statement"] for p in as_list(statement["Resource"]) if p != "*"]
    ours = {re.sub(r"^arn:aws:(\w+):[^:]*:[^:]*:", r"\1:", pattern) for pattern in patterns}
    for name in STACKS[stack]:
        nested = name == "templates/log-archive.yml" and stack == "main-stack"
        path = {"RolePath": "/security/"} if "RolePath" in load(name)["Parameters"] else {}
        of = Deployment(name, stack="rollcall-LogArchive-1A2B" if nested else "rollcall", **GOOD[name] | path)
        for logical_id, properties in of.resources.items():
            resource_type = of.template["Resources"][logical_id]["Type"]
            if resource_type in IN_AN_ARN:
                called = re.search(r"\{(\w+)\}", IN_AN_ARN[resource_type])[1]
                made_up = f"{of.pseudo['AWS::StackName']}-{logical_id}-1A2B"
                made_up = made_up.lower() if resource_type == "AWS::S3::Bucket" else made_up
                path = properties.get("Path", "/")[1:]
                arn = IN_AN_ARN[resource_type].format(**{called: path + properties.get(called, made_up)})
                assert any(fnmatchcase(arn, pattern) for pattern in ours), arn


def test_roles_are_passed_to_the_services_that_run_them_alone():
    services = set()
    for role in Deployment("template.yml", **GOOD["template.yml"]).of_type("AWS::IAM::Role").values():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        services.add(trust["Principal"]["Service"])
    (passes,) = [s for s in policy("main-stack")["Statement"] if "iam:PassRole" in as_list(s["Action"])]
    assert set(passes["Condition"]["StringEquals"]["iam:PassedToService"]) == services


@pytest.mark.parametrize("stack", STACKS)
def test_a_policy_is_small_enough_to_be_a_managed_one(stack):
    assert len(re.sub(r"\s", "", json.dumps(policy(stack)))) <= 6144, "IAM does not count white space"


@pytest.mark.parametrize("stack", STACKS)
def test_the_page_names_the_policy(stack):
    assert f"(../deploy/{stack}-policy.json)" in (ROOT / "docs" / "deploy.md").read_text()
