"""The references that teach: recordings, synthetic sounds, rendered scores, synthetic speech.

Every reference is made again from its `Source` alone, so that only labels need to be kept.
Recordings are multiplied by what a listener would still call programme: another excerpt,
level, width, speed, mixes with other material, and dense mixes: several recordings at once,
limited as a master would be. Scores are rendered by fluidsynth with a
General MIDI SoundFont, speech is spoken by espeak-ng; both are programs of the system
(Debian packages fluidsynth, fluid-soundfont-gm, espeak-ng).

Conventions: float32 ``[C, T]`` at 48 kHz, peak at most 1.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from tuner.errors import ClipError
from tuner.sound.audio import SAMPLE_RATE, Pcm, read_audio, resample
from tuner.sound.synth import SOUNDS, synthesize
from tuner.training.compose import ORCHESTRATIONS, compose

Kind = Literal["recording", "sound", "score", "speech", "dense", "noise"]

#: Length of an excerpt, s: three to four of ViSQOL's patches of 0.6 s.
EXCERPT_S = 3.0
#: A score is rendered once and cut into this many excerpts.
EXCERPTS_PER_SCORE = 10
#: Where SoundFonts lie on Debian; `SOUNDFONT_VARIABLE` names another one.
SOUNDFONTS = (
    Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    Path("/usr/share/sounds/sf2/TimGM6mb.sf2"),
)
SOUNDFONT_VARIABLE = "TUNER_SOUNDFONT"
#: Wall-clock limit of one rendering, s.
RENDER_TIMEOUT_S = 120.0
#: Voices and variants of espeak-ng.
LANGUAGES = ("en-gb", "en-us", "de", "fr-fr", "es", "it", "pl", "sv", "nl", "pt", "fi", "tr")
VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5", "klatt")
#: Syllables of which made-up words are spoken: every voice reads them its own way.
ONSETS = ("b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "sch", "st", "t", "v", "z")
RHYMES = ("a", "e", "i", "o", "u", "an", "el", "is", "or", "um", "ei", "au", "ast", "ent", "ik")
#: Peak above which a variation is turned down.
FULL_SCALE = 0.99
#: A limiter looks so many samples ahead (5 ms) and holds the gain as long.
LIMITER_SAMPLES = 240
#: Slopes of stationary noise, dB an octave.
NOISE_SLOPES_DB = (0.0, 3.0, 6.0)


@dataclass(frozen=True)
class Source:
    """Where an excerpt comes from, and what is done to it first.

    Args:
        kind: "recording", "sound", "score" or "speech"; "dense", a sum of `parts`; "noise".
        name: file name, or a sound of `tuner.sound.synth`, an orchestration, a voice; the slope of
            noise, dB an octave.
        seed: of a made one; the excerpt's number in a score is part of it.
        start: where to cut a recording, 0 to 1 of what its length leaves free.
        gain_db: level, 0 or below.
        width: of the stereo image; 1 unchanged, 0 mono.
        speed: played that much faster, pitch included.
        mono: one channel.
        mixed_with: index of another source, mixed in; -1 for none.
        mix_db: its level.
        parts: indices of the sources of a dense mix.
        parts_db: level of each part, all parts being brought to one loudness first.
        drive_db: how far the limiter's input of a dense mix peaks over full scale.
    """

    kind: Kind
    name: str
    seed: int = 0
    start: float = 0.0
    gain_db: float = 0.0
    width: float = 1.0
    speed: float = 1.0
    mono: bool = False
    mixed_with: int = -1
    mix_db: float = 0.0
    parts: tuple[int, ...] = ()
    parts_db: tuple[float, ...] = ()
    drive_db: float = 0.0

    @property
    def made_of(self) -> tuple[int, ...]:
        """Indices of the other sources that are in it."""
        return self.parts + ((self.mixed_with,) if self.mixed_with >= 0 else ())


@dataclass(frozen=True)
class Material:
    """A plan of sources and where recordings lie.

    Args:
        sources: all of them; a source's index is its name everywhere.
        folder: of the recordings.
    """

    sources: tuple[Source, ...]
    folder: Path

    def read(self, index: int) -> Pcm:
        """Make one reference, float32 ``[C, T]`` of at most `EXCERPT_S`.

        Raises:
            ClipError: a recording or a program is missing, or it gave silence.
        """
        source = self.sources[index]
        pcm = self._vary(source, self._raw(source))
        if source.mixed_with >= 0:
            other = self.sources[source.mixed_with]
            added = self._vary(other, self._raw(other))
            length = min(pcm.shape[1], added.shape[1])
            gain = np.float32(10 ** (source.mix_db / 20))
            pcm = _channels(pcm[:, :length], 2) + gain * _channels(added[:, :length], 2)
        if source.mono:
            pcm = pcm.mean(axis=0, keepdims=True)
        pcm = pcm * np.float32(10 ** (source.gain_db / 20))
        peak = float(np.max(np.abs(pcm), initial=0.0))
        if peak == 0.0:
            raise ClipError(f"source {index} ({source.kind} {source.name}) is silent")
        if peak > FULL_SCALE:
            pcm = pcm * np.float32(FULL_SCALE / peak)
        return np.ascontiguousarray(pcm, dtype=np.float32)

    def _raw(self, source: Source) -> Pcm:
        if source.kind == "recording":
            pcm = _recording(self.folder / source.name)
            free = max(pcm.shape[1] - _samples(EXCERPT_S * source.speed), 0)
            return pcm[:, round(source.start * free) :]
        if source.kind == "dense":
            return self._dense(source)
        if source.kind == "noise":
            return stationary_noise(float(source.name), EXCERPT_S, source.seed)
        if source.kind == "sound":
            return synthesize(source.name, source.seed, EXCERPT_S * source.speed)
        if source.kind == "score":
            piece, excerpt = divmod(source.seed, EXCERPTS_PER_SCORE)
            whole = _score(source.name, piece)
            return whole[:, _samples(excerpt * EXCERPT_S) :]
        return _speech(source.name, source.seed)

    def _dense(self, source: Source) -> Pcm:
        """The sum of its parts, limited."""
        made = [_channels(self.read(index), 2) for index in source.parts]
        length = max(part.shape[1] for part in made)
        mix = np.zeros((2, length))
        for part, level_db in zip(made, source.parts_db, strict=True):
            loudness = float(np.sqrt(np.mean(np.square(part, dtype=np.float64))))
            mix[:, : part.shape[1]] += part * (10 ** (level_db / 20) / max(loudness, 1e-6))
        peak = 10 ** (source.drive_db / 20) * FULL_SCALE
        return limit(mix * (peak / np.abs(mix).max()))

    def _vary(self, source: Source, pcm: Pcm) -> Pcm:
        if source.speed != 1.0:
            pcm = resample(pcm, round(SAMPLE_RATE * source.speed))
        pcm = pcm[:, : _samples(EXCERPT_S)]
        if source.width != 1.0 and pcm.shape[0] == 2:
            mid = pcm.mean(axis=0, keepdims=True)
            pcm = mid + np.float32(source.width) * (pcm - mid)
        return pcm


def plan(recordings: Sequence[str], count: int, seed: int) -> tuple[Source, ...]:
    """Sources in an order of which any prefix is a fair sample.

    Three in ten are recordings, varied; of the others four in ten are scores, four in ten
    synthetic sounds, two in ten speech. A quarter of all is mixed with another.

    Args:
        recordings: names of the files of the `train` side.
        count: how many.
        seed: of everything that is chosen.
    """
    files = sorted(recordings)
    return tuple(_draw(files, index, seed) for index in range(count))


def _draw(files: Sequence[str], index: int, seed: int) -> Source:
    rng = np.random.default_rng([seed, index])
    kind = str(rng.choice(["recording", "score", "sound", "speech"], p=[0.3, 0.28, 0.28, 0.14]))
    # Far from the small seeds of the demo's and the benchmarks' sounds.
    fresh = 100_000 + index
    if kind == "recording" and files:
        name = files[int(rng.integers(len(files)))]
        source = Source("recording", name, start=round(float(rng.random()), 4))
    elif kind == "score" or kind == "recording":
        name = sorted(ORCHESTRATIONS)[int(rng.integers(len(ORCHESTRATIONS)))]
        source = Source("score", name, seed=int(rng.integers(400)))
    elif kind == "sound":
        source = Source("sound", str(rng.choice(SOUNDS)), seed=fresh)
    else:
        voice = f"{rng.choice(LANGUAGES)}+{rng.choice(VARIANTS)}"
        source = Source("speech", voice, seed=fresh)
    if rng.random() < 0.5:
        source = replace(source, gain_db=round(float(-20 * rng.random()), 1))
    if rng.random() < 0.3:
        source = replace(source, width=round(float(rng.uniform(0.2, 1.6)), 2))
    if rng.random() < (0.6 if kind == "recording" else 0.2):
        source = replace(source, speed=round(float(rng.uniform(0.84, 1.19)), 3))
    if rng.random() < 0.12:
        source = replace(source, mono=True)
    if index and rng.random() < 0.25:
        other, level = int(rng.integers(index)), round(float(rng.uniform(-18, 0)), 1)
        source = replace(source, mixed_with=other, mix_db=level)
    return source


def plan_dense(recordings: Sequence[str], count: int, seed: int) -> tuple[Source, ...]:
    """Sources like full masters, in an order of which any prefix is a fair sample.

    Two in five are dense mixes of three to five recordings, two in five recordings, one in ten
    synthetic sounds, one in twenty speech and stationary noise each.

    Args:
        recordings: names of files of the `train` side.
        count: how many.
        seed: of everything that is chosen.
    """
    files = sorted(recordings)
    sources: list[Source] = []
    for _ in range(count):
        sources.append(_draw_dense(files, sources, seed))
    return tuple(sources)


def _draw_dense(files: Sequence[str], before: Sequence[Source], seed: int) -> Source:
    index = len(before)
    rng = np.random.default_rng([seed, index, 1])
    kinds = ["dense", "recording", "sound", "speech", "noise"]
    kind = str(rng.choice(kinds, p=[0.4, 0.4, 0.1, 0.05, 0.05]))
    recorded = [n for n, source in enumerate(before) if source.kind == "recording"]
    fresh = 300_000 + index  # far from the seeds of `plan`
    if kind == "noise":
        return Source("noise", f"{rng.choice(NOISE_SLOPES_DB):g}", seed=fresh)
    if kind == "speech":
        return Source("speech", f"{rng.choice(LANGUAGES)}+{rng.choice(VARIANTS)}", seed=fresh)
    if kind == "sound":
        return Source("sound", str(rng.choice(SOUNDS)), seed=fresh)
    if kind == "recording" or len(recorded) < 5:
        name = files[int(rng.integers(len(files)))]
        speed = round(float(rng.uniform(0.9, 1.1)), 3) if rng.random() < 0.4 else 1.0
        return Source("recording", name, start=round(float(rng.random()), 4), speed=speed)
    parts = rng.choice(recorded, int(rng.integers(3, 6)), replace=False)
    return Source(
        "dense",
        "",
        parts=tuple(int(part) for part in parts),
        parts_db=tuple(round(float(x), 1) for x in rng.uniform(-9, 0, len(parts))),
        drive_db=round(float(rng.uniform(0, 9)), 1),
    )


def limit(pcm: npt.NDArray[np.float64]) -> Pcm:
    """Keep peaks under `FULL_SCALE` as a mastering limiter does, 5 ms ahead, ``[C, T]``."""
    from scipy import ndimage

    size = 2 * LIMITER_SAMPLES + 1
    envelope = ndimage.maximum_filter1d(np.abs(pcm).max(axis=0), size)
    gain = FULL_SCALE / np.maximum(envelope, FULL_SCALE)
    return np.asarray(pcm * ndimage.uniform_filter1d(gain, LIMITER_SAMPLES), dtype=np.float32)


def stationary_noise(slope_db: float, duration_s: float, seed: int) -> Pcm:
    """Two channels of noise, falling by `slope_db` an octave above 50 Hz, peak -3 dBFS."""
    white = np.random.default_rng(seed).standard_normal((2, round(duration_s * SAMPLE_RATE)))
    hz = np.fft.rfftfreq(white.shape[1], 1 / SAMPLE_RATE)
    gain = 10 ** (-slope_db / 20 * np.log2(np.maximum(hz, 50.0) / 50.0))
    shaped = np.fft.irfft(np.fft.rfft(white, axis=1) * gain, white.shape[1], axis=1)
    return np.asarray(shaped / np.abs(shaped).max() * 10 ** (-3 / 20), np.float32)


#: Plans by name, as a table of labels names its own.
PLANS = {"wide": plan, "dense": plan_dense}


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def _channels(pcm: Pcm, count: int) -> Pcm:
    return pcm if pcm.shape[0] == count else np.repeat(pcm, count, axis=0)


@functools.lru_cache(maxsize=8)
def _recording(path: Path) -> Pcm:
    pcm, rate = read_audio(path)
    return resample(pcm, rate)


@functools.lru_cache(maxsize=8)
def _score(orchestration: str, seed: int) -> Pcm:
    """A rendered score, float32 ``[2, T]``."""
    duration_s = EXCERPTS_PER_SCORE * EXCERPT_S
    program = _program("fluidsynth", "fluidsynth")
    with tempfile.TemporaryDirectory(prefix="tuner-score-") as name:
        score, target = Path(name, "score.mid"), Path(name, "score.wav")
        score.write_bytes(compose(orchestration, seed, duration_s + EXCERPT_S))
        options = ["-ni", "-q", "-g", "0.6", "-r", str(SAMPLE_RATE), "-O", "float", "-T", "wav"]
        _render([program, *options, "-F", str(target), str(find_soundfont()), str(score)])
        pcm, rate = read_audio(target)
    pcm = resample(pcm, rate)[:, : _samples(duration_s)]
    return np.pad(pcm, ((0, 0), (0, _samples(duration_s) - pcm.shape[1])))


def _speech(voice: str, seed: int) -> Pcm:
    """Made-up sentences in one voice, float32 ``[1, T]``."""
    rng = np.random.default_rng(seed)

    def word() -> str:
        syllables = 1 + int(rng.integers(3))
        return "".join(f"{rng.choice(ONSETS)}{rng.choice(RHYMES)}" for _ in range(syllables))

    text = ". ".join(" ".join(word() for _ in range(6)) for _ in range(4))
    speed, pitch = int(rng.integers(120, 200)), int(rng.integers(20, 80))
    program = _program("espeak-ng", "espeak-ng")
    with tempfile.TemporaryDirectory(prefix="tuner-speech-") as name:
        target = Path(name, "speech.wav")
        options = ["-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(target)]
        _render([program, *options, text])
        pcm, rate = read_audio(target)
    return resample(pcm, rate)


def find_soundfont() -> Path:
    """The SoundFont that scores are played with. Raises `ClipError` when there is none."""
    named = os.environ.get(SOUNDFONT_VARIABLE)
    for path in (Path(named),) if named else SOUNDFONTS:
        if path.is_file():
            return path
    raise ClipError(
        "no SoundFont found",
        where=named or SOUNDFONTS[0],
        remedy=f"install the Debian package fluid-soundfont-gm, or set {SOUNDFONT_VARIABLE}",
    )


def _program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ClipError(
            "no such program", where=name, remedy=f"install the Debian package {package}"
        )
    return found


def _render(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, timeout=RENDER_TIMEOUT_S, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise ClipError(f"exit code {done.returncode}: {said}", where=command[0])
