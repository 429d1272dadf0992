"""Other ways to deploy: parts of the organization, a plain list, an existing bucket and
key, one command."""

import hashlib

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
        # And with as little as there can be: without keys, and with traces that nobody takes here.
        KmsKeyStatus="None",
        EncryptMessagesAndLogs="false",
        Tracing="true",
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


def test_a_plain_list_of_accounts_asks_organizations_nothing_and_uses_an_existing_bucket_and_key(aws, folder, org, built):
    s3 = aws.client("s3", MANAGEMENT)
    region = {"LocationConstraint": s3.meta.region_name}
    s3.create_bucket(Bucket="evidence-of-ours", CreateBucketConfiguration=region)
    key_arn = aws.client("kms", MANAGEMENT).create_key()["KeyMetadata"]["Arn"]
    stack = deployment.Deployment(
        aws,
        folder,
        stack="rollcall-plain",
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
    assert (account["account_id"], account["outcome"], manifest["source"]) == (MANAGEMENT, "collected", "account-list")
    assert [request.action for request in aws.proxy.requests if request.service == "organizations"] == []
    content, _ = stack.read(account["report"]["key"])
    assert hashlib.sha256(content).hexdigest() == account["report"]["sha256"]
    writes = [request for request in aws.proxy.requests if request.action == "PutObject" and "evidence-of-ours" in request.path]
    written = {request.path.split("?")[0].rsplit("/", 1)[1] for request in writes}
    report = f"credentialReport_{MANAGEMENT}.csv"
    tables = {"accounts.jsonl", "symlink.txt"}
    assert written == {"accounts.json", report, "findings.csv", "findings.jsonl", "summary.html", "run.json"} | tables
    assert {request.headers["x-amz-server-side-encryption-aws-kms-key-id"] for request in writes} == {key_arn}


def test_one_command_builds_and_deploys(aws, folder, built):
    """The README's one command, building as the tests do."""
    environment = aws.environment(MANAGEMENT) | {"SAM_BUILD_MODE": "debug", "CARGO_LAMBDA_COMPILER": "cargo", "CONFIRM": "no"}
    parameters = f"Architecture={deployment.ARCHITECTURE} ManageMemberRoles=false AccountIds={MANAGEMENT}"
    command = ["make", "--no-print-directory", "deploy", "STACK=rollcall-made", f"PARAMETERS={parameters}"]
    deployment.run(command, folder / "make-deploy.log", environment)
    (stack,) = aws.client("cloudformation", MANAGEMENT).describe_stacks(StackName="rollcall-made")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
