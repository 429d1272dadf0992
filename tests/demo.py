"""`make demo`: a nightly run over an organization of fifteen accounts on a local AWS.

The template is the real one, deployed with the commands of the README; the functions are the real
binaries; IAM is enforced. Only AWS is local.
"""

import os
import shutil
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from local_aws import deployment, organization
from local_aws.server import LocalAws, StartError

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
            parameters = {"OrganizationId": made.id, "ErrorEmail": "security@example.com"}
            stack = deployment.Deployment(aws, FOLDER, **parameters)
        with step("deploying templates/member-role.yml into the accounts"):
            organization.deploy_member_roles(aws, made, stack.outputs["CollectorRoleArn"])
        with step("running the state machine"):
            execution = stack.start()
        if execution["status"] != "SUCCEEDED":
            print(f"\nthe run ended as {execution['status']}: {execution.get('error')}: {execution.get('cause')}")
            return 1
        manifest = stack.manifest(execution)
        evidence = FOLDER / "evidence"
        for key in stack.keys():
            file = evidence / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(stack.read(key)[0])
        messages = stack.messages(seconds=5)
    show(manifest, messages, evidence)
    return 0


def show(manifest, messages, evidence):
    print(f"\n{'account':14}{'name':22}{'outcome':12}why")
    for account in manifest["accounts"]:
        why = account.get("code") or account.get("reason") or f"{account['report']['rows']} users"
        print(f"{account['account_id']:14}{account['name']:22}{account['outcome']:12}{why}")
    coverage = manifest["coverage"]
    print(
        f"\n{coverage['collected']} collected, {coverage['failed']} failed, {coverage['no_outcome']} without an outcome, "
        f"{coverage['skipped']} skipped: {coverage['percent']} percent covered"
    )
    for message in messages:
        print(f"\nThe email that security@example.com gets: {message['Subject']}\n")
        print("\n".join("  " + line for line in message["Message"].splitlines()))
    print(f"\nThe evidence lies in {os.path.relpath(evidence / manifest['date'])}; nothing is left running.")


if __name__ == "__main__":
    try:
        sys.exit(run())
    except (StartError, deployment.CommandFailed) as error:
        sys.exit(f"\nerror: {error}")
    except KeyboardInterrupt:
        sys.exit("\nstopped; nothing is left running")
