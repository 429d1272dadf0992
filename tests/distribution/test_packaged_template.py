"""template.yml as a bucket has it: the same resources, and every file of theirs in the package."""

import subprocess
from pathlib import Path

import packaged_template
import pytest
import yaml
from templates import Tagged

ROOT = Path(__file__).parents[2]
FOLDER = "rollcall-9.9.9-0123456789ab"
BUCKET = {"Ref": "PackageBucketName"}


def parse(text):
    return yaml.load(text, Tagged)


@pytest.fixture(scope="module")
def original():
    return parse((ROOT / "template.yml").read_text())


@pytest.fixture(scope="module")
def text():
    return packaged_template.packaged(FOLDER, ["arm64", "x86_64"])


@pytest.fixture(scope="module")
def packaged(text):
    return parse(text)


def test_every_function_takes_its_own_binary_for_the_chosen_processor(original, packaged):
    functions = {n: r for n, r in original["Resources"].items() if r["Type"] == "AWS::Lambda::Function"}
    assert len(functions) == len(packaged_template.binaries()) > 0
    for name, function in functions.items():
        binary = function["Metadata"]["BuildProperties"]["Binary"]
        there = packaged["Resources"][name]
        key = {"Fn::Sub": f"{FOLDER}/functions/{binary}-${{Architecture}}.zip"}
        assert there["Properties"]["Code"] == {"S3Bucket": BUCKET, "S3Key": key}
        assert "Metadata" not in there, "nothing is built any more"


def test_nested_templates_and_the_definition_lie_in_the_package(packaged):
    resources = packaged["Resources"]
    for name, file in (("LogArchive", "log-archive"), ("MemberRoles", "member-role")):
        url = "https://s3.${AWS::Region}.${AWS::URLSuffix}/${PackageBucketName}/" + f"{FOLDER}/templates/{file}.yml"
        assert resources[name]["Properties"]["TemplateURL"] == {"Fn::Sub": url}
    location = {"Bucket": BUCKET, "Key": f"{FOLDER}/statemachine/credential-reports.asl.json"}
    assert resources["NightlyRun"]["Properties"]["DefinitionS3Location"] == location


def test_nothing_else_differs(original, packaged):
    for template in (original, packaged):
        for resource in template["Resources"].values():
            resource.pop("Metadata", None)
            for name in ("Code", "TemplateURL", "DefinitionS3Location"):
                resource["Properties"].pop(name, None)
    assert packaged["Resources"] == original["Resources"]
    assert packaged["Outputs"] == original["Outputs"]
    assert set(packaged["Parameters"]) - set(original["Parameters"]) == {"PackageBucketName"}
    assert "Transform" not in packaged, "macros would need another capability"


def test_only_what_was_built_can_be_chosen_and_the_first_is_the_default():
    def choice(built):
        return parse(packaged_template.packaged(FOLDER, built))["Parameters"]["Architecture"]

    assert (choice(["x86_64"])["Default"], choice(["x86_64"])["AllowedValues"]) == ("x86_64", ["x86_64"])
    assert (choice(["arm64", "x86_64"])["Default"], choice(["arm64", "x86_64"])["AllowedValues"]) == ("arm64", ["arm64", "x86_64"])


def test_the_bucket_is_asked_for_first(packaged):
    groups = packaged["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert groups[0]["Parameters"] == ["PackageBucketName"]
    assert "Default" not in packaged["Parameters"]["PackageBucketName"]
    assert FOLDER in packaged["Parameters"]["PackageBucketName"]["Description"]


def test_it_is_sound_by_cfn_lint(text, tmp_path):
    file = tmp_path / "template.yml"
    lint = ROOT / ".tools" / "sam" / "bin" / "cfn-lint"

    def run(content):
        file.write_text(content)
        return subprocess.run([lint, "--regions", "us-east-1", "--", file], capture_output=True, text=True)

    assert run(text).returncode == 0, run(text).stdout
    assert run(text.replace("S3Bucket: ", "S3Buckt: ")).returncode != 0, "the check can fail"


def test_a_short_form_that_only_sam_knows_is_refused(monkeypatch, tmp_path):
    template = (ROOT / "template.yml").read_text()
    monkeypatch.setattr(packaged_template, "ROOT", tmp_path)
    (tmp_path / "template.yml").write_text(template.replace("{ Fn::Contains: [[cn-north-1", "!Contains [[cn-north-1").replace("AWS::Region] }", "AWS::Region]"))
    with pytest.raises(packaged_template.Unpackable, match="has !Contains, which is not documented: write Fn::Contains"):
        packaged_template.packaged(FOLDER, ["arm64"])


def test_a_file_that_would_be_missing_is_refused(monkeypatch, tmp_path):
    template = (ROOT / "template.yml").read_text()
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr(packaged_template, "ROOT", tmp_path)
    (tmp_path / "template.yml").write_text(template + "      CodeUri: somewhere/else\n")
    with pytest.raises(packaged_template.Unpackable, match="CodeUri: somewhere/else"):
        packaged_template.packaged(FOLDER, ["arm64"])
    (tmp_path / "templates" / "nested.yml").write_text("      TemplateURL: templates/athena.yml\n")
    with pytest.raises(packaged_template.Unpackable, match="templates/nested.yml"):
        packaged_template.others()
