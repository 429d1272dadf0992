"""The roll against moto, an emulator of Organizations that is independent of the one the other tests
run on: it pages ListAccounts and answers State."""

import boto3
import pytest
from local_aws import deployment, proxy
from local_aws.server import REGION
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture(scope="module")
def organizations(moto):
    """An organization of 26 accounts in moto: one is closed, one stands two units deep."""
    keys = {"aws_access_key_id": "moto", "aws_secret_access_key": "moto"}
    client = boto3.client("organizations", endpoint_url=moto, region_name=REGION, **keys)
    client.create_organization(FeatureSet="ALL")
    root_id = client.list_roots()["Roots"][0]["Id"]
    ids = []
    for number in range(25):
        answer = client.create_account(AccountName=f"Account {number}", Email=f"account-{number}@example.com")
        ids.append(answer["CreateAccountStatus"]["AccountId"])
    outer = client.create_organizational_unit(ParentId=root_id, Name="Outer")["OrganizationalUnit"]["Id"]
    inner = client.create_organizational_unit(ParentId=outer, Name="Inner")["OrganizationalUnit"]["Id"]
    client.move_account(AccountId=ids[0], SourceParentId=root_id, DestinationParentId=inner)
    client.close_account(AccountId=ids[1])
    return client, ids


def test_the_roll_is_motos_organization_to_the_last_page(aws, folder, built, moto, organizations):
    client, ids = organizations
    moto_port = int(moto.rsplit(":", 1)[1])

    def ask_moto(request, forward):
        return proxy.forward_to(moto_port, request)

    for action in ("DescribeOrganization", "ListAccounts", "ListRoots", "ListAccountsForParent", "ListOrganizationalUnitsForParent"):
        aws.proxy.script("organizations", action, ask_moto, forever=True)
    organization_id = client.describe_organization()["Organization"]["Id"]
    stack = deployment.Deployment(aws, folder, stack="rollcall-moto", OrganizationId=organization_id)
    manifest = stack.manifest(stack.start())
    accounts = {account["account_id"]: account for account in manifest["accounts"]}
    assert len(aws.proxy.calls("organizations", "ListAccounts")) > 1, "it was paged"
    assert set(ids) < set(accounts)
    assert len(accounts) == 26
    assert accounts[ids[0]]["path"] == "Root/Outer/Inner"
    assert accounts[ids[1]]["outcome"] == "skipped"
    # Moto's accounts have no roles here.
    assert accounts[ids[2]]["code"] == "RoleMissingOrDenied", accounts[ids[2]]["message"]
