"""`make bench-command`: how long the released command takes: to start, to analyze the reports that `make bench`
generated, and to run over an organization that takes 100 ms for every answer; and what it takes to run over more and
more accounts that answer at once.

    python tests/bench_command.py ROLLCALL FOLDER SIMULATED-AWS
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
GROWING = [10, 100, 1000, 10_000]


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


def spent(*command, environment):
    """Seconds until the command's end, those of processor time, and the most memory it held, in MB."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"error: {' '.join(command)} ended with {process.returncode}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1_000_000


def main():
    rollcall, folder, program = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
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
            with SimulatedAws(program, ACCOUNTS, LATENCY) as aws:
                output = f"{temporary}/run-{concurrency}"
                _, seconds = timed(
                    *(rollcall, "run", "--quiet", "--exit-zero", "--output", output, "--concurrency", str(concurrency)),
                    environment=aws.environment(),
                )
                calls = sum(aws.calls.values())
                floor = calls / concurrency * LATENCY
                print(
                    f"| {ACCOUNTS} accounts | {concurrency} | {calls} | {floor:.2f} s | {seconds:.2f} s "
                    f"| {seconds / floor:.2f} |"
                )
        print()
        print("| `rollcall run` of | calls | an account | took | of processor | an account | peak memory |")
        print("|---|---|---|---|---|---|---|")
        for accounts in GROWING:
            with SimulatedAws(program, accounts) as aws:
                seconds, processor, memory = spent(
                    *(rollcall, "run", "--quiet", "--exit-zero", "--output", f"{temporary}/run-of-{accounts}"),
                    environment=aws.environment(),
                )
                calls = sum(aws.calls.values())
                print(
                    f"| {accounts:,} accounts | {calls:,} | {calls / accounts:.2f} | {seconds:.1f} s | {processor:.1f} s "
                    f"| {processor * 1000 / accounts:.1f} ms | {memory:.0f} MB |"
                )


if __name__ == "__main__":
    main()
