"""The training set: excerpts, ways to degrade them, and the teachers' opinions as labels.

Deterministic from a seed and resumable: each excerpt's coded signals and labels are one pair
of files in the work folder, written when the excerpt is finished and skipped on the next run.
Encoders come in through the protocol, as objects; this module knows none by name.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tuner import audio
from tuner.encoder import (
    Encoder,
    Parameter,
    RateMode,
    Settings,
    Value,
    active_parameters,
    default_settings,
    validate,
)
from tuner.errors import EncoderError, ScoreError
from tuner.quality import degrade
from tuner.quality.teachers import VisqolScorer, ZimtohrliScorer
from tuner.synth import SOUNDS, synthesize

Pcm = npt.NDArray[np.float32]
log = logging.getLogger(__name__)

DATASET_VERSION = 1
EXCERPT_S = 4.0
#: Coded signals are stored as int16 at half scale: decoded peaks reach 1.22 (measured).
STORED_SCALE = 2.0**14
#: Bitrates (kb/s, stereo) at which groups of settings are compared; mono gets half.
BITRATES = (32, 48, 64, 64, 80, 96, 96, 128, 160)
SETTINGS_PER_GROUP = 5
FAMILIES_PER_EXCERPT = 9
SYNTHETIC_SEEDS = 8


@dataclass(frozen=True)
class Source:
    """Where an excerpt comes from.

    Args:
        index: its number in the plan; seeds everything random about it.
        file: path of a recording, "" for a synthetic sound.
        start: where to cut it, 0 to 1 of what the length leaves free.
        sound, seed: of `tuner.synth.synthesize`, for a synthetic one.
    """

    index: int
    file: str = ""
    start: float = 0.0
    sound: str = ""
    seed: int = 0

    def read(self) -> Pcm:
        """The excerpt, float32 ``[C, T]`` at 48 kHz; shorter recordings are kept whole."""
        length = round(EXCERPT_S * audio.SAMPLE_RATE)
        if not self.file:
            return synthesize(self.sound, self.seed, EXCERPT_S)
        pcm, rate = audio.read_audio(Path(self.file))
        pcm = audio.resample(pcm, rate)
        free = max(pcm.shape[1] - length, 0)
        begin = round(self.start * free)
        return pcm[:, begin : begin + length]


def plan_sources(recordings: Sequence[Path], seed: int) -> list[Source]:
    """All excerpts, shuffled so that any prefix is a fair sample.

    Args:
        recordings: files of the `train` side; two windows of each are cut.
        seed: of the order and the windows.
    """
    rng = np.random.default_rng(seed)
    sources: list[dict[str, str | float | int]] = []
    for path in sorted(recordings):
        for start in (0.5 * rng.random(), 0.5 + 0.5 * rng.random()):
            sources.append({"file": str(path), "start": round(start, 4)})
    for sound in SOUNDS:
        for number in range(SYNTHETIC_SEEDS):
            # Far from the small seeds of the demo's clips.
            sources.append({"sound": sound, "seed": 10_000 + number})
    order = rng.permutation(len(sources))
    return [Source(index=n, **sources[i]) for n, i in enumerate(order)]


@dataclass(frozen=True)
class Pair:
    """One labelled coded signal.

    Args:
        group: pairs of one group are settings of one encoder at one bitrate; "" otherwise.
        recipe: how it was made, for people.
        visqol, zimtohrli: opinions, 0 to 100.
    """

    group: str
    recipe: str
    visqol: float
    zimtohrli: float

    @property
    def opinions(self) -> tuple[float, float]:
        """The two opinions that the model learns from.

        ViSQOL's 80 ms windows cannot hear a pre-echo (a synthetic one of 20 ms costs 0.13 MOS
        of 3.73), so it has no say on those; Zimtohrli speaks for both.
        """
        deaf = self.recipe.startswith("pre-echo")
        return (self.zimtohrli if deaf else self.visqol, self.zimtohrli)


def random_settings(encoder: Encoder, mode: RateMode, rng: np.random.Generator) -> Settings:
    """Settings with about half of the active parameters moved away from their defaults."""
    values: dict[str, Value] = {}
    for parameter in encoder.parameters:
        if parameter in active_parameters(encoder.parameters, mode.name, values):
            moved = rng.random() < 0.5
            values[parameter.name] = _random_value(parameter, rng) if moved else parameter.default
    return Settings.of(mode.name, values)


def _random_value(parameter: Parameter, rng: np.random.Generator) -> Value:
    if parameter.kind == "choice":
        return parameter.choices[rng.integers(len(parameter.choices))]
    assert parameter.low is not None and parameter.high is not None
    value = rng.uniform(parameter.low, parameter.high)
    if parameter.step or parameter.kind == "int":
        step = parameter.step or 1
        value = parameter.low + step * round((value - parameter.low) / step)
    return int(value) if parameter.kind == "int" else float(min(value, parameter.high))


def _encoder_recipes(
    encoder: Encoder, channels: int, rng: np.random.Generator
) -> Iterable[tuple[str, str, Settings, float]]:
    """(group, recipe, settings, knob) of one group of settings at one nominal bitrate."""
    bitrate = float(rng.choice(BITRATES)) * (1.0 if channels == 2 else 0.5)
    group = f"{encoder.name}@{bitrate:g}"
    for number in range(SETTINGS_PER_GROUP):
        mode = encoder.rate_modes[0]
        settings = default_settings(encoder)
        if number:
            mode = encoder.rate_modes[int(rng.integers(len(encoder.rate_modes)))]
            settings = random_settings(encoder, mode, rng)
        knob = mode.snap(bitrate if mode.nominal else rng.uniform(mode.low, mode.high))
        yield group if mode.nominal else "", f"{settings.canonical()} {knob:g}", settings, knob


def _coded_signals(
    reference: Pcm, encoders: Sequence[Encoder], rng: np.random.Generator
) -> Iterable[tuple[str, str, Pcm]]:
    """(group, recipe, coded) of everything that one excerpt is put through."""
    for cutoff in (3500.0, 7000.0):
        yield "", f"anchor {cutoff:g}", audio.lowpass(reference, cutoff)
    families = list(degrade.FAMILIES)
    if degrade.find_attacks(reference):
        for length, level in ((5.0, -20.0), (10.0, -20.0), (20.0, -20.0), (10.0, -10.0)):
            coded = degrade.pre_echo(reference, length, level, rng)
            yield "", f"pre-echo {length:g} ms {level:g} dB", coded
    else:
        families.remove("pre-echo")
    if reference.shape[0] == 2:
        yield "", "mono", degrade.narrow(reference, 0.0)
    else:
        families = [f for f in families if f not in ("stereo narrowing", "channel imbalance")]
    for family in rng.permutation(families)[:FAMILIES_PER_EXCERPT]:
        severity, seed = round(rng.random(), 3), int(rng.integers(1 << 30))
        coded = degrade.degrade(reference, str(family), severity, seed)
        yield "", f"{family} {severity}", coded
    for encoder in encoders:
        for group, recipe, settings, knob in _encoder_recipes(encoder, reference.shape[0], rng):
            try:
                validate(encoder, settings, knob)
                encoded = encoder.encode(reference, audio.SAMPLE_RATE, settings, knob)
                pcm, rate = encoder.decode(encoded)
                aligned, _ = audio.align(reference, audio.resample(pcm, rate))
            except EncoderError as error:
                log.info("left out: %s %s: %s", encoder.name, recipe, error)
                continue
            yield group, f"{encoder.name} {recipe}", aligned


def label_source(source: Source, encoders: Sequence[Encoder], seed: int, work: Path) -> int:
    """Make, label and store all coded signals of one excerpt; done at once if they are there.

    Returns:
        How many pairs the excerpt has.
    """
    target = work / f"{source.index:04d}.json"
    if target.exists():
        return len(json.loads(target.read_text())["pairs"])
    reference = source.read()
    rng = np.random.default_rng([seed, source.index])
    pairs: list[Pair] = []
    signals = [reference]
    for group, recipe, coded in _coded_signals(reference, encoders, rng):
        try:
            visqol = VisqolScorer().score(reference, coded).mean
            zimtohrli = ZimtohrliScorer().score(reference, coded).mean
        except ScoreError as error:
            log.info("left out: %s: %s", recipe, error)
            continue
        pairs.append(Pair(group, recipe, round(visqol, 3), round(zimtohrli, 3)))
        signals.append(coded)
    stored = np.clip(np.stack(signals) * STORED_SCALE, -32768, 32767).astype(np.int16)
    np.save(work / f"{source.index:04d}.npy", stored)
    record = {
        "version": DATASET_VERSION,
        "source": asdict(source),
        "pairs": list(map(asdict, pairs)),
    }
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=0))
    partial.replace(target)
    return len(pairs)


def label_all(
    sources: Sequence[Source],
    encoders: Sequence[Encoder],
    seed: int,
    work: Path,
    workers: int,
    progress: Callable[[int, int], None],
) -> None:
    """Label every excerpt in `workers` processes.

    Args:
        progress: called with (excerpts finished, pairs so far).
    """
    work.mkdir(parents=True, exist_ok=True)
    pairs = 0
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        jobs = [pool.submit(label_source, s, encoders, seed, work) for s in sources]
        for done, job in enumerate(as_completed(jobs), start=1):
            pairs += job.result()
            progress(done, pairs)


def load_labels(work: Path) -> list[tuple[int, list[Pair]]]:
    """(excerpt index, its pairs) of every finished excerpt in the work folder, in order."""
    records = [json.loads(path.read_text()) for path in sorted(work.glob("*.json"))]
    return [(r["source"]["index"], [Pair(**p) for p in r["pairs"]]) for r in records]


def load_signals(work: Path, index: int) -> tuple[Pcm, Pcm]:
    """Reference ``[1, C, T]`` and coded signals ``[N, C, T]`` of an excerpt, float32."""
    stored = np.load(work / f"{index:04d}.npy", mmap_mode="r", allow_pickle=False)
    pcm = stored.astype(np.float32) / np.float32(STORED_SCALE)
    return pcm[:1], pcm[1:]
