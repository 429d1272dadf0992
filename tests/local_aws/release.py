"""Making the package of a release as `make package` does, of the binaries that the tests have built, and deploying
from it as a person does who has only the launch link."""

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from . import deployment
from .organization import MANAGEMENT


def make(folder, dist):
    """Packages into `dist`: unoptimized, for this machine, with the compiler that the tests use."""
    environment = os.environ | {"CARGO_LAMBDA_COMPILER": "cargo"}
    command = ["make", "--no-print-directory", "package", "PROFILE=dev", f"DIST={dist}"]
    deployment.run(command, Path(folder) / "package.log", environment)


def publish(aws, folder, dist, bucket):
    """Publishes `dist` into a bucket of the management account, and answers the launch link."""
    log = Path(folder) / "publish.log"
    command = ["make", "--no-print-directory", "publish", f"DIST={dist}", f"BUCKET={bucket}"]
    deployment.run(command, log, aws.environment(MANAGEMENT))
    (link,) = [line for line in log.read_text().splitlines() if line.startswith("https://")]
    return link


def launched(link):
    """Deploys as the CloudFormation console does for a person who follows the link and fills in the form: the
    template at its address, the parameters of the link, and those that were typed."""
    query = {name: value for name, (value,) in parse_qs(urlsplit(link).fragment.partition("?")[2]).items()}
    of_link = {name.removeprefix("param_"): value for name, value in query.items() if name.startswith("param_")}

    def deploy(aws, folder, stack, account_id, parameters):
        cloudformation = aws.client("cloudformation", account_id)
        given = {name: str(value) for name, value in (of_link | parameters).items()}
        cloudformation.create_stack(
            StackName=stack,
            TemplateURL=query["templateURL"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        (made,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}

    return deploy
