"""`make bench-start`: what the released functions cost to start, to answer, to hold and to ship. One night of a
simulated organization goes through all four, each under a runtime API; the simulated AWS answers at once and in
plain HTTP, so what is measured is the function and not the network. The collector collects over TLS, too. A number
above its aim is an error.

    python tests/bench_start.py FOLDER SIMULATED-AWS

FOLDER has the released binaries, and SIMULATED-AWS is the program that serves the simulated AWS.
"""

import statistics
import subprocess
import sys
import time
import zipfile
from io import BytesIO
from pathlib import Path

import trustme
from lambda_runtime import MB, Function, collect_event, events
from simulated_aws import SimulatedAws

STARTS = 30
# After so many accounts the memory of the collector is looked at; the organization has as many as the last says.
COLLECTED = [1, 10, 100, 1000, 10_000]
ACCOUNTS = COLLECTED[-1]
# So many are collected over TLS.
OVER_TLS = 1000
# Of a function: milliseconds to be ready, MB when idle and zipped. Of the collector: milliseconds of processor time an
# account, and MB that it may hold more after the last account than after the hundredth.
AIMS = {"start": 15, "idle": 10, "zipped": 3.5, "account": 5, "growth": 1}


def spawn_seconds():
    """How long it takes to start and end a process that does nothing: part of every start."""
    start = time.monotonic()
    subprocess.run(["/bin/true"], env={})
    return time.monotonic() - start


def zipped(binary):
    """The size of the archive that SAM makes of it."""
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(binary, "bootstrap")
    return len(archive.getvalue())


def main():
    folder, program = Path(sys.argv[1]), sys.argv[2]
    missed = []
    print("| function | start to ready | least | of processor | idle | first answer | warm | peak memory | binary | zipped |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    with SimulatedAws(program, ACCOUNTS) as aws:
        for name, event in events(aws).items():
            binary = folder / name
            ready, processor, idle = [], [], []
            for _ in range(STARTS):
                with Function(binary, aws) as function:
                    ready.append(function.seconds_to_ready * 1000)
                    idle.append(function.memory("VmRSS"))
                processor.append(function.processor_seconds_in_all * 1000)
            with Function(binary, aws) as function:
                first, _ = function.invoke(event)
                warm, _ = function.invoke(event)
                peak = function.memory("VmHWM")
                if name == "collect-report":
                    collector = collect_the_others(function, aws, missed)
            size = zipped(binary) / MB
            of_function = {"start": statistics.median(ready), "idle": statistics.median(idle), "zipped": size}
            missed += [f"{name}: {aim} {value:.1f}" for aim, value in of_function.items() if value > AIMS[aim]]
            print(
                f"| `{name}` | {statistics.median(ready):.1f} ms | {min(ready):.1f} ms | {statistics.median(processor):.1f} ms "
                f"| {statistics.median(idle):.1f} MB "
                f"| {first * 1000:.0f} ms | {warm * 1000:.0f} ms | {peak:.1f} MB "
                f"| {binary.stat().st_size / MB:.1f} MB | {size:.2f} MB |",
                flush=True,
            )
    print(f"| aim | {AIMS['start']} ms | | | {AIMS['idle']} MB | | | | | {AIMS['zipped']} MB |\n\n{collector}")
    print(f"\n{collect_over_tls(folder / 'collect-report', program)}")
    spawned = statistics.median(spawn_seconds() for _ in range(STARTS)) * 1000
    print(f"\nA process that does nothing starts and ends in {spawned:.1f} ms.")
    if missed:
        sys.exit(f"error: more than the aim: {', '.join(missed)}")


def collect_the_others(function, aws, missed):
    """Collects every other account with the function that has collected one; answers the measurements."""
    before, held, took = function.processor_seconds(), [function.memory("VmRSS")], []
    for number in range(1, ACCOUNTS):
        seconds, answer = function.invoke(collect_event(aws.accounts[number]))
        assert answer == {"status": "Collected"}, answer
        took.append(seconds * 1000)
        if number + 1 in COLLECTED:
            held.append(function.memory("VmRSS"))
    processor = (function.processor_seconds() - before) * 1000 / len(took)
    growth = held[-1] - held[COLLECTED.index(100)]
    missed += [f"{aim} {value:.2f}" for aim, value in {"account": processor, "growth": growth}.items() if value > AIMS[aim]]
    return (
        f"| accounts that one `collect-report` has collected | {' | '.join(f'{count:,}' for count in COLLECTED)} |\n"
        f"|---{'|---' * len(COLLECTED)}|\n"
        f"| it holds | {' | '.join(f'{memory:.1f} MB' for memory in held)} |\n\n"
        f"After the first, an account took {statistics.median(took):.1f} ms and {processor:.2f} ms of processor time (aim: "
        f"5 ms). The peak was {function.memory('VmHWM'):.1f} MB."
    )


def collect_over_tls(binary, program):
    """Collects some accounts over TLS, by a certificate that the collector has to check; answers a sentence."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    with authority.cert_pem.tempfile() as trusted, SimulatedAws(program, OVER_TLS, certificate=certificate) as aws:
        with Function(binary, aws, SSL_CERT_FILE=trusted) as function:
            before = function.processor_seconds()
            for account_id in aws.accounts:
                function.invoke(collect_event(account_id))
            processor = (function.processor_seconds() - before) * 1000 / OVER_TLS
            return (
                f"Over TLS an account takes {processor:.2f} ms of processor time ({OVER_TLS:,} accounts), and the function holds "
                f"{function.memory('VmRSS'):.1f} MB."
            )


if __name__ == "__main__":
    main()
