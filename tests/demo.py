"""`make demo`: a nightly run over an organization of fifteen accounts on a local AWS.

The template is the real one, deployed with the commands of the README; the functions are the real
binaries; IAM is enforced. Only AWS is local.
"""

import os
import shutil
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local_aws import deployment, organization
from local_aws.server import LocalAws, StartError

# How much of a long email the demo shows.
LINES_SHOWN = 24
DAYS_AHEAD = 120
ADDRESSES = [("errors", "security@example.com"), ("findings", "owners@example.com")]
FOLDER = Path(os.environ.get("ROLLCALL_DEMO_FOLDER") or deployment.ROOT / ".local" / "demo")


@contextmanager
def step(what):
    """A line for a step, and how long it took."""
    print(f"  {what} ...", end="", flush=True)
    start = time.monotonic()
    yield
    print(f" {time.monotonic() - start:.0f} s", flush=True)


def chosen_port():
    port = os.environ.get("ROLLCALL_PORT", "")
    if port and not (port.isdigit() and 0 < int(port) < 65536):
        raise StartError(f"ROLLCALL_PORT is {port!r}: give a port number, or leave it unset for a free one")
    return int(port) if port else None


def run():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    print("Rollcall's nightly run on a local AWS")
    with LocalAws(FOLDER, chosen_port()) as aws:
        print(f"  the local AWS listens on {aws.endpoint}")
        with step("making an organization of 15 accounts and their users"):
            made = organization.make(aws)
        with step("sam build (the first time compiles the AWS SDK: some minutes)"):
            deployment.build(aws, FOLDER)
        with step("sam deploy of template.yml"):
            parameters = {
                "OrganizationId": made.id,
                "ErrorEmail": "security@example.com",
                "FindingsEmail": "owners@example.com",
            }
            stack = deployment.Deployment(aws, FOLDER, **parameters)
        with step("deploying templates/member-role.yml into the accounts"):
            organization.deploy_member_roles(aws, made, stack.outputs["CollectorRoleArn"])
        # Everything was made a moment ago, so the clock of the rules is set ahead to make keys old.
        as_of = (datetime.now(UTC) + timedelta(days=DAYS_AHEAD)).date().isoformat()
        with step(f"running the state machine with asOf {as_of}, {DAYS_AHEAD} days ahead"):
            execution = stack.start(asOf=as_of)
        if execution["status"] != "SUCCEEDED":
            print(f"\nthe run ended as {execution['status']}: {execution.get('error')}: {execution.get('cause')}")
            return 1
        manifest = stack.manifest(execution)
        evidence = FOLDER / "evidence"
        for key in stack.keys():
            file = evidence / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(stack.read(key)[0])
        messages = [(address, stack.messages(kind, seconds=5)) for kind, address in ADDRESSES]
        findings = stack.findings(manifest["date"])
    show(manifest, findings, messages, evidence)
    return 0


def show(manifest, findings, messages, evidence):
    print(f"\n{'account':14}{'name':22}{'outcome':12}why")
    for account in manifest["accounts"]:
        why = account.get("code") or account.get("reason") or f"{account['report']['rows']} users"
        print(f"{account['account_id']:14}{account['name']:22}{account['outcome']:12}{why}")
    coverage = manifest["coverage"]
    print(
        f"\n{coverage['collected']} collected, {coverage['failed']} failed, {coverage['no_outcome']} without an outcome, "
        f"{coverage['skipped']} skipped: {coverage['percent']} percent covered"
    )
    print(f"\n{'severity':10}{'rule':28}{'open':>4}  {'such as':24}{'in':22}{'credential':14}{'age':>4} {'limit':>5}")
    examples = {}
    for finding in findings:
        examples.setdefault(finding["rule"], finding)
    for rule, finding in examples.items():
        age, limit = (finding[field] if finding[field] is not None else "" for field in ("age_days", "limit_days"))
        print(
            f"{finding['severity']:10}{rule:28}{manifest['findings']['by_rule'][rule]['open']:>4}  {finding['user']:24}"
            f"{finding['account_name']:22}{finding['credential']:14}{age:>4} {limit:>5}"
        )
    for address, sent in messages:
        for message in sent:
            lines = message["Message"].splitlines()
            print(f"\nThe email that {address} gets: {message['Subject']}\n")
            print("\n".join("  " + line for line in lines[:LINES_SHOWN]))
            if len(lines) > LINES_SHOWN:
                print(f"  ... and {len(lines) - LINES_SHOWN} more lines")
    day = evidence / manifest["date"]
    print(f"\nOpen {os.path.relpath(day / 'summary.html')} in a browser.")
    print(f"The evidence lies in {os.path.relpath(day)}; nothing is left running.")


if __name__ == "__main__":
    try:
        sys.exit(run())
    except (StartError, deployment.CommandFailed) as error:
        sys.exit(f"\nerror: {error}")
    except KeyboardInterrupt:
        sys.exit("\nstopped; nothing is left running")
