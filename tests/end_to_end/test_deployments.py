"""Other ways to deploy: parts of the organization, one command."""

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


def test_one_command_builds_and_deploys(aws, folder, built):
    """The README's one command, building as the tests do."""
    environment = aws.environment(MANAGEMENT) | {"SAM_BUILD_MODE": "debug", "CARGO_LAMBDA_COMPILER": "cargo", "CONFIRM": "no"}
    parameters = f"Architecture={deployment.ARCHITECTURE} ManageMemberRoles=false AccountIds={MANAGEMENT}"
    command = ["make", "--no-print-directory", "deploy", "STACK=rollcall-made", f"PARAMETERS={parameters}"]
    deployment.run(command, folder / "make-deploy.log", environment)
    (stack,) = aws.client("cloudformation", MANAGEMENT).describe_stacks(StackName="rollcall-made")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
