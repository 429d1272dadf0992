"""`make deploy`, up to what it tells SAM."""

import os
import subprocess

import pytest
from moto.server import ThreadedMotoServer
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


@pytest.fixture(scope="module")
def sts():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def make_deploy(tmp_path, sts):
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
            "AWS_ENDPOINT_URL": sts,
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


def test_without_parameters_the_stack_keeps_those_it_has(make_deploy):
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
        "Account  123456789012, as arn:aws:sts::123456789012:user/moto",
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
