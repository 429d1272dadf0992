"""`make bench-function`: the released AnalyzeReports function over an organization's reports in a local
S3, two nights in a row, under a runtime API of this script's own: how long it takes and how much memory
it holds. The reports are those of `make bench`.

The local S3 is one Python process on the same machine: it takes most of the time, not the function.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from local_aws.organization import MANAGEMENT
from local_aws.server import REGION, LocalAws

ROOT = Path(__file__).parents[1]
BUCKET = "reports"


class RuntimeApi:
    """Gives a function one event, and keeps what it answers."""

    def __init__(self, event):
        api = self
        self.answered = threading.Event()
        self.answer = None
        given = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if given:
                    threading.Event().wait(3600)
                given.append(True)
                body = json.dumps(event).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "00000000-0000-0000-0000-000000000000")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 900_000))
                self.send_header(
                    "Lambda-Runtime-Invoked-Function-Arn", f"arn:aws:lambda:{REGION}:{MANAGEMENT}:function:analyze-reports"
                )
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                api.answer = (self.path.rsplit("/", 1)[1], self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                api.answered.set()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server.server_port}"


def store(s3, reports, date, execution):
    """Puts the roll and the reports of a night into the bucket, as the collector does."""
    started = f"{date}T01:00:00Z"
    accounts = [
        {"account_id": path.stem[-12:], "name": "", "email": "", "state": "ACTIVE", "path": "", "skip": None} for path in reports
    ]
    roll = {
        "execution": execution, "started": started, "as_of": started, "taken": started, "source": "organization", "organization_id": "o-exampleorg",
        "accounts": accounts,
    }  # fmt: skip
    s3.put_object(Bucket=BUCKET, Key=f"{date}/accounts.json", Body=json.dumps(roll), Metadata={"execution": execution})

    def put(path):
        content = path.read_bytes()
        metadata = {
            "execution": execution, "generated-time": started, "collected-time": started,
            "sha256": hashlib.sha256(content).hexdigest(),
        }  # fmt: skip
        s3.put_object(Bucket=BUCKET, Key=f"{date}/reports/{path.name}", Body=content, Metadata=metadata)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, reports))


def analyze(aws, binary, date, execution):
    """Runs the function on a night; answers seconds, peak memory in MB, and its output."""
    started = f"{date}T01:00:00Z"
    api = RuntimeApi({"run": {"execution": execution, "execution_arn": "", "started": started, "as_of": started}})
    environment = aws.environment(MANAGEMENT) | {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.upstream_port}",
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_FUNCTION_NAME": "analyze-reports",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "REPORT_BUCKET": BUCKET,
    }
    start = time.monotonic()
    function = subprocess.Popen([binary], env=environment, stdout=subprocess.DEVNULL)
    try:
        while not api.answered.wait(0.2):
            if function.poll() is not None:
                sys.exit(f"error: the function ended with status {function.returncode}")
        seconds = time.monotonic() - start
        status = Path(f"/proc/{function.pid}/status").read_text()
        peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) * 1024 / 1_000_000
        processor = sum(os_times(function.pid))
    finally:
        function.terminate()
        function.wait()
        api.server.shutdown()
    kind, output = api.answer
    if kind != "response":
        sys.exit(f"error: the function answered {kind}: {output.decode()}")
    return seconds, processor, peak, json.loads(output)


def os_times(pid):
    """Processor time of a process, user and system, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return [int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:13]]


def main(binary, folders):
    print("| night | reports | users | findings | new | seconds | of processor | peak memory |")
    print("|---|---|---|---|---|---|---|---|")
    for folder in folders:
        reports = sorted((Path(folder) / "reports").iterdir())
        with LocalAws(ROOT / ".local" / "bench" / "aws") as aws:
            s3 = aws.client("s3", MANAGEMENT)
            s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
            for night, date in (("first", "2026-01-31"), ("second", "2026-02-01")):
                execution = f"night-of-{date}"
                store(s3, reports, date, execution)
                seconds, processor, peak, output = analyze(aws, binary, date, execution)
                assert output["coverage"]["percent"] == 100, output["coverage"]
                manifest = json.loads(s3.get_object(Bucket=BUCKET, Key=f"{date}/run.json")["Body"].read())
                print(
                    f"| {night} | {len(reports):,} | {manifest['credentials']['users']:,} | {output['findings']['total']:,} | "
                    f"{output['findings']['new']:,} | {seconds:.0f} | {processor:.1f} | {peak:.0f} MB |",
                    flush=True,
                )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
