"""Encodes and scores on disk, addressed by what made them.

An encode is keyed by the clip's samples, the adapter, the encoder's build, the settings
and the knob; a score by its encode's key, the scorer and the scorer's version. No path is
part of a key: the same build elsewhere gives the same entry.

An entry is one file: a JSON header line, then the data (empty for a score). The header
names the entry's key and carries a checksum over itself and the data, and files appear by
rename, so that a reader sees a whole entry or none: a damaged one, or one under another's
name, is a miss and is replaced. Any number of processes may share a folder.

Reading an encode sets its access time, on file systems that keep none by themselves too;
`trim` removes those that were used the longest ago.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tuner.atomic import atomic_write
from tuner.encoder import Encoded, Settings, Version
from tuner.errors import CacheError
from tuner.scorer import Score

_log = logging.getLogger(__name__)

#: Part of every key. Raise it when the layout of entries changes, or when decoding,
#: alignment or resampling change so that stored scores no longer hold.
CACHE_FORMAT = 3

#: Threads that remove files: each waits 2 ms for the disk, and they wait together.
REMOVERS = 8

_SCORE_NUMBERS = ("mean", "spread", "disagreement")
_SCORE_LISTS = ("windows", "members", "families")


def encode_key(
    clip_digest: str, encoder: str, version: Version, settings: Settings, knob: float
) -> str:
    """The key of one encode, 64 hex digits.

    Args:
        clip_digest: sha256 of the clip's samples.
        encoder: the adapter's name.
        version: the build that runs.
        settings: one value for each active parameter.
        knob: value of the rate mode's knob.
    """
    build = (version.text, version.digest)
    return _digest(clip_digest, encoder, *build, settings.canonical(), repr(float(knob)))


def score_key(encode: str, scorer: str, version: str) -> str:
    """The key of one score, 64 hex digits.

    Args:
        encode: the key of the encode that was scored.
        scorer, version: the scorer's name and version.
    """
    return _digest(encode, scorer, version)


@dataclass(frozen=True)
class Cache:
    """A cache in `folder`, which is made when the first entry is stored.

    All methods raise `CacheError` when the folder cannot be read or written.
    """

    folder: Path

    def get_encode(self, key: str) -> Encoded | None:
        """The stored encode, or None."""
        found = self._find("encodes", key)
        if found is None:
            return None
        path, fields, data = found
        self._touch(path)
        return Encoded(
            data,
            str(fields["suffix"]),
            int(fields["payload_bits"]),
            float(fields["encode_s"]),
            tuple(fields["notes"]),
        )

    def put_encode(self, key: str, encoded: Encoded) -> None:
        """Store an encode."""
        fields = {
            "suffix": encoded.suffix,
            "payload_bits": int(encoded.payload_bits),
            "encode_s": float(encoded.encode_s),
            "notes": list(encoded.notes),
        }
        self._write("encodes", key, fields, encoded.data)

    def get_score(self, key: str) -> Score | None:
        """The stored score, or None."""
        found = self._find("scores", key)
        if found is None:
            return None
        _, fields, _ = found
        mean, spread, disagreement = (float(fields[name]) for name in _SCORE_NUMBERS)
        windows, members, families = (
            tuple(map(float, fields.get(name, ()))) for name in _SCORE_LISTS
        )
        pair = str(fields.get("pair", ""))
        return Score(mean, spread, disagreement, windows, members, families, pair)

    def put_score(self, key: str, score: Score) -> None:
        """Store a score, which must be finite (else ValueError)."""
        fields: dict[str, Any] = {name: float(getattr(score, name)) for name in _SCORE_NUMBERS}
        fields |= {name: [float(mean) for mean in getattr(score, name)] for name in _SCORE_LISTS}
        fields |= {"pair": score.pair} if score.pair else {}
        self._write("scores", key, fields, b"")

    def size(self) -> int:
        """Bytes on disk of all encodes and scores."""
        return sum(entry.size for kind in ("encodes", "scores") for entry in self._entries(kind))

    def trim(self, limit: int, unused_since: float) -> int:
        """Remove the encodes used the longest ago until the cache fits its limit.

        Scores are small and stay. What was used at `unused_since` or later stays, too, even
        where the limit is then not kept.

        Args:
            limit: bytes on disk for encodes and scores together.
            unused_since: seconds since the epoch.

        Returns:
            The bytes on disk that remain.
        """
        encodes = sorted(self._entries("encodes"), key=lambda entry: entry.used)
        total = sum(entry.size for entry in itertools.chain(encodes, self._entries("scores")))
        chosen: list[str] = []
        for entry in encodes:
            if total <= limit or entry.used >= unused_since:
                break
            chosen.append(entry.path)
            total -= entry.size
        shares = [chosen[first::REMOVERS] for first in range(REMOVERS)]
        try:
            with ThreadPoolExecutor(REMOVERS) as pool:
                list(pool.map(_remove, shares))
        except OSError as error:
            raise self._broken("trimmed", error) from error
        return total

    def _entries(self, kind: str) -> Iterator[_Entry]:
        """Every file of a kind, unfinished ones that a killed process left included."""
        folders = [os.fspath(self.folder / kind)]
        while folders:
            try:
                listing = os.scandir(folders.pop())
            except FileNotFoundError:
                continue
            with listing:
                for item in listing:
                    if item.is_dir(follow_symlinks=False):
                        folders.append(item.path)
                        continue
                    try:
                        stat = item.stat(follow_symlinks=False)
                    except FileNotFoundError:  # removed just now
                        continue
                    # Blocks of 512 bytes (stat(2)): many scores are smaller than a disk's block.
                    yield _Entry(item.path, stat.st_blocks * 512, stat.st_atime)

    def _touch(self, path: Path) -> None:
        """Set the access time, and keep the time of writing."""
        try:
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
        except OSError:  # trimmed just now, or a cache that may only be read: it was read
            _log.debug("%s: its access time cannot be set", path)

    def _path(self, kind: str, key: str) -> Path:
        # 256 folders. A long study stores 100 000 encodes: 400 in each. With 65 536 folders a
        # look at all of them took five times as long.
        return self.folder / kind / key[:2] / key

    def _find(self, kind: str, key: str) -> tuple[Path, dict[str, Any], bytes] | None:
        """Path, fields and data of an entry that is whole."""
        path = self._path(kind, key)
        # Runs that were begun before have one level of folders more.
        for place in (path, path.parent / key[2:4] / key):
            entry = self._read(place, f"{kind}/{key}")
            if entry is not None:
                return place, *entry
        return None

    def _read(self, path: Path, entry: str) -> tuple[dict[str, Any], bytes] | None:
        try:
            return _unpack(path.read_bytes(), entry)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._broken("read", error) from error
        except ValueError as error:
            _log.warning("%s: damaged cache entry (%s); recomputed", path, error)
            return None

    def _write(self, kind: str, key: str, fields: dict[str, Any], data: bytes) -> None:
        path, content = self._path(kind, key), _pack({"entry": f"{kind}/{key}", **fields}, data)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, content)
        except OSError as error:
            raise self._broken("written", error) from error

    def _broken(self, what: str, error: OSError) -> CacheError:
        return CacheError(
            f"the cache cannot be {what} ({error})",
            where=self.folder,
            remedy=(
                "free space there, check its permissions, or choose another cache folder. Stored"
                " work is kept."
            ),
        )


def _remove(paths: Sequence[str]) -> None:
    """Remove files, as far as no other process was faster."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108 (a hundred thousand paths are slow to make)


class _Entry(NamedTuple):
    """A file of the cache: its size on disk in bytes, when it was last used (epoch, s)."""

    path: str
    size: int
    used: float


def _digest(*parts: str) -> str:
    text = json.dumps([CACHE_FORMAT, *parts])
    return hashlib.sha256(text.encode()).hexdigest()


def _pack(fields: dict[str, Any], data: bytes) -> bytes:
    header = {"format": CACHE_FORMAT, **fields, "length": len(data)}
    header["sha256"] = _checksum(header, data)
    return json.dumps(header, allow_nan=False).encode() + b"\n" + data


def _unpack(content: bytes, entry: str) -> tuple[dict[str, Any], bytes]:
    """The header's fields and the data.

    Args:
        content: of the file.
        entry: what it must be, ``kind/key``. Entries of runs begun before this was written
            do not say it, and are believed.

    Raises:
        ValueError: the entry is damaged, or another one.
    """
    line, _, data = content.partition(b"\n")
    fields = json.loads(line)
    if not isinstance(fields, dict):
        raise ValueError("the header is not an object")
    claimed = fields.pop("sha256", None)
    if fields.get("length") != len(data):
        raise ValueError(f"{len(data)} bytes of data, {fields.get('length')} expected")
    if claimed != _checksum(fields, data):
        raise ValueError("the checksum does not match")
    if (own := fields.get("entry", entry)) != entry:
        raise ValueError(f"it belongs to entry {own!r:.80}")
    return fields, data


def _checksum(fields: dict[str, Any], data: bytes) -> str:
    header = json.dumps(fields, sort_keys=True).encode()
    return hashlib.sha256(header + b"\n" + data).hexdigest()
