"""The templates as a bucket has them: what template.yml names on this disk, they name in the folder of the
package. Whoever deploys them needs neither SAM nor a compiler."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEMPLATE = "template.yml"

# Only the bucket is a parameter. Were the folder one, an update would keep the folder of the version before.
PARAMETER = """\
  PackageBucketName:
    Type: String
    Description: >-
      The bucket that holds the folder {folder} of this package. It lies in the Region of the stack, because
      Lambda takes code from no other, and whoever deploys can read it.
    AllowedPattern: ^[a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9]$
    ConstraintDescription: must be the name of a bucket in this Region
"""
GROUP = """\
      - Label: {{ default: Where this package lies }}
        Parameters: [PackageBucketName]
"""
FUNCTION = re.compile(
    r"    Metadata:\n"
    r"      BuildMethod: rust-cargolambda\n"
    r"      BuildProperties: \{ Binary: (?P<binary>[a-z-]+) \}\n"
    r"(?P<between>(?:      .*\n|    Properties:\n|    Condition: \w+\n)*?)"
    r"      Code: \.\n"
)
CODE = "      Code: {{ S3Bucket: !Ref PackageBucketName, S3Key: !Sub '{folder}/functions/{binary}-${{Architecture}}.zip' }}\n"
NESTED = re.compile(r"TemplateURL: (?P<file>templates/[\w.-]+)$", re.MULTILINE)
URL = "TemplateURL: !Sub 'https://s3.${{AWS::Region}}.${{AWS::URLSuffix}}/${{PackageBucketName}}/{folder}/{file}'"
DEFINITION = re.compile(r"DefinitionS3Location: (?P<file>statemachine/[\w.-]+)$", re.MULTILINE)
LOCATION = "DefinitionS3Location: {{ Bucket: !Ref PackageBucketName, Key: {folder}/{file} }}"
ARCHITECTURE = re.compile(r"(?<=^  Architecture:\n)(?P<rest>(?:    .*\n)*)", re.MULTILINE)
# CloudFormation documents no short forms of the functions that only rules have; SAM's build writes them out.
UNDOCUMENTED = re.compile(r"!(?:Contains|EachMemberEquals|EachMemberIn|RefAll|ValueOf|ValueOfAll)\b")
# Whatever would still be looked for on the disk of whoever deploys.
LOCAL = re.compile(r"^ *(?:Code|CodeUri|ContentUri|TemplateURL|Location|DefinitionS3Location|DefinitionUri): [.\w][\w./-]*$", re.MULTILINE)


class Unpackable(Exception):
    """The template has something that this program does not know how to package."""


def binaries() -> list[str]:
    """The functions of the template, by their binaries."""
    return [match["binary"] for match in FUNCTION.finditer((ROOT / TEMPLATE).read_text())]


def definitions() -> list[str]:
    """The definitions of state machines that the template names."""
    return [match["file"] for match in DEFINITION.finditer((ROOT / TEMPLATE).read_text())]


def packaged(folder: str, architectures: list[str]) -> str:
    """template.yml, for the functions of these architectures, the first of which is the default."""
    text = (ROOT / TEMPLATE).read_text()
    # SAM's transform is for SAM's build: every resource is CloudFormation's own.
    text = re.sub(r"^Transform: AWS::Serverless-2016-10-31\n", "", text, flags=re.MULTILINE)
    text = FUNCTION.sub(lambda found: found["between"] + CODE.format(folder=folder, binary=found["binary"]), text)
    text = NESTED.sub(lambda found: URL.format(folder=folder, file=found["file"]), text)
    text = DEFINITION.sub(lambda found: LOCATION.format(folder=folder, file=found["file"]), text)
    text = _once(text, "\nParameters:\n", "\nParameters:\n" + PARAMETER.format(folder=folder))
    text = _once(text, "\n    ParameterGroups:\n", "\n    ParameterGroups:\n" + GROUP.format())
    text = ARCHITECTURE.sub(lambda found: _architectures(found["rest"], architectures), text)
    if short := UNDOCUMENTED.search(text):
        raise Unpackable(f"{TEMPLATE} has {short[0]}, which is not documented: write {short[0].replace('!', 'Fn::')}")
    if left := LOCAL.search(text):
        raise Unpackable(f"{TEMPLATE} has `{left[0].strip()}`, which distribution/packaged_template.py does not package")
    return text


def others() -> dict[str, str]:
    """The templates beside it, which name nothing on the disk, by their paths."""
    found = {f"templates/{file.name}": file.read_text() for file in sorted((ROOT / "templates").glob("*.yml"))}
    for file, text in found.items():
        if left := LOCAL.search(text):
            raise Unpackable(f"{file} has `{left[0].strip()}`; only {TEMPLATE} may name files")
    return found


def _architectures(parameter: str, built: list[str]) -> str:
    parameter = re.sub(r"(?m)^    Default: .*$", f"    Default: {built[0]}", parameter)
    return re.sub(r"(?m)^    AllowedValues: .*$", f"    AllowedValues: [{', '.join(built)}]", parameter)


def _once(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise Unpackable(f"{TEMPLATE} has {old.strip()!r} {text.count(old)} times, not once")
    return text.replace(old, new)
