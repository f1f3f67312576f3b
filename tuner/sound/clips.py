"""Clip sets: finding sound files, cutting excerpts, naming them by content, choosing sides.

A clip is one excerpt, float32 ``[C, T]`` at the rate that it is encoded at (its file's, unless the
study says another), named by the sha256 of its samples and rate. It is on the `tune` side (settings
are chosen on it) or the `holdout` side (only the reported result is measured on it), by file,
never both. All problems of a folder are told together, each with its file's name, before anything
runs.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from tuner.errors import ClipError
from tuner.records import Side
from tuner.sound.audio import (
    SAMPLE_RATE,
    SILENCE_PEAK,
    Pcm,
    convert_rate,
    read_audio,
    resample,
    sample_digest,
)
from tuner.sound.clip_files import clip_path, is_whole, write_clip
from tuner.sound.decoding import read_format
from tuner.sound.fingerprints import Fingerprint, group_recordings, take_fingerprint
from tuner.sound.folders import LOSSLESS_SUFFIXES, read_folder

log = logging.getLogger(__name__)

GroupBy = Literal["recording", "folder"]
How = Literal["loudest", "varied", "start"]

MUST_BE_LOSSLESS = "references must be lossless; add --allow-lossy to accept them"
MANIFEST = "manifest.csv"
SIDES: tuple[Side, ...] = get_args(Side)
#: Rows of these sides are left out: `train` teaches the model, and nothing is named by nothing.
OTHER_SIDES = ("train", "")
#: Under this rate a file has no audio band worth coding (8 kHz is telephony).
LEAST_RATE = 16_000
#: Excerpts begin on this grid, seconds.
GRID_S = 0.1


@dataclass(frozen=True)
class Excerpting:
    """How excerpts are cut.

    Args:
        duration_s: length, 5 to 10 s; shorter files are kept whole.
        min_duration_s: shorter files are an error.
        how: "loudest" (highest RMS), "varied" (most change of level), or "start".
        per_file: how many, without overlap.

    Raises:
        ClipError: if a value is out of range.
    """

    duration_s: float = 8.0
    min_duration_s: float = 2.5
    how: How = "loudest"
    per_file: int = 1

    def __post_init__(self) -> None:
        if not 5 <= self.duration_s <= 10:
            raise ClipError(f"excerpts must be 5 to 10 s (got {self.duration_s:g} s)")
        if self.how not in get_args(How):
            raise ClipError(f"excerpt {self.how!r}: choose one of {', '.join(get_args(How))}")
        if self.per_file < 1:
            raise ClipError(f"excerpts per file must be >= 1 (got {self.per_file})")


@dataclass(frozen=True, eq=False)
class Clip:
    """One excerpt.

    Args:
        digest: sha256 (hex) of the samples and their rate.
        name: file name, for people, and unlike that of any other clip of the set: with its
            folder where another file has the same name, with its start where a file has several.
        side: "tune" or "holdout".
        source: path of the file.
        start_s: where the excerpt begins in the file.
        pcm: float32 ``[C, T]`` at `rate`: what encoders get.
        category: its kind ("speech") by the manifest, else as guessed; empty without either.
        rate: Hz.
    """

    digest: str
    name: str
    side: Side
    source: str
    start_s: float
    pcm: Pcm = field(repr=False)
    category: str = ""
    rate: int = SAMPLE_RATE

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(self.pcm.shape[1] / self.rate)

    @property
    def reference(self) -> Pcm:
        """The samples at 48 kHz: what scorers hear."""
        return resample(self.pcm, self.rate)

    @property
    def channels(self) -> int:
        """1 or 2."""
        return int(self.pcm.shape[0])


@dataclass(frozen=True)
class ClipSet:
    """All clips of a run, in order of file name."""

    clips: tuple[Clip, ...]

    @property
    def tune(self) -> tuple[Clip, ...]:
        """The clips that settings are chosen on."""
        return tuple(c for c in self.clips if c.side == "tune")

    @property
    def holdout(self) -> tuple[Clip, ...]:
        """The clips that only the reported result is measured on."""
        return tuple(c for c in self.clips if c.side == "holdout")

    @property
    def categories(self) -> dict[str, ClipSet]:
        """The clips of each kind, by its name in order."""
        names = sorted({clip.category for clip in self.clips})
        return {
            name: ClipSet(tuple(clip for clip in self.clips if clip.category == name))
            for name in names
        }

    @property
    def digest(self) -> str:
        """sha256 (hex) over the clips' digests and sides."""
        lines = sorted(f"{c.side} {c.digest}" for c in self.clips)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class _Wanted:
    """A file of the set, its name within the set's folder, and what the manifest says of it."""

    path: Path
    name: str
    side: Side | None = None
    start_s: float | None = None
    duration_s: float | None = None
    category: str = ""
    group: str = ""


@dataclass(frozen=True)
class _Cut:
    """A file's excerpts: (start in seconds, samples) of each, and their rate in Hz."""

    want: _Wanted
    excerpts: list[tuple[float, Pcm]]
    rate: int

    @property
    def digest(self) -> str:
        """Of the first excerpt."""
        return sample_digest(self.excerpts[0][1], self.rate)


def load_clips(
    folder: Path,
    excerpting: Excerpting | None = None,
    *,
    manifest: Path | None = None,
    holdout_fraction: float = 0.5,
    allow_lossy: bool = False,
    group_by: GroupBy = "recording",
    guess: Callable[[Pcm], str] | None = None,
    rate: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ClipSet:
    """Make a clip set of a folder of lossless sound files.

    Args:
        folder: searched recursively.
        excerpting: how excerpts are cut; the manifest's own `start_s` and `duration_s` win.
        manifest: CSV with the columns `file` (relative to the CSV), `side`, and optionally
            `start_s`, `duration_s`, `group`, `category`; rows of the side `train` or of none are
            left out. With `category` and no column `side`, sides are chosen as without a manifest.
            ``manifest.csv`` in the folder is used when None.
        holdout_fraction: share of the files that go to the holdout side where no manifest says;
            of every kind as near as can be.
        allow_lossy: take coded files as references, too.
        group_by: what stays on one side: files of one recording, or also of one folder.
        guess: tells the kind of a file from its first excerpt where the manifest does not.
        rate: Hz that all clips are brought to; None: each keeps its file's.
        progress: called with (files read, files).

    Raises:
        ClipError: every problem of every file, by name, in one message.
    """
    excerpting = excerpting or Excerpting()
    if not folder.is_dir():
        raise ClipError(f"{folder}: no such folder; give a folder of WAV or FLAC files")
    if manifest is None and (folder / MANIFEST).is_file():
        manifest = folder / MANIFEST
    problems: list[str] = []
    if manifest:
        wanted = _from_manifest(manifest, problems)
    else:
        wanted = _from_folder(folder, allow_lossy=allow_lossy)
    if not wanted and not problems:
        raise ClipError(
            f"{manifest or folder}: contains no WAV, FLAC or other lossless audio files"
        )
    cut: list[_Cut] = []
    prints: list[Fingerprint | None] = []
    for done, want in enumerate(wanted, start=1):
        try:
            _check_kind(want.path, allow_lossy=allow_lossy)
            excerpts, fingerprint = _excerpts(want, excerpting, rate)
            if guess is not None and not want.category:
                kind = guess(resample(excerpts.excerpts[0][1], excerpts.rate))
                excerpts = replace(excerpts, want=replace(want, category=kind))
            cut.append(excerpts)
            prints.append(fingerprint)
        except ClipError as error:
            problems.append(str(error))
        if progress:
            progress(done, len(wanted))
    if problems:
        raise ClipError("\n".join(problems))
    clips = _unique(
        _clips(cut, _choose_sides(cut, _find_groups(cut, prints, group_by), holdout_fraction))
    )
    clip_set = ClipSet(tuple(clips))
    for side, part in (("tune", clip_set.tune), ("holdout", clip_set.holdout)):
        if not part:
            raise ClipError(
                f"{manifest or folder}: no clip with side {side}; give at least two files"
                " with different content, or a manifest with both sides"
            )
    return clip_set


def _from_folder(folder: Path, *, allow_lossy: bool) -> list[_Wanted]:
    contents = read_folder(folder)
    wanted, lossy = [], Counter[str]()
    for path in contents.sounds:
        if allow_lossy or path.suffix.lower() in LOSSLESS_SUFFIXES or _is_lossless(path):
            wanted.append(_Wanted(path, path.relative_to(folder).as_posix()))
        else:
            lossy[path.suffix.upper().removeprefix(".")] += 1
    found = ", ".join(f"{n} {kind} file{'s'[: n > 1]}" for kind, n in lossy.most_common())
    if found and not wanted:
        raise ClipError(f"{folder}: {found} found: {MUST_BE_LOSSLESS}")
    if found:
        log.warning("%s: skipped %s: %s", folder, found, MUST_BE_LOSSLESS)
    if contents.others:
        log.warning("%s: skipped %s", folder, contents.told())
    return wanted


def _is_lossless(path: Path) -> bool:
    try:
        return read_format(path).lossless
    except ClipError:
        return False


def _from_manifest(manifest: Path, problems: list[str]) -> list[_Wanted]:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ClipError(f"{manifest}: cannot be read as CSV ({error})") from error
    columns = rows[0].keys() if rows else ()
    has_sides = "side" in columns
    if "file" not in columns or not (has_sides or "category" in columns):
        raise ClipError(
            f"{manifest}: needs rows with the columns `file` and `side`, or `file` and `category`"
        )
    wanted: list[_Wanted] = []
    sides_of: dict[str, set[str]] = {}
    for line, row in enumerate(rows, start=2):
        side = (row["side"] or "").strip() if has_sides else None
        if side in OTHER_SIDES:
            continue
        if side is not None and side not in SIDES:
            problems.append(f"{manifest}, line {line}: side {side!r}; use tune, holdout or train")
            continue
        try:
            start, duration = (_seconds(row.get(name)) for name in ("start_s", "duration_s"))
        except ValueError as error:
            problems.append(f"{manifest}, line {line}: {error}")
            continue
        path = manifest.parent / (row["file"] or "")
        category = (row.get("category") or "").strip().lower()
        group = row.get("group") or ""
        wanted.append(_Wanted(path, row["file"] or "", side, start, duration, category, group))
        if side is None:
            continue
        # Resolved: "a.wav" and "./a.wav" are one recording, and belong on one side.
        for kind, key in (("file", str(path.resolve())), ("group", group)):
            if key:
                sides_of.setdefault(f"{kind} {key}", set()).add(side)
    for key, sides in sides_of.items():
        if len(sides) > 1:
            problems.append(
                f"{manifest}: {key} is in both the tuning and the held-out set; put it in one"
            )
    return wanted


def _seconds(text: str | None) -> float | None:
    if text is None or not text.strip():
        return None
    value = float(text)
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{text!r} is not a time in seconds")
    return value


def _check_kind(path: Path, *, allow_lossy: bool) -> None:
    """Raise `ClipError` for coded sound, whatever the file is called."""
    if allow_lossy or not _is_text(str(path)) or not path.is_file() or not path.stat().st_size:
        return  # the latter are told where they are read
    found = read_format(path)
    if not found.lossless:
        raise ClipError(f"{path}: contains {found.codec}: {MUST_BE_LOSSLESS}")


def _excerpts(
    want: _Wanted, excerpting: Excerpting, wanted_rate: int | None
) -> tuple[_Cut, Fingerprint | None]:
    """A file's excerpts, and its fingerprint. Raises `ClipError`."""
    path = want.path
    if not _is_text(str(path)):
        raise ClipError(f"{str(path)!r}: the name is not UTF-8; rename it")
    if not path.is_file():
        raise ClipError(f"{path}: no such file, though the manifest names it")
    if path.stat().st_size == 0:
        raise ClipError(f"{path}: empty file")
    pcm, rate = read_audio(path)
    channels, length = pcm.shape
    seconds = length / rate
    if channels > 2:
        raise ClipError(f"{path}: has {channels} channels; mix it down to mono or stereo")
    if rate < LEAST_RATE:
        raise ClipError(
            f"{path}: sample rate {rate} Hz is too low; at least {LEAST_RATE} Hz is needed"
        )
    if not np.isfinite(pcm).all():
        raise ClipError(f"{path}: contains NaN or infinite samples; export it again")
    if seconds < excerpting.min_duration_s:
        least = excerpting.min_duration_s
        raise ClipError(f"{path}: too short ({seconds:.2f} s); at least {least:g} s is needed")
    fingerprint = take_fingerprint(resample(pcm, rate))
    pcm, rate = convert_rate(pcm, rate, wanted_rate or rate), wanted_rate or rate
    cuts: list[tuple[float, Pcm]] = []
    silent: list[str] = []
    for start_s, duration_s in _windows(pcm, rate, want, excerpting):
        begin = round(start_s * rate)
        excerpt = pcm[:, begin : begin + round(duration_s * rate)]
        if np.max(np.abs(excerpt), initial=0.0) < SILENCE_PEAK:
            silent.append(f"from {start_s:.1f} s for {duration_s:.1f} s")
        else:
            cuts.append((start_s, np.ascontiguousarray(excerpt)))
    # A pause where a second excerpt would lie is no fault; nothing to hear at all is.
    if not cuts:
        raise ClipError(f"{path}: silent {silent[0]}; choose another excerpt or file")
    return _Cut(want, cuts, rate), fingerprint


def _windows(
    pcm: Pcm, rate: int, want: _Wanted, excerpting: Excerpting
) -> Iterable[tuple[float, float]]:
    """(start, duration) in seconds of each excerpt."""
    seconds = pcm.shape[1] / rate
    if want.start_s is not None or want.duration_s is not None:
        start = want.start_s or 0.0
        duration = want.duration_s or min(excerpting.duration_s, seconds - start)
        if start + duration > seconds + GRID_S or duration < excerpting.min_duration_s:
            raise ClipError(
                f"{want.path}: the manifest asks for {duration:g} s from {start:g} s; the file has"
                f" {seconds:.2f} s, and an excerpt needs at least {excerpting.min_duration_s:g} s"
            )
        return [(start, duration)]
    duration = min(excerpting.duration_s, seconds)
    merit = _merit(pcm, rate, duration, excerpting.how)
    chosen: list[int] = []
    span = round(duration / GRID_S)
    for start in np.argsort(-merit, kind="stable"):
        if all(abs(int(start) - other) >= span for other in chosen):
            chosen.append(int(start))
        if len(chosen) == excerpting.per_file:
            break
    return [(round(start * GRID_S, 3), duration) for start in sorted(chosen)]


def _merit(pcm: Pcm, rate: int, duration_s: float, how: How) -> np.ndarray:
    """How much each window, starting every `GRID_S`, is wanted."""
    block = round(GRID_S * rate)
    blocks = max(pcm.shape[1] // block, 1)
    power = np.array(
        [np.mean(np.square(pcm[:, n * block : (n + 1) * block])) for n in range(blocks)]
    )
    span = min(max(round(duration_s / GRID_S), 1), blocks)
    if how == "start":
        return -np.arange(blocks - span + 1, dtype=float)
    if how == "varied":
        # Level changes between neighbouring blocks, from -60 dB up: attacks, pauses, endings.
        level_db = 10 * np.log10(np.maximum(power, 1e-6 * power.max(initial=1e-12)) + 1e-15)
        power = np.abs(np.diff(level_db, prepend=level_db[:1]))
    total = np.concatenate([[0.0], np.cumsum(power)])
    return np.asarray(total[span:] - total[:-span])


def _find_groups(
    cut: Sequence[_Cut], prints: Sequence[Fingerprint | None], group_by: GroupBy
) -> list[int]:
    """For each file the index of the first one that it must stand with. What is found is told."""
    groups = group_recordings(prints)
    for mine, first in enumerate(groups):
        here, there = cut[mine].want, cut[first].want
        if mine == first or cut[mine].digest == cut[first].digest:
            continue
        if None not in (here.side, there.side) and here.side != there.side:
            told = "they are in both sets; put them in one"
        else:
            told = "both are kept in one set"
        log.warning("%s: seems to be the same recording as %s; %s", here.path, there.path, told)
    groups = _join(groups, _alike([each.want.group or None for each in cut]))
    if group_by == "folder":
        groups = _join(groups, _alike([each.want.path.parent for each in cut]))
    return groups


def _alike(keys: Sequence[Hashable | None]) -> list[int]:
    """For each key the index of the first that equals it; None equals none."""
    firsts: dict[Hashable, int] = {}
    return [n if key is None else firsts.setdefault(key, n) for n, key in enumerate(keys)]


def _join(one: Sequence[int], two: Sequence[int]) -> list[int]:
    """Groups that hold together what either of two groupings does."""
    label = list(range(len(one)))
    for pairs in (one, two):
        for mine, first in enumerate(pairs):
            old, new = label[mine], label[first]
            if old != new:
                label = [min(old, new) if each in (old, new) else each for each in label]
    return label


def _choose_sides(
    cut: Sequence[_Cut], groups: Sequence[int], holdout_fraction: float
) -> list[Side]:
    """The side of each file: the manifest's, else by rank of a hash of its group's content.

    Of each kind the same share is held out. Files of equal content get equal hashes and so stand
    together; `_unique` drops doubles.
    """
    least: dict[int, tuple[str, str]] = {}
    for each, group in zip(cut, groups, strict=True):
        own = (each.digest, each.want.category)
        least[group] = min(least.get(group, own), own)
    held = _held_out(dict(least.values()), holdout_fraction)
    return [
        each.want.side or ("holdout" if least[group][0] in held else "tune")
        for each, group in zip(cut, groups, strict=True)
    ]


def _held_out(kinds: Mapping[str, str], fraction: float) -> set[str]:
    """Which digests are held out, of every kind as near to `fraction` as all together allow.

    Args:
        kinds: digest -> kind.
        fraction: share of all.
    """
    count = min(max(round(len(kinds) * fraction), 1), len(kinds) - 1)
    of_kind: dict[str, list[str]] = {}
    for digest in sorted(kinds):
        of_kind.setdefault(kinds[digest], []).append(digest)
    exact = {kind: len(each) * fraction for kind, each in of_kind.items()}
    # By largest remainder; of equal ones the kind whose first clip has the lower hash.
    order = sorted(exact, key=lambda kind: (math.floor(exact[kind]) - exact[kind], of_kind[kind]))
    left = count - sum(math.floor(each) for each in exact.values())
    held: set[str] = set()
    for place, kind in enumerate(order):
        held |= set(of_kind[kind][: math.floor(exact[kind]) + (place < left)])
    return set(sorted(held)[:count])  # one clip at least is left to tune on


def _clips(cut: Sequence[_Cut], sides: Sequence[Side]) -> Iterable[Clip]:
    # Music libraries are full of folders with a "01.flac" each.
    files = {each.want.name for each in cut}
    namesakes = Counter(Path(name).name for name in files)
    for each, side in zip(cut, sides, strict=True):
        want, rate = each.want, each.rate
        file = want.path.name if namesakes[want.path.name] == 1 else want.name
        for start_s, pcm in each.excerpts:
            several = len(each.excerpts) > 1 or want.start_s is not None
            name = f"{file} @{start_s:g} s" if several else file
            digest, source = sample_digest(pcm, rate), str(want.path)
            yield Clip(digest, name, side, source, start_s, pcm, want.category, rate)


def _unique(clips: Iterable[Clip]) -> list[Clip]:
    """Without doubles. Raises `ClipError` if one recording is on both sides."""
    kept: dict[str, Clip] = {}
    for clip in clips:
        first = kept.setdefault(clip.digest, clip)
        if first.side != clip.side:
            raise ClipError(
                f"{clip.source}: same content as {first.source}, which is in the other set"
            )
        if first is not clip:
            log.warning("%s: same content as %s; used once", clip.source, first.source)
    return list(kept.values())


def _is_text(name: str) -> bool:
    """Whether a file's name can be written as text: it may hold bytes that are no UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def store_clips(clip_set: ClipSet, folder: Path) -> None:
    """Write each clip as ``<digest>.npy`` (`tuner.sound.clip_files`); whole files stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for clip in clip_set.clips:
        path = clip_path(folder, clip.digest)
        if not is_whole(path, clip.digest, clip.rate):
            if path.exists():
                log.warning("%s: damaged; recreated from %s", path, clip.source)
            write_clip(path, clip.pcm)
