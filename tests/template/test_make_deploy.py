"""`make deploy`, up to what it tells SAM."""

import os
import subprocess

import pytest
from templates import ROOT

FAKE_SAM = """#!/bin/sh
echo "sam $*"
"""


@pytest.fixture
def make_deploy(tmp_path):
    """Runs the target with a SAM CLI that only says what it was told."""
    sam = tmp_path / "sam"
    sam.write_text(FAKE_SAM)
    sam.chmod(0o755)

    def run(*arguments):
        # The real SAM CLI need not be there, nor be of these requirements.
        command = ["make", "--no-print-directory", "-o", ".tools/sam.ready", "deploy", f"SAM={tmp_path}", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    return run


def test_a_misspelt_parameter_is_refused_by_name(make_deploy):
    done = make_deploy("PARAMETERS=AccountIds=111122223333 ErorEmail=security@example.com")
    assert done.returncode != 0
    assert "template.yml has no parameter ErorEmail (of ErorEmail=security@example.com)" in done.stderr
    assert "sam deploy" not in done.stdout


def test_parameters_and_the_stacks_name_are_handed_on(make_deploy):
    done = make_deploy("PARAMETERS=AccountIds=111122223333 ManageMemberRoles=false", "STACK=rollcall-two")
    assert done.returncode == 0, done.stderr
    parameters = "--parameter-overrides AccountIds=111122223333 ManageMemberRoles=false"
    assert f"sam build --config-file config.toml {parameters}\n" in done.stdout
    assert f"sam deploy --config-file config.toml --stack-name rollcall-two {parameters}\n" in done.stdout
