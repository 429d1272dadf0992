"""Archives have the same bytes whatever order, times and machine their files come from."""

import os
import random
import stat
import tarfile
import time
import zipfile
from datetime import UTC, datetime

import pytest
from archives import PROGRAM, Member, write_tar_gz, write_zip

TIME = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MEMBERS = [Member("bootstrap", b"\x7fELF" * 1000, PROGRAM), Member("templates/athena.yml", b"a: b\n"), Member("LICENSE", b"MIT\n")]


@pytest.mark.parametrize("write", [write_zip, write_tar_gz])
def test_the_same_members_give_the_same_bytes_in_any_order_and_time_zone(write, tmp_path, monkeypatch):
    written = []
    for number, zone in enumerate(("UTC", "Asia/Tokyo", "America/New_York")):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        os.umask(0o022 if number else 0o077)
        file = tmp_path / f"{number}.archive"
        write(file, random.sample(MEMBERS, len(MEMBERS)), TIME)
        written.append(file.read_bytes())
    monkeypatch.undo()
    time.tzset()
    assert len(set(written)) == 1
    write(tmp_path / "later", MEMBERS, datetime(2026, 11, 26, tzinfo=UTC))
    assert (tmp_path / "later").read_bytes() != written[0], "the time is in it"


def test_a_zip_file_has_modes_and_the_given_time(tmp_path):
    write_zip(tmp_path / "function.zip", MEMBERS, TIME)
    with zipfile.ZipFile(tmp_path / "function.zip") as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        assert list(entries) == ["LICENSE", "bootstrap", "templates/athena.yml"]
        modes = {name: stat.filemode(entry.external_attr >> 16) for name, entry in entries.items()}
        assert modes == {"LICENSE": "-rw-r--r--", "bootstrap": "-rwxr-xr-x", "templates/athena.yml": "-rw-r--r--"}
        assert {entry.date_time for entry in entries.values()} == {(2026, 11, 25, 12, 0, 0)}
        assert archive.read("bootstrap") == MEMBERS[0].content


def test_a_time_before_zip_files_is_the_earliest_that_they_know(tmp_path):
    write_zip(tmp_path / "old.zip", MEMBERS, datetime(1970, 1, 1, tzinfo=UTC))
    with zipfile.ZipFile(tmp_path / "old.zip") as archive:
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_a_tar_file_belongs_to_root_and_keeps_modes(tmp_path):
    write_tar_gz(tmp_path / "command.tar.gz", MEMBERS, TIME)
    with tarfile.open(tmp_path / "command.tar.gz") as archive:
        entries = {entry.name: entry for entry in archive}
    assert {(entry.uid, entry.gid, entry.mtime) for entry in entries.values()} == {(0, 0, int(TIME.timestamp()))}
    assert entries["bootstrap"].mode == 0o755 and entries["LICENSE"].mode == 0o644
