"""`make bench-command`: how long the released command takes: to start, to analyze the reports that `make bench`
generated, and to run over an organization that takes 100 ms for every answer.

    python tests/bench_command.py ROLLCALL FOLDER
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from simulated_aws import SimulatedAws

ROUNDS = 9
ACCOUNTS = 500
LATENCY = 0.1


def timed(*command, environment=None):
    """Seconds until the command's first byte of output and until its end."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    process.stdout.read(1)
    first = time.monotonic() - start
    process.stdout.read()
    if process.wait() not in (0, 1):
        sys.exit(f"error: {' '.join(command)} ended with {process.returncode}")
    return first, time.monotonic() - start


def row(what, *command, rounds=ROUNDS):
    """Prints the medians of some rounds."""
    measured = [timed(*command) for _ in range(rounds)]
    first, seconds = (statistics.median(values) for values in zip(*measured, strict=True))
    least = min(seconds for _, seconds in measured)
    print(f"| {what} | {first * 1000:.0f} ms | {seconds:.3f} s | {least:.3f} s |")


def main():
    rollcall, folder = sys.argv[1], Path(sys.argv[2])
    reports = sorted((folder / "reports").iterdir())
    with tempfile.TemporaryDirectory() as temporary:
        print("| what | first output | median | least |")
        print("|---|---|---|---|")
        row("`rollcall --help`", rollcall, "--help")
        row("`rollcall analyze` of one report", rollcall, "analyze", str(reports[0]))
        row(
            f"`rollcall analyze` of {len(reports):,} reports, findings.csv written and the summary printed",
            *(rollcall, "analyze", str(folder / "reports"), "--as-of", "2026-01-31"),
            *("--output", f"{temporary}/findings.csv"),
        )
        print()
        print("| `rollcall run` of | concurrency | calls | calls / concurrency x latency | took | times |")
        print("|---|---|---|---|---|---|")
        for concurrency in (10, 16, 32):
            with SimulatedAws(ACCOUNTS, LATENCY) as aws:
                output = f"{temporary}/run-{concurrency}"
                _, seconds = timed(
                    *(rollcall, "run", "--quiet", "--exit-zero", "--output", output, "--concurrency", str(concurrency)),
                    environment=aws.environment(dict(os.environ)),
                )
                calls = sum(aws.calls.values())
                floor = calls / concurrency * LATENCY
                print(
                    f"| {ACCOUNTS} accounts | {concurrency} | {calls} | {floor:.2f} s | {seconds:.2f} s "
                    f"| {seconds / floor:.2f} |"
                )


if __name__ == "__main__":
    main()
