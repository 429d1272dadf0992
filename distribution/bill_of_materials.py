"""The software bill of materials, in CycloneDX: every crate of Cargo.lock with its version, checksum and
license, and which of them depend on which. Those that only tests and builds of other programs use are
marked as excluded from what is shipped."""

import json
import subprocess
import tomllib
import uuid
from datetime import datetime
from pathlib import Path

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).parents[1]
# The crates with a binary that is packaged.
SHIPPED = ["rollcall", "rollcall-functions"]


def bill_of_materials(version: str, time: datetime) -> str:
    """The bill as JSON, the same for the same Cargo.lock, version and time."""
    metadata = json.loads(_cargo("metadata", "--locked", "--format-version", "1"))
    checksums = _checksums()
    shipped = _shipped(metadata)
    components = {package["id"]: _component(package, checksums, package["id"] in shipped) for package in metadata["packages"]}
    product = Component(name="Rollcall", version=version, type=ComponentType.APPLICATION, bom_ref=f"product:rollcall@{version}")
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"rollcall {version} {time.isoformat()} {sorted(checksums.items())}"),
        components=components.values(),
        metadata=BomMetaData(component=product, timestamp=time),
    )
    for node in metadata["resolve"]["nodes"]:
        bom.register_dependency(components[node["id"]], [components[name] for name in node["dependencies"]])
    members = {package["name"]: package["id"] for package in metadata["packages"] if package["source"] is None}
    bom.register_dependency(product, [components[members[name]] for name in SHIPPED])
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _component(package: dict, checksums: dict[tuple[str, str], str], shipped: bool) -> Component:
    name, version = package["name"], package["version"]
    checksum = checksums.get((name, version))
    url = PackageURL("cargo", name=name, version=version)
    return Component(
        name=name,
        version=version,
        bom_ref=str(url),
        type=ComponentType.LIBRARY,
        scope=ComponentScope.REQUIRED if shipped else ComponentScope.EXCLUDED,
        purl=url if package["source"] else None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else [],
        # Some crates write MIT/Apache-2.0, as Cargo once allowed.
        licenses=[LicenseFactory().make_from_string(package["license"].replace("/", " OR "))],
    )


def _shipped(metadata: dict) -> set[str]:
    """The packages that the shipped ones need other than for their tests."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    reached: set[str] = set()
    ahead = [p["id"] for p in metadata["packages"] if p["source"] is None and p["name"] in SHIPPED]
    while ahead:
        package = ahead.pop()
        if package not in reached:
            reached.add(package)
            needed = [d for d in nodes[package]["deps"] if any(kind["kind"] != "dev" for kind in d["dep_kinds"])]
            ahead += [dependency["pkg"] for dependency in needed]
    return reached


def _checksums() -> dict[tuple[str, str], str]:
    """The checksum of each crate from the registry, by name and version."""
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return {(p["name"], p["version"]): p["checksum"] for p in packages if "checksum" in p}


def _cargo(*arguments: str) -> str:
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout
