"""The cache gives back what was stored, or nothing."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tuner.encoder import Encoded, Settings, Version
from tuner.errors import CacheError
from tuner.jobs.cache import Cache, encode_key, score_key
from tuner.scorer import Score

VERSION = Version("toy 1.0", "/usr/bin/toy", "0123456789abcdef")
SETTINGS = Settings("cbr", (("cutoff_hz", 16000),))
KEY = encode_key("c" * 64, "toy", VERSION, SETTINGS, 64.0)
#: Newlines in the data must not be taken for the end of the header.
ENCODED = Encoded(b"\n\x00payload\n" * 100, ".toy", 6400, 0.125)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def _only_file(folder: Path) -> Path:
    (path,) = (p for p in folder.rglob("*") if p.is_file())
    return path


def test_an_encode_comes_back_as_it_was_stored(cache: Cache) -> None:
    """Bytes, suffix, payload and cost survive; before storing there is nothing."""
    assert cache.get_encode(KEY) is None
    cache.put_encode(KEY, ENCODED)
    assert cache.get_encode(KEY) == ENCODED


def test_a_score_comes_back_as_it_was_stored(cache: Cache) -> None:
    """To the last bit."""
    score = Score(100 / 3, 0.1 + 0.2, 0.1, (1 / 3, 2 / 3), (0.7, 0.1 + 0.7))
    assert cache.get_score(KEY) is None
    cache.put_score(KEY, score)
    assert cache.get_score(KEY) == score


@pytest.mark.parametrize(
    "other",
    [
        encode_key("d" * 64, "toy", VERSION, SETTINGS, 64.0),
        encode_key("c" * 64, "toy2", VERSION, SETTINGS, 64.0),
        encode_key("c" * 64, "toy", Version("toy 1.1", "", VERSION.digest), SETTINGS, 64.0),
        encode_key("c" * 64, "toy", Version("toy 1.0", "", "f" * 16), SETTINGS, 64.0),
        encode_key("c" * 64, "toy", VERSION, Settings("vbr", SETTINGS.values), 64.0),
        encode_key("c" * 64, "toy", VERSION, Settings("cbr", (("cutoff_hz", 16001),)), 64.0),
        encode_key("c" * 64, "toy", VERSION, SETTINGS, 64.000001),
        score_key(KEY, "toy", "1"),
    ],
)
def test_whatever_could_change_the_result_changes_the_key(other: str) -> None:
    """Clip, adapter, build, settings and knob are all in the key."""
    assert other != KEY


def test_the_same_build_elsewhere_has_the_same_key() -> None:
    """Neither the binary's path nor the knob's type is in the key."""
    elsewhere = Version(VERSION.text, "/opt/toy", VERSION.digest)
    assert encode_key("c" * 64, "toy", elsewhere, SETTINGS, 64) == KEY


def test_a_score_key_changes_with_scorer_and_version() -> None:
    """New weights or another metric never meet old scores."""
    keys = {score_key(KEY, "a", "1"), score_key(KEY, "a", "2"), score_key(KEY, "b", "1")}
    assert len(keys) == 3


@pytest.mark.parametrize("length", [0, 1, 40, -1])
def test_a_truncated_entry_is_a_miss_and_is_replaced(
    cache: Cache, length: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A file cut anywhere is reported as damaged, and storing again heals it."""
    cache.put_encode(KEY, ENCODED)
    path = _only_file(cache.folder)
    path.write_bytes(path.read_bytes()[:length])
    with caplog.at_level(logging.WARNING):
        assert cache.get_encode(KEY) is None
    assert str(path) in caplog.text
    cache.put_encode(KEY, ENCODED)
    assert cache.get_encode(KEY) == ENCODED


def test_every_flipped_bit_is_noticed(cache: Cache) -> None:
    """A flip in header or data gives a miss, or (in white space at most) the same entry."""
    cache.put_encode(KEY, ENCODED)
    path = _only_file(cache.folder)
    whole = path.read_bytes()
    for position in range(0, 300, 4):
        for bit in (0, 5):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            assert cache.get_encode(KEY) in (None, ENCODED)
            if damaged[position : position + 1].isdigit():
                assert cache.get_encode(KEY) is None


def test_an_entry_under_anothers_name_is_a_miss(
    cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    """A whole entry that was renamed or copied over another is not what its name says."""
    other = encode_key("c" * 64, "toy", VERSION, SETTINGS, 65.0)
    cache.put_encode(KEY, ENCODED)
    own = _only_file(cache.folder)
    place = cache.folder / "encodes" / other[:2] / other
    place.parent.mkdir(exist_ok=True)
    shutil.copy(own, place)
    assert cache.get_encode(other) is None
    assert f"{place}: damaged cache entry (it belongs to entry 'encodes/{KEY[:9]}" in caplog.text
    assert cache.get_encode(KEY) == ENCODED
    cache.put_encode(other, ENCODED)
    assert cache.get_encode(other) == ENCODED
    cache.put_score(KEY, Score(50.0, 1.0))
    shutil.copy(cache.folder / "scores" / KEY[:2] / KEY, own)
    assert cache.get_encode(KEY) is None


def test_an_entry_from_before_keys_were_kept_is_read(cache: Cache) -> None:
    """Runs that were begun with an earlier version go on with what they have."""
    cache.put_encode(KEY, ENCODED)
    path = _only_file(cache.folder)
    header, _, data = path.read_bytes().partition(b"\n")
    fields = {k: v for k, v in json.loads(header).items() if k not in ("entry", "sha256")}
    text = json.dumps(fields, sort_keys=True).encode()
    fields["sha256"] = hashlib.sha256(text + b"\n" + data).hexdigest()
    path.write_bytes(json.dumps(fields).encode() + b"\n" + data)
    assert cache.get_encode(KEY) == ENCODED


def test_a_damaged_score_is_a_miss(cache: Cache) -> None:
    """A changed digit of a score is not believed."""
    cache.put_score(KEY, Score(81.5, 4.0))
    path = _only_file(cache.folder)
    path.write_bytes(path.read_bytes().replace(b"81.5", b"91.5"))
    assert cache.get_score(KEY) is None


def test_a_score_that_is_not_finite_cannot_be_stored(cache: Cache) -> None:
    """NaN never reaches the disk."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        cache.put_score(KEY, Score(float("nan")))
    assert cache.get_score(KEY) is None


#: A writer process: stores 100 entries of 100 kB under one key.
WRITER = """
import sys
from pathlib import Path
from tuner.jobs.cache import Cache
from tuner.encoder import Encoded
folder, key, suffix = sys.argv[1:]
for _ in range(100):
    Cache(Path(folder)).put_encode(key, Encoded(suffix.encode() * 50_000, suffix, 1, 0.0))
"""


def test_two_processes_may_write_one_key(cache: Cache) -> None:
    """A reader sees a whole entry of either writer, and no partial file stays."""
    cache.put_encode(KEY, Encoded(b".0" * 50_000, ".0", 1, 0.0))
    command = [sys.executable, "-c", WRITER, str(cache.folder), KEY]
    writers = [subprocess.Popen([*command, suffix]) for suffix in (".a", ".b")]
    while any(writer.poll() is None for writer in writers):
        found = cache.get_encode(KEY)
        assert found is not None and found.data == found.suffix.encode() * 50_000
    assert [writer.returncode for writer in writers] == [0, 0]
    found = cache.get_encode(KEY)
    assert found is not None and found.suffix in (".a", ".b")
    assert _only_file(cache.folder).name == KEY


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    """Make real writes fail, as on a full disk, beyond `size` bytes."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_failed_write_names_folder_and_remedy_and_leaves_nothing(cache: Cache) -> None:
    """A full disk stops with an error, not with half an entry."""
    big = Encoded(bytes(100_000), ".toy", 1, 0.0)
    with _files_of_at_most(10_000), pytest.raises(CacheError, match="free space") as raised:
        cache.put_encode(KEY, big)
    assert raised.value.where == str(cache.folder)
    assert not [p for p in cache.folder.rglob("*") if p.is_file()]


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A file in the folder's place is no miss: nothing could ever be stored."""
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(CacheError, match="cannot be read"):
        Cache(tmp_path / "cache").get_encode(KEY)


def test_trimming_removes_what_was_used_the_longest_ago(cache: Cache) -> None:
    """Reading counts as use; the time of writing stays as it was; scores stay."""
    keys = [f"{index:064}" for index in range(3)]
    for used, key in enumerate(keys):
        cache.put_encode(key, ENCODED)
        (path,) = cache.folder.rglob(key)
        os.utime(path, (used, used))
    cache.put_score(KEY, Score(50.0, 1.0))
    assert cache.get_encode(keys[0]) is not None
    (path,) = cache.folder.rglob(keys[0])
    assert path.stat().st_mtime == 0
    left = cache.trim(cache.size() - 1, unused_since=1e9)
    assert left == cache.size()
    found = [cache.get_encode(key) is not None for key in keys]
    assert found == [True, False, True]
    cache.trim(0, unused_since=1e9)
    assert cache.get_encode(keys[2]) is not None  # it was read just now
    assert cache.get_score(KEY) == Score(50.0, 1.0)


def test_entries_one_level_deeper_are_found(cache: Cache) -> None:
    """Runs that were begun with an earlier version lose nothing."""
    cache.put_encode(KEY, ENCODED)
    path = _only_file(cache.folder)
    deeper = path.parent / KEY[2:4] / KEY
    deeper.parent.mkdir()
    path.rename(deeper)
    assert cache.get_encode(KEY) == ENCODED
    assert cache.trim(0, unused_since=1e12) == 0
    assert cache.get_encode(KEY) is None
