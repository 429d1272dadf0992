"""`make deploy`, up to what it tells SAM."""

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from templates import ROOT

FAKE_SAM = """#!/bin/sh
echo "sam $* in $AWS_REGION and $AWS_DEFAULT_REGION"
"""
# The SDK of the SAM CLI is the one that knows the Region.
PYTHON = f"""#!/bin/sh
exec {ROOT / ".tools" / "sam" / "bin" / "python"} "$@"
"""
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
IN_FRANKFURT = {"AWS_REGION": "eu-central-1"}
ACCOUNTS = "AccountIds=111122223333 ManageMemberRoles=false"


class Aws(BaseHTTPRequestHandler):
    """Who asks, what Lambda has free, the MaxConcurrency of a deployed stack, and the organization with its
    roots. None where AWS refuses."""

    free, deployed = 1000, None
    organization = {"Id": "o-a1b2c3d4e5", "MasterAccountId": "111122223333"}
    roots = [{"Id": "r-ab12"}]
    stacks_refused_with = "ValidationError"
    identity = "<Arn>arn:aws:iam::111122223333:user/anna</Arn><UserId>A</UserId><Account>111122223333</Account>"

    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "X-Amz-Target" in self.headers:
            self._organizations(self.headers["X-Amz-Target"].partition(".")[2])
        elif "Action=GetCallerIdentity" in asked:
            answer = f"<GetCallerIdentityResult>{self.identity}</GetCallerIdentityResult>"
            self._answer(200, f"<GetCallerIdentityResponse>{answer}</GetCallerIdentityResponse>")
        elif self.deployed is None:
            self._answer(400, "<ErrorResponse><Error><Code>" + self.stacks_refused_with + "</Code></Error></ErrorResponse>")
        else:
            parameter = f"<ParameterKey>MaxConcurrency</ParameterKey><ParameterValue>{self.deployed}</ParameterValue>"
            stack = f"<member><StackName>rollcall</StackName><Parameters><member>{parameter}</member></Parameters></member>"
            answer = f"<DescribeStacksResult><Stacks>{stack}</Stacks></DescribeStacksResult>"
            self._answer(200, f"<DescribeStacksResponse>{answer}</DescribeStacksResponse>")

    def _organizations(self, operation):
        answer = {"DescribeOrganization": self.organization, "ListRoots": self.roots}[operation]
        if isinstance(answer, str):
            self._answer(400, json.dumps({"__type": answer, "Message": "refused"}))
        else:
            self._answer(200, json.dumps({"Organization": answer} if operation == "DescribeOrganization" else {"Roots": answer}))

    def do_GET(self):
        if self.free is None:
            self._answer(403, json.dumps({"message": "not authorized", "code": "AccessDeniedException"}))
        else:
            self._answer(200, json.dumps({"AccountLimit": {"UnreservedConcurrentExecutions": self.free}}))

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def aws():
    """An AWS of one account; a test changes what it answers."""
    handler = type("AwsOfATest", (Aws,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    handler.endpoint = f"http://127.0.0.1:{server.server_port}"
    yield handler
    server.shutdown()


@pytest.fixture
def make_deploy(tmp_path, aws):
    """Runs the target with a SAM CLI that only says what it was told, and a profile for us-west-2."""
    for name, text in (("sam", FAKE_SAM), ("python", PYTHON)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    config = tmp_path / "config"
    config.write_text("[default]\nregion = us-west-2\n[profile nowhere]\n")

    def run(*arguments, answer="y\n", **environment):
        # The real SAM CLI need not be of these requirements.
        command = ["make", "--no-print-directory", "-o", ".tools/sam.ready", "deploy", f"SAM={tmp_path}", *arguments]
        ours = ("AWS_", "CONFIRM", "STACK", "PARAMETERS", "MAKE")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
            "AWS_CONFIG_FILE": str(config),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
            "AWS_ENDPOINT_URL": aws.endpoint,
            **CREDENTIALS,
            **environment,
        }
        environment = {name: value for name, value in environment.items() if value is not None}
        return subprocess.run(command, cwd=ROOT, env=environment, input=answer, capture_output=True, text=True)

    return run


def refusal(done):
    assert done.returncode != 0
    assert "sam " not in done.stdout, "nothing is built and nothing deployed"
    return next(line for line in done.stderr.splitlines() if line.startswith("error: "))


def test_a_misspelt_parameter_is_refused_by_name(make_deploy):
    done = make_deploy("PARAMETERS=AccountIds=111122223333 ErorEmail=security@example.com")
    assert "template.yml has no parameter ErorEmail (of ErorEmail=security@example.com)" in refusal(done)


def test_parameters_and_the_stacks_name_are_handed_on(make_deploy):
    done = make_deploy(f"PARAMETERS={ACCOUNTS}", "STACK=rollcall-two", **IN_FRANKFURT)
    assert done.returncode == 0, done.stderr
    assert f"sam build --config-file config.toml --parameter-overrides {ACCOUNTS} in" in done.stdout
    assert f"sam deploy --config-file config.toml --stack-name rollcall-two --parameter-overrides {ACCOUNTS} in" in done.stdout


def test_without_parameters_the_stack_keeps_those_it_has(make_deploy, aws):
    aws.deployed = 100
    done = make_deploy(**IN_FRANKFURT)
    assert "sam build --config-file config.toml in" in done.stdout
    assert "sam deploy --config-file config.toml --stack-name rollcall in" in done.stdout


@pytest.mark.parametrize(
    ("environment", "region"),
    [
        ({"AWS_REGION": "eu-central-1"}, "eu-central-1"),
        ({"AWS_DEFAULT_REGION": "eu-central-1"}, "eu-central-1"),
        ({"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"}, "eu-central-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-central-1"}, "eu-central-1"),
        ({}, "us-west-2"),
    ],
    ids=["AWS_REGION", "AWS_DEFAULT_REGION", "both", "one empty", "of the profile"],
)
def test_either_variable_names_the_region_and_it_is_said_before_anything_happens(make_deploy, environment, region):
    done = make_deploy(f"PARAMETERS={ACCOUNTS}", **environment)
    assert done.returncode == 0, done.stderr
    said, _, rest = done.stdout.partition("Deploy? [y/N] ")
    assert said.splitlines() == [
        "Stack    rollcall",
        "Account  111122223333, as arn:aws:iam::111122223333:user/anna",
        f"Region   {region}",
        "With     AccountIds=111122223333",
        "         ManageMemberRoles=false",
    ]
    assert [line.split(" in ")[1] for line in rest.splitlines()] == [f"{region} and {region}"] * 2


def test_two_regions_are_refused(make_deploy):
    done = make_deploy(AWS_REGION="eu-central-1", AWS_DEFAULT_REGION="us-east-1")
    assert "AWS_REGION is eu-central-1 and AWS_DEFAULT_REGION is us-east-1" in refusal(done)


def test_no_region_is_refused(make_deploy):
    assert "no Region is set: export AWS_REGION" in refusal(make_deploy(AWS_PROFILE="nowhere"))


@pytest.mark.parametrize(
    ("free", "deployed", "parameters", "wanted"),
    [(10, None, ACCOUNTS, 100), (99, None, ACCOUNTS, 100), (10, 50, ACCOUNTS, 50), (10, 5, f"{ACCOUNTS} MaxConcurrency=11", 11)],
    ids=["default", "one less", "of the stack", "given"],
)
def test_more_collectors_than_lambda_has_room_for_are_named(make_deploy, aws, free, deployed, parameters, wanted):
    aws.free, aws.deployed = free, deployed
    said = make_deploy(f"PARAMETERS={parameters}", **IN_FRANKFURT).stdout
    assert f"Note     MaxConcurrency is {wanted}, and Lambda runs at most {free} functions at a time" in said
    assert f"add MaxConcurrency={free}, or ask AWS for more" in said


@pytest.mark.parametrize(
    ("free", "deployed", "parameters"),
    [(100, None, ACCOUNTS), (1000, 1000, ACCOUNTS), (10, 100, f"{ACCOUNTS} MaxConcurrency=10")],
    ids=["default", "of the stack", "given"],
)
def test_as_many_collectors_as_lambda_has_room_for_are_not_mentioned(make_deploy, aws, free, deployed, parameters):
    aws.free, aws.deployed = free, deployed
    assert "Note" not in make_deploy(f"PARAMETERS={parameters}", **IN_FRANKFURT).stdout


def test_an_account_that_may_not_be_looked_at_is_deployed_in_all_the_same(make_deploy, aws):
    aws.free = None
    done = make_deploy(f"PARAMETERS={ACCOUNTS}", **IN_FRANKFURT)
    assert done.returncode == 0 and "Note     MaxConcurrency is not compared with Lambda's free concurrency" in done.stdout


def test_a_first_deployment_finds_its_organization_and_root_and_shows_them_before_it_asks(make_deploy):
    done = make_deploy(**IN_FRANKFURT)
    assert done.returncode == 0, done.stderr
    said, _, rest = done.stdout.partition("Deploy? [y/N] ")
    assert said.splitlines()[3:] == [
        "With     OrganizationId=o-a1b2c3d4e5 (the organization of this account)",
        "         OrganizationalUnitIds=r-ab12 (its root, so every account)",
    ]
    handed_on = "--parameter-overrides OrganizationId=o-a1b2c3d4e5 OrganizationalUnitIds=r-ab12 in"
    assert [handed_on in line for line in rest.splitlines()] == [True, True]
    assert "not confirmed" in refusal(make_deploy(answer="n\n", **IN_FRANKFURT))


def test_what_was_given_is_not_looked_for(make_deploy, aws):
    aws.organization = aws.roots = "AccessDeniedException"
    for parameters in (ACCOUNTS, "OrganizationId=o-bbbbbbbbbb OrganizationalUnitIds=r-cd34"):
        done = make_deploy(f"PARAMETERS={parameters}", **IN_FRANKFURT)
        assert f"--parameter-overrides {parameters} in" in done.stdout, done.stderr


def test_other_parameters_are_completed(make_deploy, aws):
    done = make_deploy("PARAMETERS=ErrorEmail=a@example.com OrganizationalUnitIds=ou-ab12-11111111", **IN_FRANKFURT)
    given = "ErrorEmail=a@example.com OrganizationalUnitIds=ou-ab12-11111111 OrganizationId=o-a1b2c3d4e5"
    assert f"--parameter-overrides {given} in" in done.stdout
    aws.roots = "AccessDeniedException"
    done = make_deploy("PARAMETERS=ManageMemberRoles=false", **IN_FRANKFURT)
    assert "--parameter-overrides ManageMemberRoles=false OrganizationId=o-a1b2c3d4e5 in" in done.stdout, "no StackSet, no root"


def test_an_account_that_is_not_the_management_account_is_a_delegated_administrator(make_deploy, aws):
    aws.organization = {"Id": "o-a1b2c3d4e5", "MasterAccountId": "999988887777"}
    done = make_deploy(**IN_FRANKFURT)
    assert "DelegatedAdministrator=true (the management account is 999988887777)" in done.stdout
    assert "OrganizationalUnitIds=r-ab12 DelegatedAdministrator=true in" in done.stdout


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"organization": "AWSOrganizationsNotInUseException"}, "this account is in no organization: give AccountIds with"),
        ({"organization": "AccessDeniedException"}, "give OrganizationId, or give AccountIds with the accounts to collect"),
        ({"roots": "AccessDeniedException"}, "give OrganizationalUnitIds, or deploy in the management account or a"),
        ({"stacks_refused_with": "AccessDenied"}, "it can't be told whether the stack rollcall is there"),
    ],
    ids=["none", "organization", "root", "stack"],
)
def test_what_can_not_be_found_is_asked_for(make_deploy, aws, changed, sentence):
    for name, value in changed.items():
        setattr(aws, name, value)
    assert sentence in refusal(make_deploy(**IN_FRANKFURT))


def test_no_credentials_are_refused(make_deploy):
    done = make_deploy(**IN_FRANKFURT, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    assert "Unable to locate credentials; set AWS_PROFILE or credentials" in refusal(done)


def test_nothing_is_deployed_without_a_yes(make_deploy):
    for answer in ("\n", "n\n", "no\n"):
        assert "not confirmed" in refusal(make_deploy(answer=answer, **IN_FRANKFURT))
    assert "give CONFIRM=no in a script" in refusal(make_deploy(answer="", **IN_FRANKFURT))


def test_a_script_is_not_asked(make_deploy):
    done = make_deploy("CONFIRM=no", answer="", **IN_FRANKFURT)
    assert done.returncode == 0 and "Deploy?" not in done.stdout
    assert make_deploy(answer="", CONFIRM="no", **IN_FRANKFURT).returncode == 0
