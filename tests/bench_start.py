"""`make bench-start`: what the released functions cost to start, to answer, to hold and to ship. One night of a
simulated organization goes through all four, each under a runtime API; the simulated AWS
answers at once and in plain HTTP, so what is measured is the function and not the network.

    python tests/bench_start.py FOLDER

FOLDER has the released binaries.
"""

import statistics
import subprocess
import sys
import time
import zipfile
from io import BytesIO
from pathlib import Path

from lambda_runtime import EVENTS, MB, Function, collect_event
from simulated_aws import SimulatedAws

STARTS = 30
ACCOUNTS = 1000
COLLECTED_BY_ONE = [1, 10, 100, 1000, 10_000]


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


def main():
    folder = Path(sys.argv[1])
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
            print(
                f"| `{name}` | {statistics.median(ready):.1f} ms | {min(ready):.1f} ms | {statistics.median(processor):.1f} ms "
                f"| {statistics.median(idle):.1f} MB "
                f"| {first * 1000:.0f} ms | {peak:.1f} MB | {binary.stat().st_size / MB:.1f} MB | {zipped(binary) / MB:.2f} MB |",
                flush=True,
            )
    print("| aim | 15 ms | | | 10 MB | | | | 3.5 MB |\n")
    collect_with_one(folder / "collect-report")
    spawned = statistics.median(spawn_seconds() for _ in range(STARTS)) * 1000
    print(f"\nA process that does nothing starts and ends in {spawned:.1f} ms.")


def collect_with_one(binary):
    """Collects one account after the other with one function, and prints what that came to."""
    took, processor, held = [], [], []
    with SimulatedAws(max(COLLECTED_BY_ONE)) as aws, Function(binary, aws) as function:
        for number in range(max(COLLECTED_BY_ONE)):
            seconds, answer = function.invoke(collect_event(number))
            assert answer == {"status": "Collected"}, answer
            took.append(seconds * 1000)
            if number + 1 in COLLECTED_BY_ONE:
                processor.append(function.processor_seconds() * 1000)
                held.append(function.memory("VmRSS"))
        peak = function.memory("VmHWM")
    print(f"| accounts collected by one function | {' | '.join(f'{count:,}' for count in COLLECTED_BY_ONE)} |")
    print(f"|---{'|---' * len(COLLECTED_BY_ONE)}|")
    print(f"| held | {' | '.join(f'{memory:.1f} MB' for memory in held)} |")
    accounts = COLLECTED_BY_ONE[-1] - COLLECTED_BY_ONE[0]
    print(
        f"\nAfter the first, {accounts:,} accounts took {statistics.median(took[1:]):.1f} ms each and "
        f"{(processor[-1] - processor[0]) / accounts:.2f} ms of processor time (aim: 5 ms). The peak was {peak:.1f} MB."
    )


if __name__ == "__main__":
    main()
