"""Connections over TLS, as those to AWS are. The local AWS speaks plain HTTP, so this is the simulated one."""

import json
from contextlib import ExitStack

import pytest
import trustme
from lambda_runtime import DATE, Function, FunctionFailed, collect_event, events
from local_aws import command
from local_aws.deployment import ROOT
from simulated_aws import SimulatedAws, build

ACCOUNTS = 3


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def certificates(authority, folder):
    """The file of the authorities that are trusted."""
    path = folder / "authorities.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="module")
def program():
    return build()


@pytest.fixture
def served(authority, program):
    """Serves an AWS that has a certificate for a name."""
    with ExitStack() as running:
        yield lambda name: running.enter_context(SimulatedAws(program, ACCOUNTS, certificate=authority.issue_cert(name)))


@pytest.fixture
def run(rollcall):
    """`rollcall run` of the whole organization that `aws` is, with these variables."""

    def run(aws, **environment):
        return rollcall("run", "--output", "reports", environment=aws.environment(environment))

    return run


def test_a_run_talks_tls_to_servers_whose_authority_is_trusted(served, run, rollcall, certificates):
    aws = served("127.0.0.1")
    done = run(aws, SSL_CERT_FILE=str(certificates))
    reports = command.reports(command.the_day(rollcall.folder / "reports"))
    assert len(reports) == ACCOUNTS + 1, done
    # A session for each account but its own.
    assert aws.calls["AssumeRole"] == ACCOUNTS


def test_a_server_without_a_trusted_certificate_is_not_called(served, run):
    aws = served("127.0.0.1")
    refusal = command.refusal(run(aws))
    assert "invalid peer certificate" in refusal and "SSL_CERT_FILE" in refusal
    assert aws.calls == {}


def test_a_server_with_a_certificate_for_another_name_is_not_called(served, run, certificates):
    aws = served("elsewhere.example")
    assert "certificate" in command.refusal(run(aws, SSL_CERT_FILE=str(certificates)))
    assert aws.calls == {}


def built_function(name):
    logical_id = "".join(word.capitalize() for word in name.split("-")) + "Function"
    return ROOT / ".aws-sam" / "build" / logical_id / "bootstrap"


def test_the_functions_talk_tls_all_night(served, built, certificates):
    aws = served("127.0.0.1")
    for name, event in events(aws).items():
        with Function(built_function(name), aws, SSL_CERT_FILE=str(certificates)) as function:
            function.invoke(event)
            if name == "collect-report":
                # By the same process, which may still have the connection of its first account.
                answers = [function.invoke(collect_event(account_id))[1] for account_id in aws.accounts[1:]]
                assert answers == [{"status": "Collected"}] * (ACCOUNTS - 1)
    manifest = json.loads(aws.object("reports", f"{DATE}/run.json"))
    # The management account was not collected tonight.
    assert (manifest["coverage"]["collected"], manifest["coverage"]["no_outcome"]) == (ACCOUNTS, 1)
    # The account without an outcome, and the digest of the findings.
    assert aws.calls["Publish"] == 2


def test_a_function_stores_nothing_from_a_server_without_a_trusted_certificate(served, built):
    aws = served("127.0.0.1")
    with Function(built_function("collect-report"), aws) as function:
        with pytest.raises(FunctionFailed, match="StorageFailed.*certificate"):
            function.invoke(collect_event(aws.accounts[0]))
    assert aws.calls == {}
