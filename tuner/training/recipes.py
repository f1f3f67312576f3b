"""What is done to a reference: settings of an encoder, an artefact, two codecs in a row.

A recipe makes the same coded signal again from the same reference, so that labels are kept
and audio is not. Encoders come in through the protocol, by the names that the caller gives
them; this module knows none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.encoder import (
    Encoder,
    Parameter,
    RateMode,
    Settings,
    Value,
    active_parameters,
    default_settings,
    find_rate_mode,
)
from tuner.errors import EncoderError
from tuner.rate import RateMatch, first_guess, match_rate
from tuner.sound import audio
from tuner.sound.audio import SAMPLE_RATE, Pcm
from tuner.sound.stereo import SIDE_INAUDIBLE_DB, side_level_db
from tuner.training import degrade

#: Bitrates (kb/s) of stereo at which settings are compared; mono gets half.
STEREO_KBPS = (24, 32, 48, 48, 64, 64, 64, 80, 96, 96, 96, 112, 128, 128, 160, 192)
#: Settings compared on one reference, the default among them.
SETTINGS_PER_GROUP = 6
#: Rate matching on a single short clip: how near, and most encodes.
CLIP_TOLERANCE, CLIP_PASSES = 0.03, 5
#: Severities of one ladder of an artefact; neighbours lie this far apart at least.
LADDER = 3
LADDER_GAP = 0.15
#: Share of the references that get a group of settings, a ladder, a tandem, anchors.
LOW_RATE = 44_100
SHARES = {"group": 0.55, "ladder": 0.2, "tandem": 0.1, "anchors": 0.15}
ANCHORS_HZ = (3500.0, 7000.0)


@dataclass(frozen=True)
class Recipe:
    """How one coded signal is made.

    Args:
        steps: what is done in turn; each a JSON object of kind "codec" (encoder, mode,
            values, knob, and rate where the codec is given another than 48 kHz), "artefact"
            (family, severity, seed) or "anchor" (hz).
        group: recipes of one group are settings of one encoder at one measured bitrate, or
            severities of one artefact; "" for none.
        kbps: measured bitrate of the last codec on this reference, or None.
    """

    steps: tuple[Mapping[str, Any], ...]
    group: str = ""
    kbps: float | None = None

    @property
    def ladder(self) -> bool:
        """Whether the group's order is known: an artefact by severity."""
        return bool(self.group) and self.steps[-1]["kind"] == "artefact"


@dataclass(frozen=True)
class Taste:
    """What recipes a plan draws.

    Args:
        shares: of the references that get a group of settings, a ladder, a tandem, anchors,
            something inaudible.
        families: names of the artefacts of the ladders.
        low_rate: share of the groups that are coded at `LOW_RATE`, as most music is.
        sweeps: share of the groups that move one parameter alone.
        names: encoders of the groups, one named twice being drawn twice as often; empty for all
            alike.
    """

    shares: Mapping[str, float]
    families: tuple[str, ...] = tuple(degrade.FAMILIES)
    low_rate: float = 0.0
    sweeps: float = 0.0
    names: tuple[str, ...] = ()


#: What goes with `tuner.training.material.plan` …
WIDE = Taste(SHARES)
#: … and with `plan_dense`.
DENSE = Taste(
    {"group": 0.6, "ladder": 0.24, "inaudible": 0.08, "anchors": 0.08},
    (*degrade.FAMILIES, *degrade.MORE_FAMILIES, *degrade.MORE_FAMILIES),
    low_rate=0.5,
    sweeps=0.4,
)

#: By the name of the plan.
TASTES = {"wide": WIDE, "dense": DENSE}


def codec_step(
    name: str, settings: Settings, knob: float, rate: int = SAMPLE_RATE
) -> dict[str, Any]:
    """A step that encodes and decodes."""
    low = {} if rate == SAMPLE_RATE else {"rate": rate}
    return {
        "kind": "codec",
        "encoder": name,
        "mode": settings.rate_mode,
        "values": settings.as_dict(),
        "knob": knob,
        **low,
    }


def artefact_step(family: str, severity: float, seed: int) -> dict[str, Any]:
    """A step that adds an artefact."""
    return {"kind": "artefact", "family": family, "severity": round(severity, 3), "seed": seed}


def cook(reference: Pcm, recipe: Recipe, encoders: Mapping[str, Encoder]) -> Pcm:
    """The coded signal, aligned with its reference, float32 ``[C, T]``.

    Raises:
        EncoderError: encoding, decoding or alignment failed.
    """
    coded = reference
    for step in recipe.steps:
        if step["kind"] == "anchor":
            coded = audio.lowpass(coded, step["hz"])
        elif step["kind"] == "artefact":
            coded = degrade.degrade(coded, step["family"], step["severity"], step["seed"])
        else:
            settings = Settings.of(step["mode"], step["values"])
            encoder, given = encoders[step["encoder"]], int(step.get("rate", SAMPLE_RATE))
            heard = audio.resample(coded, SAMPLE_RATE, given)
            encoded = encoder.encode(heard, given, settings, step["knob"])
            pcm, rate = encoder.decode(encoded)
            coded, _ = audio.align(reference, audio.resample(pcm, rate))
    return coded


def plan_recipes(
    reference: Pcm,
    encoders: Mapping[str, Encoder],
    rng: np.random.Generator,
    taste: Taste = WIDE,
    *,
    stationary: bool = False,
) -> list[Recipe]:
    """What one reference is put through; encodes are made to match bitrates.

    Args:
        stationary: it is stationary noise, which sounds the same when it is drawn again.
    """
    kind = str(rng.choice(list(taste.shares), p=list(taste.shares.values())))
    if stationary:
        kind = str(rng.choice(["inaudible", "group"]))
    if kind == "group":
        return list(_group(reference, encoders, rng, taste))
    if kind == "ladder":
        return list(_ladder(reference, rng, taste))
    if kind == "tandem":
        return list(_tandem(reference, encoders, rng))
    if kind == "inaudible":
        names = list(degrade.INAUDIBLE)[: None if stationary else -1]
        return [
            Recipe((artefact_step(name, float(rng.uniform(0.3, 1)), int(rng.integers(1 << 30))),))
            for name in names
        ]
    anchors = [Recipe(({"kind": "anchor", "hz": hz},)) for hz in ANCHORS_HZ]
    family = str(rng.choice(families(reference)))
    severities = rng.uniform(0, 1, 2)
    seed = int(rng.integers(1 << 30))
    return anchors + [Recipe((artefact_step(family, float(s), seed),)) for s in severities]


def families(reference: Pcm, known: Sequence[str] = tuple(degrade.FAMILIES)) -> list[str]:
    """The artefacts, of those known, that can be heard on a reference."""
    unheard = set()
    if not degrade.find_attacks(reference):
        unheard.add("pre-echo")
    if reference.shape[0] == 1:
        unheard.add("channel imbalance")
    if reference.shape[0] == 1 or side_level_db(reference) < SIDE_INAUDIBLE_DB:
        unheard.add("stereo narrowing")
    return [name for name in known if name not in unheard]


def _ladder(reference: Pcm, rng: np.random.Generator, taste: Taste) -> Iterator[Recipe]:
    """One artefact in rising severity, the same random parts in all."""
    known = families(reference, taste.families)
    family, seed = str(rng.choice(known)), int(rng.integers(1 << 30))
    room = 1 - LADDER_GAP * (LADDER - 1)
    places = np.sort(rng.uniform(0, room, LADDER)) + LADDER_GAP * np.arange(LADDER)
    for severity in places:
        yield Recipe((artefact_step(family, float(severity), seed),), group=family)


def _tandem(
    reference: Pcm, encoders: Mapping[str, Encoder], rng: np.random.Generator
) -> Iterator[Recipe]:
    """A coded signal coded again, and the second codec alone."""
    names = [str(name) for name in rng.choice(list(encoders), 2)]
    steps = []
    for name in names:
        mode = encoders[name].rate_modes[0]
        settings = random_settings(encoders[name], mode, rng)
        knob = mode.snap(_stereo_kbps(reference, rng)) if mode.nominal else _inner(mode, rng)
        steps.append(codec_step(name, settings, knob))
    yield Recipe(tuple(steps))
    yield Recipe((steps[1],))


def _group(
    reference: Pcm, encoders: Mapping[str, Encoder], rng: np.random.Generator, taste: Taste
) -> Iterator[Recipe]:
    """Settings of one encoder at one measured bitrate, its default first."""
    name = str(rng.choice(list(taste.names or encoders)))
    rate = LOW_RATE if taste.low_rate and rng.random() < taste.low_rate else SAMPLE_RATE
    swept = bool(taste.sweeps) and rng.random() < taste.sweeps
    encoder = encoders[name]
    coded = audio.resample(reference, SAMPLE_RATE, rate)
    target = _reachable(encoder, coded, rate, rng)
    if target is None:
        return
    matched: dict[str, list[tuple[float, float]]] = {}
    made: set[Settings] = set()
    moved = None
    for attempt in range(2 * SETTINGS_PER_GROUP):
        if len(made) == SETTINGS_PER_GROUP:
            return
        modes = encoder.rate_modes
        mode = modes[int(rng.integers(len(modes)))] if attempt and not swept else modes[0]
        settings = random_settings(encoder, mode, rng) if attempt else default_settings(encoder)
        if swept and attempt:
            moved = moved or _swept_parameter(encoder, mode, rng)
            settings = _with_one_moved(encoder, mode, moved, rng)
        if settings in made:
            continue
        match = _match(encoder, coded, rate, settings, target, matched.get(mode.name, []))
        if match is not None:
            made.add(settings)
            matched.setdefault(mode.name, []).append((match.knob, match.kbps))
            step = codec_step(name, settings, match.knob, rate)
            yield Recipe((step,), group=f"{name}@{target:g}", kbps=round(match.kbps, 2))


def _swept_parameter(encoder: Encoder, mode: RateMode, rng: np.random.Generator) -> Parameter:
    """A parameter that a sweep moves alone; a number is drawn four times as often."""
    found = active_parameters(encoder.parameters, mode.name, {})
    weights = np.array([1.0 if p.kind == "choice" else 4.0 for p in found])
    return found[int(rng.choice(len(found), p=weights / weights.sum()))]


def _with_one_moved(
    encoder: Encoder, mode: RateMode, moved: Parameter, rng: np.random.Generator
) -> Settings:
    """The default of a rate mode but for one parameter, and for those that it brings with it."""
    usual = active_parameters(encoder.parameters, mode.name, default_settings(encoder).as_dict())
    values: dict[str, Value] = {}
    for parameter in encoder.parameters:
        if parameter in active_parameters(encoder.parameters, mode.name, values):
            drawn = parameter is moved or parameter not in usual
            values[parameter.name] = random_value(parameter, rng) if drawn else parameter.default
    return Settings.of(mode.name, values)


def _reachable(
    encoder: Encoder, reference: Pcm, rate: int, rng: np.random.Generator
) -> float | None:
    """A bitrate that the encoder's default reaches on this reference; what it then spends."""
    for _ in range(3):
        wanted = _stereo_kbps(reference, rng)
        match = _match(encoder, reference, rate, default_settings(encoder), wanted)
        if match is not None:
            return match.kbps
    return None


def _match(
    encoder: Encoder,
    reference: Pcm,
    rate: int,
    settings: Settings,
    target: float,
    matched: Sequence[tuple[float, float]] = (),
) -> RateMatch | None:
    mode = find_rate_mode(encoder, settings.rate_mode)
    seconds: float = reference.shape[1] / rate

    def measure(knob: float) -> float:
        encoded = encoder.encode(reference, rate, settings, knob)
        return encoded.payload_bits / seconds / 1000

    guess = first_guess(mode, target, matched)
    try:
        match = match_rate(mode, target, measure, guess, CLIP_TOLERANCE, CLIP_PASSES)
    except EncoderError:
        return None
    return match if isinstance(match, RateMatch) else None


def _stereo_kbps(reference: Pcm, rng: np.random.Generator) -> float:
    return float(rng.choice(STEREO_KBPS)) * (1.0 if reference.shape[0] == 2 else 0.5)


def _inner(mode: RateMode, rng: np.random.Generator) -> float:
    """A quality well inside its range."""
    place = float(rng.uniform(0.2, 0.7))
    return mode.snap(mode.low + (mode.high - mode.low) * place)


def random_settings(encoder: Encoder, mode: RateMode, rng: np.random.Generator) -> Settings:
    """Settings with about half of the active parameters moved away from their defaults."""
    values: dict[str, Value] = {}
    for parameter in encoder.parameters:
        if parameter in active_parameters(encoder.parameters, mode.name, values):
            moved = rng.random() < 0.5
            values[parameter.name] = random_value(parameter, rng) if moved else parameter.default
    return Settings.of(mode.name, values)


def random_value(parameter: Parameter, rng: np.random.Generator) -> Value:
    """Any legal value of a parameter; of an optional number a number."""
    if parameter.kind == "choice":
        return parameter.choices[rng.integers(len(parameter.choices))]
    low, high = parameter.range
    if parameter.log:
        return parameter.snap(float(np.exp(rng.uniform(np.log(low), np.log(high)))))
    return parameter.snap(float(rng.uniform(low, high)))
