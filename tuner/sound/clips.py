"""Clip sets: finding sound files, cutting excerpts, naming them by content, choosing sides.

A clip is one excerpt, float32 ``[C, T]`` at the rate that it is encoded at (its file's, unless the
study says another), named by the sha256 of its samples and rate. It is on the `tune` side (settings
are chosen on it) or the `holdout` side (only the reported result is measured on it), by file,
never both. All problems of a folder are told together, each with its file's name, before anything
runs.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tuner.errors import ClipError
from tuner.records import Side
from tuner.sound.audio import SAMPLE_RATE, Pcm, resample, sample_digest
from tuner.sound.clip_files import clip_path, is_whole, write_clip
from tuner.sound.excerpts import Cut, Excerpting, cut_excerpts
from tuner.sound.fingerprints import Fingerprint
from tuner.sound.manifest import MANIFEST, check_kind, list_folder, read_manifest
from tuner.sound.sides import GroupBy, choose_sides, find_groups

log = logging.getLogger(__name__)


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
        """1 to 8, in the order of `tuner.layout`."""
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
    to_stereo: bool = False,
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
        to_stereo: mix more than two channels down (`tuner.sound.surround.downmix`).
        progress: called with (files read, files).

    Raises:
        ClipError: every problem of every file, by name, in one message.
    """
    excerpting = excerpting or Excerpting()
    if not folder.is_dir():
        what = "a file, not a folder" if folder.exists() else "no such folder"
        raise ClipError(what, where=folder, remedy="give a folder of WAV or FLAC files")
    if manifest is None and (folder / MANIFEST).is_file():
        manifest = folder / MANIFEST
    problems: list[ClipError] = []
    if manifest:
        wanted = read_manifest(manifest, problems)
    else:
        wanted = list_folder(folder, allow_lossy=allow_lossy)
    if not wanted and not problems:
        raise ClipError(
            "contains no WAV, FLAC or other lossless audio files", where=manifest or folder
        )
    cut: list[Cut] = []
    prints: list[Fingerprint | None] = []
    for done, want in enumerate(wanted, start=1):
        try:
            check_kind(want.path, allow_lossy=allow_lossy)
            excerpts, fingerprint = cut_excerpts(want, excerpting, rate, to_stereo=to_stereo)
            if guess is not None and not want.category:
                kind = guess(resample(excerpts.excerpts[0][1], excerpts.rate))
                excerpts = replace(excerpts, want=replace(want, category=kind))
            cut.append(excerpts)
            prints.append(fingerprint)
        except ClipError as error:
            problems.append(error)
        if progress:
            progress(done, len(wanted))
    if problems:
        raise ClipError.joined(problems)
    clips = _unique(
        _clips(cut, choose_sides(cut, find_groups(cut, prints, group_by), holdout_fraction))
    )
    clip_set = ClipSet(tuple(clips))
    for side, part in (("tune", clip_set.tune), ("holdout", clip_set.holdout)):
        if not part:
            raise ClipError(
                f"no clip with side {side}",
                where=manifest or folder,
                remedy="give at least two files with different content, or a manifest with both"
                " sides",
            )
    return clip_set


def _clips(cut: Sequence[Cut], sides: Sequence[Side]) -> Iterable[Clip]:
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
                f"same content as {first.source}, which is in the other set", where=clip.source
            )
        if first is not clip:
            log.warning("%s: same content as %s; used once", clip.source, first.source)
    return list(kept.values())


def store_clips(clip_set: ClipSet, folder: Path) -> None:
    """Write each clip as ``<digest>.npy`` (`tuner.sound.clip_files`); whole files stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for clip in clip_set.clips:
        path = clip_path(folder, clip.digest)
        if not is_whole(path, clip.digest, clip.rate):
            if path.exists():
                log.warning("%s: damaged; recreated from %s", path, clip.source)
            write_clip(path, clip.pcm)
