"""What `make deploy` does: it says in which account and Region it would deploy, asks, and has SAM build
and deploy.

The AWS CLI reads AWS_REGION; SAM reads AWS_DEFAULT_REGION, as all of Python's SDK does. Here either of them
stands for both. Otherwise a stack would silently be deployed in the Region of a profile.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import boto3
import botocore.exceptions

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


def ask(stack, parameters, confirm):
    """Says what would be deployed and where, and asks unless a script said that it need not."""
    try:
        caller = boto3.client("sts").get_caller_identity()
    except botocore.exceptions.BotoCoreError as error:
        raise Refused(f"it can't be told which account this is for: {error}; set AWS_PROFILE or credentials") from error
    except botocore.exceptions.ClientError as error:
        raise Refused(f"it can't be told which account this is for: {error}; renew the credentials") from error
    print(f"Stack    {stack}")
    print(f"Account  {caller['Account']}, as {caller['Arn']}")
    print(f"Region   {os.environ['AWS_REGION']}")
    print("With     " + "\n         ".join(parameters or ["what was given before, or the defaults"]))
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
    given = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
    if "MaxConcurrency" in given:
        # What is no number, CloudFormation refuses.
        return int(given["MaxConcurrency"]) if given["MaxConcurrency"].isdecimal() else 0
    try:
        (deployed,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return int(next(p["ParameterValue"] for p in deployed["Parameters"] if p["ParameterKey"] == "MaxConcurrency"))
    except (botocore.exceptions.ClientError, StopIteration):
        # There is no such stack yet.
        template = (ROOT / "template.yml").read_text()
        return int(re.search(r"^  MaxConcurrency:\n(?:    .*\n)*?    Default: (\d+)$", template, re.MULTILINE)[1])


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
        ask(options.stack, options.parameters, options.confirm)
    except Refused as refused:
        sys.exit(f"error: {refused}")
    overrides = ["--parameter-overrides", *options.parameters] if options.parameters else []
    sam("build", *overrides)
    sam("deploy", "--stack-name", options.stack, *overrides)


if __name__ == "__main__":
    main()
