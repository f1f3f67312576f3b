"""The pure job: encode a clip, decode, align and score it, each step through the cache.

A job carries everything that it needs and knows nothing of the study; any process that
can read the clip's file runs it with the same outcome.
"""

from __future__ import annotations

import contextlib
import math
import pickle
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tuner.encoder import Encoded, Encoder, Settings, Version
from tuner.errors import (
    AlignmentError,
    ClipError,
    DecodeFailed,
    EncoderError,
    EncoderMissing,
    MachineError,
    RunError,
    ScoreError,
    TunerError,
    compose,
)
from tuner.jobs.cache import Cache, encode_key, score_key
from tuner.scorer import Score, Scorer
from tuner.sound.audio import SAMPLE_RATE, Pcm, align, convert_rate, resample
from tuner.sound.clip_files import read_clip
from tuner.sound.surround import HEARD, score_signal
from tuner.system import children
from tuner.system.lru import Lru
from tuner.system.machine import find_fault
from tuner.unchanging import freeze

#: What follows where a machine can run no job.
STOPPED = (
    "No job can run here until that is fixed. Finished work is kept: fix it and run the same"
    " command again."
)
#: Sound that every codec keeps the attacks of (`tuner.sound.synth`), and its length, s.
PROBE, PROBE_S = "drums", 3.0
#: Samples of clips that a process remembers (8 s of stereo: 3 MB, and as much again at 48 kHz
#: where that is another rate), bytes.
CLIPS_BYTES = 128_000_000


@dataclass(frozen=True)
class ClipRef:
    """A clip by content, as a file that every worker can read.

    Args:
        digest: sha256 of the samples and their rate (`tuner.sound.audio.sample_digest`).
        path: .npy file, float32 ``[C, T]`` at `rate`.
        channels: 1 to 8.
        duration_s: length in seconds.
        rate: Hz, at which it is encoded.
    """

    digest: str
    path: str
    channels: int
    duration_s: float
    rate: int = SAMPLE_RATE


@dataclass(frozen=True)
class Job:
    """One clip through one encoder.

    Args:
        encoder: the adapter, picklable and small.
        settings: one value for each active parameter.
        knob: value of the rate mode's knob.
        clip: the clip.
        scorers: what scores the result, picklable and small; empty to encode only
            (a pass of rate matching).
    """

    encoder: Encoder
    settings: Settings
    knob: float
    clip: ClipRef
    scorers: tuple[Scorer, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a job gave and what it cost.

    Args:
        payload_bits: bits of codec payload.
        scores: scorer name -> score.
        encode_s, decode_s, score_s: CPU seconds spent now (0 where the cache gave it).
        encodes, scored: how many were computed now.
        cached_encodes, cached_scores: how many the cache gave.
        delay: samples at 48 kHz removed by alignment; None if nothing was decoded.
        notes: what the encoder told of choices of its own.
        encoder_s: CPU seconds that the encoder spent on this encode, now or earlier.
    """

    payload_bits: int
    scores: dict[str, Score]
    encode_s: float
    decode_s: float
    score_s: float
    encodes: int
    scored: int
    cached_encodes: int
    cached_scores: int
    delay: int | None
    notes: tuple[str, ...] = ()
    encoder_s: float = 0.0


def run_job(job: Job, cache: Cache) -> Outcome:
    """Run one job. Errors are raised, never stored.

    Raises:
        MachineError: this machine cannot run it, nor any other: it is full, say, or the
            encoder's program is gone.
        TunerError: see `_run`.
    """
    try:
        return _run(job, cache)
    except (EncoderError, ScoreError) as error:
        fault = error if isinstance(error, EncoderMissing) else find_fault(error)
        if fault is None:
            raise
        remedy = compose(fault.remedy, remedy=STOPPED) if fault.remedy else STOPPED
        raise MachineError.of(fault, remedy=remedy) from error


def _run(job: Job, cache: Cache) -> Outcome:
    """Run one job.

    Raises:
        ClipError: the clip's file is missing or does not hold the samples it should.
        EncoderError: encoding, decoding or alignment failed.
        ScoreError: a scorer failed or gave a score that is not finite.
        CacheError: the cache folder cannot be read or written.
        RunError: the encoder's program was replaced since this process began.
    """
    key = encode_key(
        job.clip.digest, job.encoder.name, _version(job.encoder), job.settings, job.knob
    )
    cached = cache.get_encode(key)
    encoded = cached
    if encoded is None:
        encoded = _encode(job, load_clip(job.clip))
        _check_build(job.encoder)
        cache.put_encode(key, encoded)

    keys = {scorer.name: _score_key(key, scorer) for scorer in job.scorers}
    found = {name: cache.get_score(score) for name, score in keys.items()}
    scores = {name: score for name, score in found.items() if score is not None}
    missing = [scorer for scorer in job.scorers if scorer.name not in scores]
    cached_scores = len(scores)
    delay, start = None, _cpu_s()
    decoded = start
    if missing:
        reference = load_reference(job.clip)
        start = _cpu_s()
        coded, delay = _decode(job, encoded, reference)
        decoded = _cpu_s()
        for scorer in missing:
            scores[scorer.name] = _score(job, scorer, reference, coded)
            cache.put_score(keys[scorer.name], scores[scorer.name])
    return Outcome(
        payload_bits=encoded.payload_bits,
        scores=scores,
        encode_s=encoded.encode_s if cached is None else 0.0,
        decode_s=decoded - start,
        score_s=_cpu_s() - decoded if missing else 0.0,
        encodes=int(cached is None),
        scored=len(missing),
        cached_encodes=int(cached is not None),
        cached_scores=cached_scores,
        delay=delay,
        notes=encoded.notes,
        encoder_s=encoded.encode_s,
    )


_clips: Lru[Pcm] = Lru(CLIPS_BYTES)


def load_clip(clip: ClipRef) -> Pcm:
    """What is encoded of a clip, at its rate; read-only, as it is read and checked once a process.

    Raises:
        ClipError: its file does not hold it.
    """
    return _clips.get(("as it is", clip.digest, *_state(clip)), lambda: freeze(_read(clip)))


def load_reference(clip: ClipRef) -> Pcm:
    """What a clip's coded versions are scored against, at 48 kHz; see `load_clip`.

    Decoded signals come to 48 kHz through the same resampler, which so is heard in neither.
    """
    if clip.rate == SAMPLE_RATE:
        return load_clip(clip)
    return _clips.get(
        ("at 48 kHz", clip.digest, *_state(clip)),
        lambda: freeze(resample(load_clip(clip), clip.rate)),
    )


def _state(clip: ClipRef) -> tuple[object, ...]:
    """What changes when a clip's file does."""
    try:
        stat = Path(clip.path).stat()
    except OSError:
        return (clip.path,)
    return clip.path, stat.st_ino, stat.st_mtime_ns, stat.st_size


def _read(clip: ClipRef) -> Pcm:
    try:
        return read_clip(Path(clip.path), clip.digest, clip.rate)
    except ClipError as error:
        raise ClipError.of(error, remedy="run the same command again to recreate it") from error


def _encode(job: Job, source: Pcm) -> Encoded:
    with _plugin(EncoderError, **_place(job, "encoding ")):
        encoded = job.encoder.encode(source, job.clip.rate, job.settings, job.knob)
        if encoded.payload_bits <= 0 or not encoded.data:
            raise EncoderError("the encoder produced no data", **_place(job))
        return encoded


def _decode(job: Job, encoded: Encoded, reference: Pcm) -> tuple[Pcm, int]:
    with _plugin(DecodeFailed, **_place(job, "decoding ")):
        decoded, rate = job.encoder.decode(encoded)
        decoded = resample(decoded, rate)
    try:
        return align(reference, decoded)
    except AlignmentError as error:
        # A codec that sends noise for noise leaves nothing to align by: as late as it is elsewhere.
        with contextlib.suppress(EncoderError):
            return align(reference, decoded, _known_delay(job))
        raise AlignmentError.of(error, **_place(job)) from error
    except DecodeFailed as error:
        raise DecodeFailed.of(error, **_place(job)) from error


def _known_delay(job: Job) -> int:
    """The delay of the job's encoder and settings on a signal that tells it, samples at 48 kHz.

    Raises:
        EncoderError: it cannot be told.
    """
    from tuner.sound.synth import synthesize

    channels = np.arange(job.clip.channels) % 2
    signal = synthesize(PROBE, seed=0, duration_s=PROBE_S)[channels]
    source = convert_rate(signal, SAMPLE_RATE, job.clip.rate)
    with _plugin(EncoderError, **_place(job, "measuring the delay of ")):
        encoded = job.encoder.encode(source, job.clip.rate, job.settings, job.knob)
        decoded, rate = job.encoder.decode(encoded)
        return align(resample(source, job.clip.rate), resample(decoded, rate))[1]


def _score(job: Job, scorer: Scorer, reference: Pcm, coded: Pcm) -> Score:
    with _plugin(ScoreError, **_place(job, f"{scorer.name} on ")):
        score = score_signal(scorer, reference, coded)
        if not (math.isfinite(score.mean) and math.isfinite(score.spread)):
            raise ScoreError(f"not finite: {score}", **_place(job, f"{scorer.name} on "))
        return score


def _score_key(key: str, scorer: Scorer) -> str:
    with _plugin(ScoreError, where=f"the version of {scorer.name}"):
        return score_key(key, scorer.name, f"{scorer.version}, {HEARD}")


_versions: dict[bytes, Version] = {}


def _check_build(encoder: Encoder) -> None:
    """Raise `RunError` when the build is another one than when this process began.

    An upgrade in the middle of the night, say: what it encodes must not be stored under the
    old build's key. (The adapters that come along tell their version in 0.1 ms.)
    """
    with _plugin(EncoderError, where=f"the version of {encoder.name}"):
        then, now = _version(encoder), encoder.version
    if now != then:
        raise RunError(
            f"{encoder.name} was replaced during the run: {then.text} ({then.digest}) ->"
            f" {now.text} ({now.digest})",
            remedy=(
                "Restore the old one, or give it with --binary, and run the same command again; or"
                " start a new run with --out."
            ),
        )


def _version(encoder: Encoder) -> Version:
    """The encoder's version, as it was when this process first needed it.

    Every job unpickles its own copy of the adapter, so copies are known by their pickle.
    """
    with _plugin(EncoderError, where=f"the version of {encoder.name}"):
        copy = pickle.dumps(encoder)
        if copy not in _versions:
            _versions[copy] = encoder.version
        return _versions[copy]


@contextmanager
def _plugin(error: type[TunerError], **place: Any) -> Iterator[None]:
    """Everything that a plug-in does runs in here; what it raises leaves as a `TunerError`."""
    try:
        yield
    except TunerError:
        raise
    except Exception as cause:
        # The one broad except: adapters and scorers are other people's code and raise what
        # they like. It must fail this job with a reason, not a worker or the night's search.
        raise error(f"{type(cause).__name__}: {cause}", **place) from cause


def _place(job: Job, doing: str = "") -> dict[str, Any]:
    """Fields of an error of a job."""
    where = f"{doing}{job.encoder.name} {job.settings.canonical()} at {job.knob:g}"
    return {"where": where, "clip": job.clip.digest}


def _cpu_s() -> float:
    """CPU seconds of this process and of the programs that it ran."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages) + children.cpu_s()
