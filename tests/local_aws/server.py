"""Starting and stopping a local AWS: MiniStack in a process of its own, the proxy in this one."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

from .proxy import Proxy

REGION = "eu-central-1"
START_SECONDS = 60


class StartError(Exception):
    """The local AWS did not start; the text says why and what to do."""


def free_port():
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class LocalAws:
    """A local AWS with IAM enforced, for as long as the `with` block lasts.

    Everything goes through the proxy on `port`: the functions' calls, the deployment's and the
    test's own. Waits and retries of the state machine take no time.
    """

    def __init__(self, folder, port=None):
        self.folder = Path(folder)
        self.port = port or free_port()
        self.upstream_port = free_port()
        self.process = None
        self.proxy = None

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.proxy = Proxy(self.port, self.upstream_port)
        except OSError as error:
            raise StartError(
                f"port {self.port} of 127.0.0.1 can't be used ({error.strerror}): "
                "stop what listens there, or choose another with ROLLCALL_PORT"
            ) from error
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ROLLCALL_"))
        } | {
            "AUTH": "true",
            "SFN_WAIT_SCALE": "0",
            "LAMBDA_EXECUTOR": "local",
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "GATEWAY_PORT": str(self.upstream_port),
            "AWS_ENDPOINT_URL": self.endpoint,
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "PYTHONUNBUFFERED": "1",
        }
        try:
            with open(self.folder / "emulator.log", "wb") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "local_aws.emulator"],
                    env=environment,
                    # Held open for as long as this process lives: the emulator ends with it.
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.folder,
                )
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.proxy:
            self.proxy.close()

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        health = f"http://127.0.0.1:{self.upstream_port}/_ministack/health"
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(health, timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise StartError(f"the local AWS did not start: see {self.folder / 'emulator.log'}")

    def client(self, service, account_id):
        """A client of `service` with the root credentials of `account_id`."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=account_id,
            aws_secret_access_key="local",
            config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def environment(self, account_id):
        """The environment in which the AWS command lines talk to this local AWS as `account_id`."""
        return os.environ | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": account_id,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
        }
