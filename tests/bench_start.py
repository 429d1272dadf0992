"""`make bench-start`: what the released functions cost to start, to answer, to hold and to ship. One night of a
simulated organization goes through all four, each under a runtime API of this script's own; the simulated AWS
answers at once and in plain HTTP, so what is measured is the function and not the network.

    python tests/bench_start.py FOLDER

FOLDER has the released binaries.
"""

import json
import os
import queue
import resource
import statistics
import subprocess
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

from simulated_aws import MANAGEMENT, SimulatedAws, account_id

STARTS = 30
ACCOUNTS = 1000
REGION = "eu-central-1"
DATE = "2026-01-31"
STARTED = f"{DATE}T01:00:00Z"
RUN = {"execution": "night-1", "execution_arn": "", "started": STARTED, "as_of": STARTED}
SETTINGS = {
    "REPORT_BUCKET": "reports", "WORK_BUCKET": "work", "MEMBER_ROLE_NAME": "rollcall-member", "POLL_SECONDS": "0",
    "DEPLOYMENT": "rollcall", "ERROR_TOPIC_ARN": f"arn:aws:sns:{REGION}:{MANAGEMENT}:errors",
    "FINDINGS_TOPIC_ARN": f"arn:aws:sns:{REGION}:{MANAGEMENT}:findings",
}  # fmt: skip
MB = 1_000_000


class RuntimeApi:
    """The runtime API of Lambda for one function: hands out events and takes what is answered."""

    def __init__(self):
        self.asked = queue.Queue()
        self.events = queue.Queue()
        self.answers = queue.Queue()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # An answer goes out in one piece and at once: otherwise the two sides wait for each other.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_GET(self):
                api.asked.put(time.monotonic())
                event = api.events.get()
                if event is None:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "00000000-0000-0000-0000-000000000000")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 900_000))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", f"arn:aws:lambda:{REGION}:{MANAGEMENT}:function:rollcall")
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
    """A released function, from its start to the end of the `with` block."""

    def __init__(self, binary, aws):
        self.binary = binary
        self.environment = SETTINGS | {
            "AWS_ENDPOINT_URL": aws.endpoint,
            "AWS_ACCESS_KEY_ID": "simulated",
            "AWS_SECRET_ACCESS_KEY": "simulated",
            "AWS_SESSION_TOKEN": "simulated",
            "AWS_REGION": REGION,
            "AWS_LAMBDA_FUNCTION_NAME": binary.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_LEVEL": "WARN",
        }

    def __enter__(self):
        self.api = RuntimeApi()
        self.before = resource.getrusage(resource.RUSAGE_CHILDREN)
        environment = self.environment | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.api.server.server_port}"}
        start = time.monotonic()
        self.process = subprocess.Popen([self.binary], env=environment, stdout=subprocess.DEVNULL)
        self.seconds_to_ready = self.api.asked.get(timeout=30) - start
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
            sys.exit(f"error: {self.binary.name} answered {kind}: {body.decode()}")
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


def spawn_seconds():
    """How long it takes to start and end a process that does nothing: part of every start."""
    start = time.monotonic()
    subprocess.run(["/bin/true"], env={})
    return time.monotonic() - start


def zipped(binary):
    """The size of the archive that SAM makes of it."""
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.write(binary, "bootstrap")
    return len(archive.getvalue())


def collect_event(number):
    return {
        "account_id": account_id(number), "listed_by": "account-list", "execution": RUN["execution"], "date": DATE, "waits": 0,
    }  # fmt: skip


EVENTS = {
    "list-accounts": {"execution": RUN["execution"], "execution_arn": "", "started": STARTED, "input": None},
    "collect-report": collect_event(0),
    "analyze-reports": {"run": RUN},
    "notify": {"run": RUN},
}


def main():
    folder = Path(sys.argv[1])
    warm = None
    print("| function | start to ready | least | of processor | idle | first answer | peak memory | binary | zipped |")
    print("|---|---|---|---|---|---|---|---|---|")
    with SimulatedAws(ACCOUNTS) as aws:
        for name, event in EVENTS.items():
            binary = folder / name
            ready, processor, idle = [], [], []
            for _ in range(STARTS):
                with Function(binary, aws) as function:
                    ready.append(function.seconds_to_ready * 1000)
                    idle.append(function.memory("VmRSS"))
                processor.append(function.processor_seconds_in_all * 1000)
            with Function(binary, aws) as function:
                first, _ = function.invoke(event)
                peak = function.memory("VmHWM")
                if name == "collect-report":
                    warm = collect_the_rest(function)
            print(
                f"| `{name}` | {statistics.median(ready):.1f} ms | {min(ready):.1f} ms | {statistics.median(processor):.1f} ms "
                f"| {statistics.median(idle):.1f} MB "
                f"| {first * 1000:.0f} ms | {peak:.1f} MB | {binary.stat().st_size / MB:.1f} MB | {zipped(binary) / MB:.2f} MB |",
                flush=True,
            )
    print(f"| aim | 15 ms | | | 10 MB | | | | 3.5 MB |\n\n{warm}")
    spawned = statistics.median(spawn_seconds() for _ in range(STARTS)) * 1000
    print(f"\nA process that does nothing starts and ends in {spawned:.1f} ms.")


def collect_the_rest(function):
    """Collects every other account with a function that has collected one; answers a sentence."""
    before, memory = function.processor_seconds(), function.memory("VmRSS")
    took, held = [], []
    for number in range(1, ACCOUNTS):
        seconds, answer = function.invoke(collect_event(number))
        assert answer == {"status": "Collected"}, answer
        took.append(seconds * 1000)
        held.append(function.memory("VmRSS"))
    processor = (function.processor_seconds() - before) * 1000 / len(took)
    return (
        f"{len(took)} more accounts by the same `collect-report`: {statistics.median(took):.1f} ms each and {processor:.2f} ms "
        f"of processor time (aim: 5 ms); it held {memory:.1f} MB after the first, {held[len(held) // 2]:.1f} MB halfway and "
        f"{held[-1]:.1f} MB at the end."
    )


if __name__ == "__main__":
    main()
