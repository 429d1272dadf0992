"""A package in a bucket, and the link that deploys it."""

import sys
from urllib.parse import parse_qs, urlsplit

import boto3
import packaged_template
import publish
import pytest
from moto import mock_aws

FOLDER = "rollcall-9.9.9-0123456789ab"


@pytest.fixture
def dist(tmp_path):
    folder = tmp_path / "dist" / FOLDER
    (folder / "functions").mkdir(parents=True)
    (folder / "template.yml").write_text(packaged_template.packaged(FOLDER, ["arm64"]))
    (folder / "functions" / "notify-arm64.zip").write_bytes(b"PK")
    (tmp_path / "dist" / "SHA256SUMS").write_text("")
    return tmp_path / "dist"


@pytest.fixture
def s3(monkeypatch):
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield boto3.client("s3")


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["publish.py", *map(str, arguments)])
    publish.main()


def test_every_bucket_gets_the_folder_and_a_link_for_its_region(dist, s3, monkeypatch, capsys):
    s3.create_bucket(Bucket="ours")
    s3.create_bucket(Bucket="ours-too", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    run(monkeypatch, dist, "ours", "ours-too")
    for bucket in ("ours", "ours-too"):
        keys = {item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
        assert keys == {f"{FOLDER}/template.yml", f"{FOLDER}/functions/notify-arm64.zip"}
    links = [line for line in capsys.readouterr().out.splitlines() if line.startswith("https://")]
    assert [urlsplit(link).hostname for link in links] == [
        "us-east-1.console.aws.amazon.com", "eu-central-1.console.aws.amazon.com",
    ]  # fmt: skip
    path, _, query = urlsplit(links[1]).fragment.partition("?")
    assert path == "/stacks/create/review"
    assert parse_qs(query) == {
        "templateURL": [f"https://s3.eu-central-1.amazonaws.com/ours-too/{FOLDER}/template.yml"],
        "stackName": ["rollcall"],
        "param_PackageBucketName": ["ours-too"],
    }


@pytest.mark.parametrize(
    ("region", "console", "storage"),
    [
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com", "s3.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn", "s3.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu", "s3.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_other_partitions_have_other_consoles(dist, region, console, storage):
    link = publish.launch_link(dist / FOLDER, "ours", region)
    assert urlsplit(link).hostname == console
    assert f"templateURL=https%3A%2F%2F{storage}%2F" in link


def test_what_is_missing_is_told_with_what_to_do(dist, s3, monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match="no bucket is given: make publish BUCKET="):
        run(monkeypatch, dist)
    with pytest.raises(SystemExit, match="aws s3 mb s3://not-there --region REGION"):
        run(monkeypatch, dist, "not-there")
    with pytest.raises(SystemExit, match="run `make package` first"):
        run(monkeypatch, tmp_path / "empty", "ours")
