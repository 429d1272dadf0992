"""Archives that have the same bytes whenever they are made of the same files: their order, times, owners
and modes are not those of this machine."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PROGRAM, DATA = 0o755, 0o644
# A zip file can't tell of an earlier time.
EARLIEST_IN_ZIP = datetime(1980, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Member:
    """A file of an archive: its path there, its bytes and its mode."""

    name: str
    content: bytes
    mode: int = DATA


def write_zip(path: Path, members: Iterable[Member], time: datetime) -> None:
    """Writes a zip file whose members all have the same time."""
    moment = max(time, EARLIEST_IN_ZIP).timetuple()[:6]
    with zipfile.ZipFile(path, "w") as archive:
        for member in sorted(members):
            entry = zipfile.ZipInfo(member.name, moment)
            # An archive in an archive does not get smaller.
            entry.compress_type = zipfile.ZIP_STORED if member.name.endswith(".zip") else zipfile.ZIP_DEFLATED
            # As Unix writes it, on whatever system: otherwise the mode would not count.
            entry.create_system = 3
            entry.external_attr = (0o100000 | member.mode) << 16
            archive.writestr(entry, member.content)


def write_tar_gz(path: Path, members: Iterable[Member], time: datetime) -> None:
    """Writes a compressed tar file whose members all have the same time and belong to root."""
    seconds = int(time.timestamp())
    with (
        open(path, "wb") as file,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=seconds) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for member in sorted(members):
            entry = tarfile.TarInfo(member.name)
            entry.size, entry.mode, entry.mtime = len(member.content), member.mode, seconds
            archive.addfile(entry, io.BytesIO(member.content))
