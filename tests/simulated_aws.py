"""The simulated AWS of `simulation/`, over HTTP or HTTPS: what `rollcall run` and the functions ask of STS, IAM,
Organizations, S3 and SNS, answered at once or after a latency. For measurements and for connections; what is right
is tested against the local AWS.
"""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def build():
    """Builds the program, as `make test` does: with the features of the whole workspace and of its tests, so that
    nothing is compiled twice."""
    command = ["cargo", "test", "--workspace", "--locked", "--no-run", "--test", "nights"]
    messages = subprocess.check_output([*command, "--message-format", "json"], cwd=ROOT, text=True).splitlines()
    targets = [message for message in map(json.loads, messages) if message.get("executable")]
    (program,) = [target["executable"] for target in targets if target["target"]["name"] == "simulated-aws"]
    return program


class SimulatedAws:
    """An organization of so many member accounts, served for as long as the `with` block lasts. With a `certificate`
    of trustme, it is served over TLS."""

    def __init__(self, program, accounts, latency=0.0, certificate=None):
        self.command = [program, "--accounts", str(accounts + 1), "--latency", str(round(latency * 1000))]
        self.certificate = certificate

    def __enter__(self):
        command = self.command
        if self.certificate:
            with self.certificate.private_key_and_cert_chain_pem.tempfile() as path:
                self.start([*command, "--certificate", path])
        else:
            self.start(command)
        return self

    def start(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        served = json.loads(self.process.stdout.readline())
        self.endpoint = served["endpoint"]
        self.management, *self.accounts = served["accounts"]
        self.access_key_id = served["access_key_id"]

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)

    @property
    def calls(self):
        """How often each action was called."""
        return self.ask("calls")

    def object(self, bucket, key):
        """The text of an object, or None."""
        return self.ask(f"object {bucket} {key}")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def environment(self, environment=os.environ):
        """`environment` with what lets a program talk to this AWS."""
        return dict(environment) | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": "simulated",
            "AWS_REGION": "eu-central-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
