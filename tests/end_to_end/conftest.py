"""One local AWS, one organization and one deployed stack for all end-to-end tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from local_aws import deployment, organization  # noqa: E402
from local_aws.server import LocalAws  # noqa: E402

# More than the 20 accounts of one page of ListAccounts.
TEAMS = [(f"Team {number:02}", "Teams", None) for number in range(1, 11)]
ACCOUNTS = organization.ACCOUNTS + TEAMS


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
