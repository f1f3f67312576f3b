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

from tuner import audio
from tuner.audio import SAMPLE_RATE, Pcm
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
from tuner.quality import degrade
from tuner.quality.teachers import SIDE_INAUDIBLE_DB, side_level_db
from tuner.rate import RateMatch, first_guess, match_rate

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
SHARES = {"group": 0.55, "ladder": 0.2, "tandem": 0.1, "anchors": 0.15}
ANCHORS_HZ = (3500.0, 7000.0)


@dataclass(frozen=True)
class Recipe:
    """How one coded signal is made.

    Args:
        steps: what is done in turn; each a JSON object of kind "codec" (encoder, mode,
            values, knob), "artefact" (family, severity, seed) or "anchor" (hz).
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


def codec_step(name: str, settings: Settings, knob: float) -> dict[str, Any]:
    """A step that encodes and decodes."""
    return {
        "kind": "codec",
        "encoder": name,
        "mode": settings.rate_mode,
        "values": settings.as_dict(),
        "knob": knob,
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
            encoder = encoders[step["encoder"]]
            encoded = encoder.encode(coded, SAMPLE_RATE, settings, step["knob"])
            pcm, rate = encoder.decode(encoded)
            coded, _ = audio.align(reference, audio.resample(pcm, rate))
    return coded


def plan_recipes(
    reference: Pcm, encoders: Mapping[str, Encoder], rng: np.random.Generator
) -> list[Recipe]:
    """What one reference is put through; encodes are made to match bitrates."""
    kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    if kind == "group":
        return list(_group(reference, encoders, rng))
    if kind == "ladder":
        return list(_ladder(reference, rng))
    if kind == "tandem":
        return list(_tandem(reference, encoders, rng))
    anchors = [Recipe(({"kind": "anchor", "hz": hz},)) for hz in ANCHORS_HZ]
    family = str(rng.choice(families(reference)))
    severities = rng.uniform(0, 1, 2)
    seed = int(rng.integers(1 << 30))
    return anchors + [Recipe((artefact_step(family, float(s), seed),)) for s in severities]


def families(reference: Pcm) -> list[str]:
    """The artefacts that can be heard on a reference."""
    names = list(degrade.FAMILIES)
    if not degrade.find_attacks(reference):
        names.remove("pre-echo")
    if reference.shape[0] == 1:
        names.remove("channel imbalance")
    if reference.shape[0] == 1 or side_level_db(reference) < SIDE_INAUDIBLE_DB:
        names.remove("stereo narrowing")
    return names


def _ladder(reference: Pcm, rng: np.random.Generator) -> Iterator[Recipe]:
    """One artefact in rising severity, the same random parts in all."""
    family, seed = str(rng.choice(families(reference))), int(rng.integers(1 << 30))
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
    reference: Pcm, encoders: Mapping[str, Encoder], rng: np.random.Generator
) -> Iterator[Recipe]:
    """Settings of one encoder at one measured bitrate, its default first."""
    name = str(rng.choice(list(encoders)))
    encoder = encoders[name]
    target = _reachable(encoder, reference, rng)
    if target is None:
        return
    matched: dict[str, list[tuple[float, float]]] = {}
    made: set[Settings] = set()
    for attempt in range(2 * SETTINGS_PER_GROUP):
        if len(made) == SETTINGS_PER_GROUP:
            return
        modes = encoder.rate_modes
        mode = modes[int(rng.integers(len(modes)))] if attempt else modes[0]
        settings = random_settings(encoder, mode, rng) if attempt else default_settings(encoder)
        if settings in made:
            continue
        match = _match(encoder, reference, settings, target, matched.get(mode.name, []))
        if match is not None:
            made.add(settings)
            matched.setdefault(mode.name, []).append((match.knob, match.kbps))
            step = codec_step(name, settings, match.knob)
            yield Recipe((step,), group=f"{name}@{target:g}", kbps=round(match.kbps, 2))


def _reachable(encoder: Encoder, reference: Pcm, rng: np.random.Generator) -> float | None:
    """A bitrate that the encoder's default reaches on this reference; what it then spends."""
    for _ in range(3):
        match = _match(encoder, reference, default_settings(encoder), _stereo_kbps(reference, rng))
        if match is not None:
            return match.kbps
    return None


def _match(
    encoder: Encoder,
    reference: Pcm,
    settings: Settings,
    target: float,
    matched: Sequence[tuple[float, float]] = (),
) -> RateMatch | None:
    mode = find_rate_mode(encoder, settings.rate_mode)
    seconds: float = reference.shape[1] / SAMPLE_RATE

    def measure(knob: float) -> float:
        encoded = encoder.encode(reference, SAMPLE_RATE, settings, knob)
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
    """Any legal value of a parameter."""
    if parameter.kind == "choice":
        return parameter.choices[rng.integers(len(parameter.choices))]
    assert parameter.low is not None and parameter.high is not None
    value = rng.uniform(parameter.low, parameter.high)
    if parameter.log:
        value = np.exp(rng.uniform(np.log(parameter.low), np.log(parameter.high)))
    if parameter.step or parameter.kind == "int":
        step = parameter.step or 1
        value = parameter.low + step * round((value - parameter.low) / step)
    value = min(max(value, parameter.low), parameter.high)
    return int(value) if parameter.kind == "int" else float(value)
