"""A function's binary as Lambda runs it: a process that asks a runtime API for events. Its AWS is a
`SimulatedAws`.
"""

import json
import os
import queue
import resource
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REGION = "eu-central-1"
DATE = "2026-01-31"
STARTED = f"{DATE}T01:00:00Z"
RUN = {"execution": "night-1", "execution_arn": "", "started": STARTED, "as_of": STARTED}
MB = 1_000_000


def settings(aws):
    """What a deployment sets for its functions."""
    return {
        "REPORT_BUCKET": "reports", "WORK_BUCKET": "work", "MEMBER_ROLE_NAME": "rollcall-member", "POLL_SECONDS": "0",
        "DEPLOYMENT": "rollcall", "ERROR_TOPIC_ARN": f"arn:aws:sns:{REGION}:{aws.management}:errors",
        "FINDINGS_TOPIC_ARN": f"arn:aws:sns:{REGION}:{aws.management}:findings",
    }  # fmt: skip


def collect_event(account_id):
    """What the state machine hands the collector for an account."""
    return {
        "account_id": account_id, "listed_by": "account-list", "execution": RUN["execution"], "date": DATE, "waits": 0,
    }  # fmt: skip


def events(aws):
    """What the state machine hands each function, in the order of a night; the collector's is the first of many."""
    return {
        "list-accounts": {"execution": RUN["execution"], "execution_arn": "", "started": STARTED, "input": None},
        "collect-report": collect_event(aws.accounts[0]),
        "analyze-reports": {"run": RUN},
        "notify": {"run": RUN},
    }


class FunctionFailed(Exception):
    pass


class RuntimeApi:
    """The runtime API of Lambda for one function: hands out events and takes what is answered."""

    def __init__(self, owner):
        self.asked = queue.Queue()
        self.events = queue.Queue()
        self.answers = queue.Queue()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # An answer goes out in one piece and at once: otherwise the two sides wait for each other.
            wbufsize = -1
            disable_nagle_algorithm = True

            def handle(self):
                try:
                    super().handle()
                except ConnectionError:
                    pass  # The function was ended while it waited.

            def do_GET(self):
                api.asked.put(time.monotonic())
                event = api.events.get()
                if event is None:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "00000000-0000-0000-0000-000000000000")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 900_000))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", f"arn:aws:lambda:{REGION}:{owner}:function:rollcall")
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                api.answers.put((time.monotonic(), self.path.rsplit("/", 1)[1], body))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.events.put(None)
        self.server.shutdown()
        self.server.server_close()


class Function:
    """A function, from its start to the end of the `with` block."""

    def __init__(self, binary, aws, **environment):
        self.binary = binary
        self.owner = aws.management
        self.environment = settings(aws) | {
            "AWS_ENDPOINT_URL": aws.endpoint,
            "AWS_ACCESS_KEY_ID": aws.access_key_id,
            "AWS_SECRET_ACCESS_KEY": "simulated",
            "AWS_SESSION_TOKEN": "simulated",
            "AWS_REGION": REGION,
            "AWS_LAMBDA_FUNCTION_NAME": binary.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            # As the template has it.
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
        } | environment

    def __enter__(self):
        self.api = RuntimeApi(self.owner)
        self.before = resource.getrusage(resource.RUSAGE_CHILDREN)
        environment = self.environment | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.api.server.server_port}"}
        start = time.monotonic()
        self.process = subprocess.Popen([self.binary], env=environment, stdout=subprocess.DEVNULL)
        try:
            self.seconds_to_ready = self.api.asked.get(timeout=30) - start
        except queue.Empty:
            self.__exit__()
            raise FunctionFailed(f"{self.binary.name} asked for no invocation within 30 seconds") from None
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.processor_seconds_in_all = (
            after.ru_utime + after.ru_stime - self.before.ru_utime - self.before.ru_stime
        )
        self.api.close()

    def invoke(self, event):
        """Seconds until the function answered `event`, and what."""
        start = time.monotonic()
        self.api.events.put(json.dumps(event).encode())
        end, kind, body = self.api.answers.get(timeout=300)
        if kind != "response":
            raise FunctionFailed(f"{self.binary.name} answered {kind}: {body.decode()}")
        self.api.asked.get(timeout=30)
        return end - start, json.loads(body)

    def memory(self, name):
        """`VmRSS` or `VmHWM` in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(f"{name}:")).split()[1]) * 1024 / MB

    def processor_seconds(self):
        """User and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(int(field) for field in fields[11:13]) / os.sysconf("SC_CLK_TCK")
