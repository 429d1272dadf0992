"""Building and deploying the real template with the commands of the README, and running what it
deploys."""

import json
import os
import platform
import subprocess
import time
from datetime import UTC
from pathlib import Path

from .organization import MANAGEMENT

ROOT = Path(__file__).parents[2]
ARCHITECTURE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
BUILD = ["sam", "build", "--config-file", "config.toml"]
DEPLOY = ["sam", "deploy", "--config-file", "config.toml"]
DEPLOY_ALONE = ["sam", "deploy", "--capabilities", "CAPABILITY_NAMED_IAM", "--template-file"]


class CommandFailed(Exception):
    """A command of the README ended with an error; the text has its output."""


def run(command, log, environment):
    """Runs `command` at the root of the repository and keeps what it prints in the file `log`."""
    environment = dict(environment, PATH=f"{ROOT / '.tools' / 'sam' / 'bin'}{os.pathsep}{environment['PATH']}")
    with open(log, "wb") as output:
        status = subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT).returncode
    if status:
        end = "\n".join(Path(log).read_text(errors="replace").splitlines()[-25:])
        raise CommandFailed(f"`{' '.join(command)}` ended with status {status}; the end of {log}:\n{end}")


def build(aws, folder):
    """Builds the functions for this machine: unoptimized, so that the tests' own build is used."""
    environment = aws.environment(MANAGEMENT) | {"SAM_BUILD_MODE": "debug", "CARGO_LAMBDA_COMPILER": "cargo"}
    overrides = ["--parameter-overrides", f"Architecture={ARCHITECTURE}"]
    run([*BUILD, *overrides], Path(folder) / "build.log", environment)


def deploy(aws, folder, stack, account_id, parameters, command=tuple(DEPLOY)):
    """Deploys the built template, unless `command` is for another, into an account; answers the stack's outputs."""
    overrides = [f"{name}={value}" for name, value in parameters.items() if value is not None]
    run(
        [*command, "--stack-name", stack, "--parameter-overrides", *overrides],
        Path(folder) / f"deploy-{stack}.log",
        aws.environment(account_id),
    )
    stacks = aws.client("cloudformation", account_id).describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}


class Deployment:
    """A deployed stack and its runs. `deploy` makes the stack and answers its outputs."""

    def __init__(self, aws, folder, stack="rollcall", account_id=MANAGEMENT, deploy=deploy, **parameters):
        self.aws = aws
        self.stack = stack
        self.account_id = account_id
        # The role is deployed by the test: the emulator has no StackSets.
        parameters = {"Architecture": ARCHITECTURE, "ManageMemberRoles": "false", **parameters}
        self.outputs = deploy(aws, folder, stack, account_id, parameters)
        self.states = aws.client("stepfunctions", account_id)
        self.s3 = aws.client("s3", parameters.get("BucketAccountId", account_id))
        self.bucket = self.outputs["ReportBucketName"]
        self.queue_urls = {
            kind: self._listen(kind, self.outputs[output])
            for kind, output in (("errors", "ErrorTopicArn"), ("findings", "FindingsTopicArn"), ("chat", "ChatTopicArn"))
            if output in self.outputs
        }

    def _listen(self, kind, topic_arn):
        """Subscribes a queue to a topic: what a person's mail would get."""
        sqs = self.aws.client("sqs", self.account_id)
        url = sqs.create_queue(QueueName=f"{self.stack}-{kind}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        policy = {"Version": "2012-10-17", "Statement": [allow | {"Resource": arn}]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        sns = self.aws.client("sns", self.account_id)
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
        return url

    def messages(self, kind="errors", seconds=0, at_least=1):
        """The messages of a topic since the last call, each with Message, MessageAttributes and perhaps
        Subject; waits at most `seconds` for `at_least` of them."""
        sqs = self.aws.client("sqs", self.account_id)
        messages = []
        deadline = time.monotonic() + seconds
        while True:
            batch = sqs.receive_message(QueueUrl=self.queue_urls[kind], MaxNumberOfMessages=10).get("Messages", [])
            for message in batch:
                sqs.delete_message(QueueUrl=self.queue_urls[kind], ReceiptHandle=message["ReceiptHandle"])
                messages.append(json.loads(message["Body"]))
            if not batch and (len(messages) >= at_least or time.monotonic() >= deadline):
                return messages
            if not batch:
                time.sleep(0.1)

    def start(self, name=None, **input):
        """Runs the state machine to its end, and answers the execution as AWS describes it."""
        arguments = {"stateMachineArn": self.outputs["StateMachineArn"]}
        if name:
            arguments["name"] = name
        if input:
            arguments["input"] = json.dumps(input)
        arn = self.states.start_execution(**arguments)["executionArn"]
        while (execution := self.states.describe_execution(executionArn=arn))["status"] == "RUNNING":
            time.sleep(0.2)
        return execution

    def keys(self, prefix=""):
        """The keys in the report bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read(self, key):
        """An object of the report bucket: its bytes and its metadata."""
        answer = self.s3.get_object(Bucket=self.bucket, Key=key)
        return answer["Body"].read(), answer["Metadata"]

    def date(self, execution):
        """The prefix of what an execution wrote."""
        return execution["startDate"].astimezone(UTC).date().isoformat()

    def manifest(self, execution):
        """run.json of an execution."""
        return json.loads(self.read(f"{self.date(execution)}/run.json")[0])

    def findings(self, date):
        """findings.jsonl of a date."""
        return [json.loads(line) for line in self.read(f"{date}/findings.jsonl")[0].splitlines()]

    def log(self, step):
        """The lines of a function's log."""
        logs = self.aws.client("logs", self.account_id)
        group = f"/aws/lambda/{self.stack}-{step}"
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [line for page in pages for event in page["events"] for line in event["message"].splitlines()]
