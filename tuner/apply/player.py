"""Plays a finished run: its clips and its candidates' coded versions, as they were scored.

What the run's cache still holds is taken from there; the rest is encoded again, by the build
that ran and by no other.
"""

from __future__ import annotations

import logging
from pathlib import Path

from tuner.encoder import Encoded, Encoder, Version
from tuner.errors import ClipError, RunError
from tuner.jobs.cache import Cache, encode_key
from tuner.plugins import load_encoder
from tuner.records import Answer, Candidate, ClipRecord, Results
from tuner.sound.audio import Pcm, align, resample
from tuner.sound.clip_files import clip_path, cut_again, read_clip, write_clip
from tuner.study.files import read_study
from tuner.study.spec import parse_study
from tuner.study.trust import Trust, load_named
from tuner.suggestion import read_kbps

#: What the study file of a run directory is called.
STUDY_FILE = "study.toml"

_log = logging.getLogger(__name__)


class RunPlayer:
    """Gives a run's clips, and their versions coded with a candidate's settings.

    Args:
        run: the run directory.
        results: what it stored.
        encoder: the adapter; None: the one that its study names.

    Raises:
        RunError, StudyError, EncoderError: the run's study or encoder cannot be loaded.
    """

    def __init__(self, run: Path, results: Results, encoder: Encoder | None = None) -> None:
        made_by = results.provenance
        self.run = run
        self.cache = Cache(run / "cache")
        self.version = Version(
            made_by.encoder_version, made_by.encoder_binary, made_by.encoder_digest
        )
        self.encoder = encoder or encoder_of(run)

    def load(self, clip: ClipRecord) -> Pcm:
        """The reference, float32 ``[C, T]`` at 48 kHz; see `load_run_clip`."""
        return resample(load_run_clip(self.run, clip), clip.rate)

    def encoded(self, clip: ClipRecord, candidate: Candidate) -> Encoded:
        """The clip as it was encoded, at the knob that was matched on the clip's side.

        Raises:
            RunError: it is in the cache no longer and the encoder is another build, or the
                candidate was not matched on that side; see also `load_run_clip`.
            EncoderError: encoding again failed.
        """
        if clip.side not in candidate.sides:
            raise RunError(
                f"trial {candidate.trial} has no result on the {clip.side} clips"
                f" ({candidate.problem})",
                where=self.run,
                remedy="choose another candidate",
            )
        settings, knob = candidate.settings, candidate.sides[clip.side].knob
        key = encode_key(clip.digest, self.encoder.name, self.version, settings, knob)
        if cached := self.cache.get_encode(key):
            return cached
        own = self.encoder.version
        if own.digest != self.version.digest:
            raise RunError(
                f"{clip.name} is no longer in its cache, and {self.encoder.name} differs from the"
                f" build used (now {own.text}; the run had {self.version.text})",
                where=self.run,
                remedy="run the study again",
            )
        return self.encoder.encode(load_run_clip(self.run, clip), clip.rate, settings, knob)

    def coded(self, clip: ClipRecord, reference: Pcm, candidate: Candidate) -> Pcm:
        """The coded clip, decoded and aligned: float32 ``[C, T]`` of the reference's shape.

        Raises:
            RunError, EncoderError: see `encoded`; also where it cannot be decoded.
        """
        decoded, rate = self.encoder.decode(self.encoded(clip, candidate))
        return align(reference, resample(decoded, rate))[0]


def load_run_clip(run: Path, clip: ClipRecord) -> Pcm:
    """What was encoded of a clip of a run, float32 ``[C, T]`` at the clip's rate.

    A missing or damaged file is made again from the sound file that the clip was cut from.

    Raises:
        RunError: it cannot be, as that is not there any more or was changed.
    """
    try:
        path = clip_path(run / "clips", clip.digest)
        try:
            return read_clip(path, clip.digest, clip.rate)
        except ClipError as error:
            where = Path(clip.source), clip.start_s, clip.duration_s
            pcm = cut_again(*where, clip.rate, clip.digest)
            if pcm is None:
                what = f"{error.what}, and {clip.source} does not contain it either"
                remedy = "restore that file, or run the study again"
                raise ClipError.of(error, what=what, remedy=remedy) from error
    except ClipError as error:
        raise RunError.of(error) from error
    _keep(path, pcm)
    return pcm


def _keep(path: Path, pcm: Pcm) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        write_clip(path, pcm)
    except OSError as error:
        _log.warning("%s: damaged, and cannot be rewritten (%s)", path, error)
    else:
        _log.warning("%s: damaged; recreated", path)


def encoder_of(run: Path, trust: Trust | None = None) -> Encoder:
    """The adapter that a run's study names, with its binary.

    Args:
        run: the run directory.
        trust: what the user said of what it may run (`tuner.study.trust`).

    Raises:
        RunError: it names a program or an adapter that is not known here.
        StudyError, EncoderError: the study or the adapter cannot be loaded.
    """
    path = run / STUDY_FILE
    spec = parse_study(read_study(path), str(path))
    return load_named(spec.encoder, spec.binary, run, trust or Trust(), load_encoder)


def find_bitrate(run: Path, results: Results, kbps: float) -> Answer:
    """The answer at a target bitrate. Raises `RunError` naming those that there are."""
    answered = {b.target_kbps: b for b in results.bitrates}
    if kbps not in answered:
        known = ", ".join(f"{each:g}" for each in sorted(answered)) or "none"
        raise RunError(f"no result at {kbps:g} kb/s", where=run, remedy=f"available: {known}")
    return answered[kbps]


def find_candidate(run: Path, bitrate: Answer, name: str) -> Candidate:
    """A candidate by name.

    Args:
        run: the run directory, for messages.
        bitrate: the answer of a bitrate.
        name: "default"; "tuned", what the verdict is about; "trial-N", a finalist.

    Raises:
        RunError: there is none of that name that was scored on both sides.
    """
    whole = [c for c in bitrate.candidates if c.problem is None]
    found = {f"trial-{c.trial}": c for c in whole} | {"default": bitrate.default}
    if bitrate.tuned and bitrate.candidates[bitrate.tuned].problem is None:
        found["tuned"] = bitrate.candidates[bitrate.tuned]
    if name not in found:
        raise RunError(
            f"no settings {name!r} at {bitrate.target_kbps:g} kb/s",
            where=run,
            remedy=f"available: {', '.join(sorted(found))}",
        )
    return found[name]


def parse_run(text: str) -> tuple[Path, float | None]:
    """``RUN@96`` as the run directory and the target bitrate, which may be missing."""
    path, at, kbps = text.rpartition("@")
    if at:
        try:
            return Path(path), read_kbps(kbps)
        except ValueError:
            pass  # a folder may have an @ in its name
    return Path(text), None
