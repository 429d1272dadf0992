"""What `make publish` does: it puts a package into buckets, and prints for each a link that opens the
CloudFormation console of the bucket's Region with the form filled in."""

import argparse
import re
import sys
from pathlib import Path
from urllib.parse import urlencode

import boto3
import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

TEMPLATE = "template.yml"
TYPES = {".json": "application/json", ".yml": "text/yaml", ".zip": "application/zip"}


class Refused(Exception):
    """Nothing is published; the text says why and what to do."""


def folder_of(dist: Path) -> Path:
    """The folder of a package that is meant for a bucket."""
    found = [file.parent for file in dist.glob(f"*/{TEMPLATE}")]
    if len(found) != 1:
        raise Refused(f"{dist} has no package: run `make package` first")
    return found[0]


def region_of(bucket: str) -> str:
    try:
        return boto3.client("s3").get_bucket_location(Bucket=bucket)["LocationConstraint"] or "us-east-1"
    except ClientError as error:
        raise Refused(
            f"the bucket {bucket} can't be used ({error}): make it with `aws s3 mb s3://{bucket} --region REGION`, "
            "or give one that these credentials may write to"
        ) from error


def upload(folder: Path, bucket: str, region: str) -> int:
    """Puts the folder into the bucket under its own name, and answers how many files it has."""
    s3 = boto3.client("s3", region_name=region)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for file in files:
        key = f"{folder.name}/{file.relative_to(folder)}"
        s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes(), ContentType=TYPES[file.suffix])
    return len(files)


def launch_link(folder: Path, bucket: str, region: str) -> str:
    """A quick-create link of CloudFormation."""
    session = botocore.session.get_session()
    partition = session.get_partition_for_region(region)
    console = re.search(rf"^  +{partition}:\n +ConsoleDomain: (\S+)$", (folder / TEMPLATE).read_text(), re.MULTILINE)
    (suffix,) = [p["outputs"]["dnsSuffix"] for p in session.get_data("partitions")["partitions"] if p["id"] == partition]
    query = {
        "templateURL": f"https://s3.{region}.{suffix}/{bucket}/{folder.name}/{TEMPLATE}",
        "stackName": "rollcall",
        "param_PackageBucketName": bucket,
    }
    return f"https://{region}.{console[1]}/cloudformation/home?region={region}#/stacks/create/review?{urlencode(query)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dist", type=Path)
    parser.add_argument("buckets", nargs="*")
    options = parser.parse_args()
    try:
        if not options.buckets:
            raise Refused('no bucket is given: make publish BUCKET="NAME", or several names, one in each Region')
        folder = folder_of(options.dist)
        for bucket in options.buckets:
            region = region_of(bucket)
            count = upload(folder, bucket, region)
            print(f"{count} files are in s3://{bucket}/{folder.name}/ in {region}; deploy them with\n{launch_link(folder, bucket, region)}")
    except Refused as error:
        sys.exit(f"error: {error}")
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"error: {error}: check credentials and Region, and publish again")


if __name__ == "__main__":
    main()
