"""What `make deploy` does: it finds what it was not told of the organization, says in which account and Region
it would deploy, asks, and has SAM build and deploy.

The AWS CLI reads AWS_REGION; SAM reads AWS_DEFAULT_REGION, as all of Python's SDK does. Here either of them
stands for both. Otherwise a stack would silently be deployed in the Region of a profile.
"""

import argparse
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import boto3
import botocore.exceptions
from organization import Found, NotFound, found

ROOT = Path(__file__).parents[1]


class Refused(Exception):
    """Nothing is deployed; the text says why and what to do."""


def region(environment):
    """The Region to deploy in, by the environment or else by the profile."""
    named = {name: environment[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if environment.get(name)}
    if len(set(named.values())) > 1:
        both = " and ".join(f"{name} is {value}" for name, value in named.items())
        raise Refused(f"{both}: unset one of them, or give both the same Region")
    found = next(iter(named.values()), None) or boto3.Session().region_name
    if not found:
        raise Refused("no Region is set: export AWS_REGION, or set the profile's region")
    return found


def check_names(parameters):
    """SAM passes over the name of a parameter that it does not know; here it is refused."""
    template = (ROOT / "template.yml").read_text()
    known = set(re.findall(r"^  (\w+):$", template.split("\nParameters:\n")[1].split("\nRules:\n")[0], re.MULTILINE))
    for parameter in parameters:
        name = parameter.partition("=")[0]
        if name not in known:
            raise Refused(
                f"template.yml has no parameter {name} (of {parameter}): correct PARAMETERS; docs/configure.md lists the names"
            )


def caller():
    """Whose credentials these are."""
    try:
        return boto3.client("sts").get_caller_identity()
    except botocore.exceptions.BotoCoreError as error:
        raise Refused(f"it can't be told which account this is for: {error}; set AWS_PROFILE or credentials") from error
    except botocore.exceptions.ClientError as error:
        raise Refused(f"it can't be told which account this is for: {error}; renew the credentials") from error


def by_name(parameters):
    """The values of the parameters that were given."""
    return dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)


def complete(stack, parameters, account):
    """What was not given of the organization, for a stack that is not there yet; one that is keeps what it has."""
    if deployed(stack):
        return []
    try:
        return found(by_name(parameters), account)
    except NotFound as error:
        raise Refused(str(error)) from error


def ask(stack, identity, parameters, completed: list[Found], confirm):
    """Says what would be deployed and where, and asks unless a script said that it need not."""
    print(f"Stack    {stack}")
    print(f"Account  {identity['Account']}, as {identity['Arn']}")
    print(f"Region   {os.environ['AWS_REGION']}")
    shown = parameters + [f"{one.parameter} ({one.what})" for one in completed]
    print("With     " + "\n         ".join(shown or ["what was given before, or the defaults"]))
    for note in concurrency_notes(stack, parameters):
        print(f"Note     {note}")
    sys.stdout.flush()
    if confirm != "no":
        try:
            answer = input("Deploy? [y/N] ")
        except EOFError:
            raise Refused("there was no answer: give CONFIRM=no in a script") from None
        if answer.strip().lower() not in ("y", "yes"):
            raise Refused("not confirmed, so nothing is deployed")


def concurrency_notes(stack, parameters):
    """What to say when Lambda can't run as many collectors at a time as the map starts: they wait for each
    other, and the night takes longer."""
    try:
        limit = boto3.client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
        wanted = max_concurrency(stack, parameters)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        yield f"MaxConcurrency is not compared with Lambda's free concurrency: {error}"
        return
    if wanted > limit:
        yield (
            f"MaxConcurrency is {wanted}, and Lambda runs at most {limit} functions at a time in this account and Region: "
            f"add MaxConcurrency={limit}, or ask AWS for more"
        )


def max_concurrency(stack, parameters):
    """The MaxConcurrency that the stack will have: as given, as it has it, or the template's default."""
    given = by_name(parameters)
    if "MaxConcurrency" in given:
        # What is no number, CloudFormation refuses.
        return int(given["MaxConcurrency"]) if given["MaxConcurrency"].isdecimal() else 0
    if "MaxConcurrency" in deployed(stack):
        return int(deployed(stack)["MaxConcurrency"])
    template = (ROOT / "template.yml").read_text()
    return int(re.search(r"^  MaxConcurrency:\n(?:    .*\n)*?    Default: (\d+)$", template, re.MULTILINE)[1])


@cache
def deployed(stack):
    """The parameters of a stack that is there already; none of one that is not."""
    try:
        (there,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except botocore.exceptions.ClientError as error:
        # What CloudFormation calls a stack that it does not know.
        if error.response["Error"]["Code"] == "ValidationError":
            return {}
        raise Refused(f"it can't be told whether the stack {stack} is there: {error}; use credentials that may deploy") from error
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in there.get("Parameters", [])}


def sam(command, *arguments):
    done = subprocess.run(["sam", command, "--config-file", "config.toml", *arguments], cwd=ROOT)
    if done.returncode:
        sys.exit(done.returncode)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stack", default="rollcall")
    parser.add_argument("--confirm", default="yes", choices=["yes", "no"])
    parser.add_argument("parameters", nargs="*", metavar="Name=value")
    options = parser.parse_args()
    try:
        check_names(options.parameters)
        os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = region(os.environ)
        identity = caller()
        completed = complete(options.stack, options.parameters, identity["Account"])
        ask(options.stack, identity, options.parameters, completed, options.confirm)
    except Refused as refused:
        sys.exit(f"error: {refused}")
    parameters = options.parameters + [one.parameter for one in completed]
    overrides = ["--parameter-overrides", *parameters] if parameters else []
    sam("build", *overrides)
    sam("deploy", "--stack-name", options.stack, *overrides)


if __name__ == "__main__":
    main()
