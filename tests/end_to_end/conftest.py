"""One local AWS, one organization and one deployed stack for all end-to-end tests."""

import shutil
import sys
import threading
import uuid
from collections import namedtuple
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from local_aws import command, deployment, organization, proxy, release, reports  # noqa: E402
from local_aws.organization import MANAGEMENT  # noqa: E402
from local_aws.server import LocalAws  # noqa: E402

# More than the 20 accounts of one page of ListAccounts, and 25 members besides those of the landing zone.
TEAMS = [(f"Team {number:02}", "Teams", None) for number in range(1, 14)]
ACCOUNTS = organization.ACCOUNTS + TEAMS

CommandRun = namedtuple("CommandRun", "done day")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("local-aws")


@pytest.fixture(scope="session")
def running_aws(folder):
    with LocalAws(folder) as aws:
        yield aws


@pytest.fixture
def aws(running_aws):
    """The local AWS, with nothing scripted."""
    running_aws.proxy.reset()
    yield running_aws
    running_aws.proxy.reset()


@pytest.fixture(scope="session")
def org(running_aws):
    return organization.make(running_aws, ACCOUNTS)


@pytest.fixture(scope="session")
def built(running_aws, folder):
    deployment.build(running_aws, folder)


@pytest.fixture(scope="session")
def deployed(running_aws, folder, org, built):
    stack = deployment.Deployment(
        running_aws,
        folder,
        OrganizationId=org.id,
        ErrorEmail="security@example.com",
        FindingsEmail="owners@example.com",
        ChatMessages="true",
        PollSeconds=0,
    )
    organization.deploy_member_roles(running_aws, org, stack.outputs["CollectorRoleArn"], ACCOUNTS)
    return stack


@pytest.fixture
def stack(aws, deployed):
    """The deployed stack, with no message waiting."""
    for kind in deployed.queue_urls:
        deployed.messages(kind)
    return deployed


@pytest.fixture(scope="session")
def rollcall_binary(folder):
    return command.build(folder)


@pytest.fixture(scope="session")
def package(folder, built, rollcall_binary):
    """The package of a release, of the binaries that other tests have built already."""
    release.make(folder, folder / "dist")
    return folder / "dist"


@pytest.fixture(scope="session")
def access_roles(running_aws, org):
    organization.make_access_roles(running_aws, org, ACCOUNTS)


@pytest.fixture
def rollcall(aws, access_roles, rollcall_binary, tmp_path):
    """The command `rollcall`, with nothing scripted."""
    return command.Rollcall(rollcall_binary, aws, tmp_path)


@pytest.fixture(scope="session")
def command_run(running_aws, access_roles, rollcall_binary, tmp_path_factory):
    """A run of the command over the whole organization, whose credentials are 120 days old: what it
    printed, and the folder of its day. A test that changes something takes `day`."""
    folder = tmp_path_factory.mktemp("command-run")
    running_aws.proxy.reset()
    old = reports.rewritten(lambda content: reports.older(content, 120))
    running_aws.proxy.script("iam", "GetCredentialReport", old, forever=True)
    done = command.Rollcall(rollcall_binary, running_aws, folder)("run", "--output", folder / "reports")
    running_aws.proxy.reset()
    return CommandRun(done, command.the_day(folder / "reports"))


@pytest.fixture
def day(command_run, tmp_path):
    """A copy of the day of `command_run`."""
    copy = shutil.copytree(command_run.day.parent, tmp_path / "copy")
    return copy / command_run.day.name


@pytest.fixture
def bucket(aws):
    """An empty bucket."""
    s3 = aws.client("s3", MANAGEMENT)
    name = f"reports-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    return name


@pytest.fixture
def hold(aws, monkeypatch):
    """Scripts calls that get no answer until the test is over; gives an event of the first of them."""
    over, held = threading.Event(), []
    # The caller is gone by then, so the error that the answer could not be sent says nothing.
    monkeypatch.setattr(aws.proxy.server, "handle_error", lambda *_: None)

    def hold(service, action, account=None, of=lambda request: True):
        reached = threading.Event()

        def answer(request, forward):
            if not of(request):
                return forward(request)
            held.append(threading.current_thread())
            reached.set()
            over.wait(command.SECONDS)
            return proxy.Response(503, b"")

        aws.proxy.script(service, action, answer, account=account, forever=True)
        return reached

    yield hold
    over.set()
    for thread in held:
        thread.join(5)
