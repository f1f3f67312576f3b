"""Public codec tests made again at their measured bitrates, and bandwidths swept at one bitrate.

Which of our encoders stands for which that people heard is in `PUBLIC`. ABC/HR grades are put
on the MUSHRA scale by a straight line: 1, very annoying, is 0, and 5, no difference, is 100.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.people.excerpts import Excerpt, excerpts, of_roles
from tuner.encoder import Encoder, Settings, default_settings, find_rate_mode
from tuner.errors import EncoderError
from tuner.plugins import load_encoder
from tuner.rate import RateMatch, first_guess, match_rate
from tuner.sound.audio import SAMPLE_RATE, Pcm, align, resample

#: Points that a grade above 1 is worth: both ends of the scales meet. (With 20 from 0 on,
#: the fit is off by 7 points instead of 5, and by most at the lowest grades.)
POINTS_PER_GRADE = 25.0
#: Distance from the wanted bitrate that is accepted: of a whole set, of one clip.
SET_TOLERANCE, CLIP_TOLERANCE = 0.02, 0.02
PASSES = 9
CUTOFFS_KHZ = (12.0, 13.0, 14.0, 16.0, 18.0, 20.0)
SWEPT_KBPS = (64.0, 96.0)


@dataclass(frozen=True)
class Heard:
    """One codec of a public test.

    Args:
        name: of the condition.
        encoder, mode: what makes it here.
        kbps: what it spent there, over the whole set.
        grade: its mean, 1 to 5; the mean of two tests where it was in two.
        stands_for: what people heard.
        near: whether ours is that encoder or a version of it; others are shown, not fitted.
    """

    name: str
    encoder: str
    mode: str
    kbps: float
    grade: float
    stands_for: str
    near: bool = True


#: ../shared/data/human/public_codec_test_means. An encoder of another make is not fitted to.
PUBLIC = (
    Heard("opus 96", "opus", "vbr", 107, 4.65, "Opus 1.1 (2014)"),
    Heard("vorbis 96", "vorbis", "vbr", 106, 4.24, "Vorbis aoTuV b6.03 -q2.2 (2014)"),
    Heard("lame V5", "lame", "vbr", 136, 4.24, "LAME 3.99.5 -V5 (2014)"),
    Heard("opus 64", "opus", "vbr", 64, 4.00, "Opus, CELT 0.11.2 (2011)"),
    Heard("vorbis 64", "vorbis", "vbr", 64, 3.51, "Vorbis aoTuV 6.02b (2011)"),
    Heard("aac 48", "aac", "abr", 48, 1.66, "AAC-LC 48, low anchor (2011)"),
    Heard("vorbis 128", "vorbis", "vbr", 128, 4.79, "Vorbis aoTuV 4.51b (2005)"),
    Heard("lame 128", "lame", "cbr", 128, 4.51, "LAME 3.98.2 (2008), 3.97b2 4.60 (2005)"),
    Heard("aac 96", "aac", "abr", 96, 3.70, "AAC-LC 96: Nero (2011), the lowest of five", False),
)


def public_tests(data: Path, work: Path) -> Iterator[tuple[Excerpt, str, float, MakeCoded]]:
    """Every condition of the public tests: excerpt, name, people's points, how it is made."""
    rates = _matched(data, work)
    for heard in PUBLIC:
        for excerpt in excerpts():
            make = MakeCoded(heard.encoder, heard.mode, {}, rates[heard.name])
            yield excerpt, heard.name, POINTS_PER_GRADE * (heard.grade - 1), make


@dataclass(frozen=True)
class MakeCoded:
    """Encodes and decodes.

    Args:
        encoder, mode: which.
        values: parameters that are not at their defaults.
        knob: of the rate; a bitrate to be met on the clip itself when `matched`.
    """

    encoder: str
    mode: str
    values: Mapping[str, float | str]
    knob: float
    matched: bool = False

    def __call__(self, reference: Pcm) -> tuple[Pcm, float]:
        """The coded signal and the kb/s that it spent."""
        encoder, settings = load_encoder(self.encoder, None), self._settings()
        knob = self._match(encoder, settings, reference) if self.matched else self.knob
        encoded = encoder.encode(reference, SAMPLE_RATE, settings, knob)
        pcm, rate = encoder.decode(encoded)
        coded, _ = align(reference, resample(pcm, rate))
        return coded, encoded.payload_bits / (reference.shape[1] / SAMPLE_RATE) / 1000

    def _settings(self) -> Settings:
        known = default_settings(load_encoder(self.encoder, None), self.mode).as_dict()
        return Settings.of(self.mode, {**known, **self.values})

    def _match(self, encoder: Encoder, settings: Settings, reference: Pcm) -> float:
        def measure(knob: float) -> float:
            encoded = encoder.encode(reference, SAMPLE_RATE, settings, knob)
            return encoded.payload_bits / (reference.shape[1] / SAMPLE_RATE) / 1000

        return _search(encoder, self.mode, self.knob, measure, CLIP_TOLERANCE)


def swept(kbps: float, khz: float) -> str:
    """The name of a condition."""
    return f"aac {kbps:g} cutoff {khz:g}"


def sweeps() -> Iterator[tuple[Excerpt, str, MakeCoded]]:
    """ffmpeg's AAC at equal measured bitrate with each cut-off, on the mixes."""
    for kbps in SWEPT_KBPS:
        for khz in CUTOFFS_KHZ:
            values = {"cutoff_hz": 1000 * khz}
            for excerpt in of_roles("mix"):
                yield (
                    excerpt,
                    swept(kbps, khz),
                    MakeCoded("aac", "abr", values, kbps, matched=True),
                )


def _matched(data: Path, work: Path) -> dict[str, float]:
    """The rate knob at which each condition spends over all excerpts what it spent in its test."""
    path = work / "knobs.json"
    known: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
    for heard in PUBLIC:
        if heard.name not in known:
            known[heard.name] = _match_set(heard, data)
            path.write_text(json.dumps(known))
    return known


def _match_set(heard: Heard, data: Path) -> float:
    encoder = load_encoder(heard.encoder, None)
    settings = default_settings(encoder, heard.mode)
    references = [excerpt.read(data) for excerpt in excerpts()]
    seconds = sum(each.shape[1] for each in references) / SAMPLE_RATE

    def measure(knob: float) -> float:
        bits = sum(
            encoder.encode(each, SAMPLE_RATE, settings, knob).payload_bits for each in references
        )
        return bits / seconds / 1000

    return _search(encoder, heard.mode, heard.kbps, measure, SET_TOLERANCE)


def _search(
    encoder: Encoder, mode: str, kbps: float, measure: Callable[[float], float], tolerance: float
) -> float:
    """The knob, or the nearest that was tried where none is near enough."""
    tried: dict[float, float] = {}

    def remember(knob: float) -> float:
        tried[knob] = measure(knob)
        return tried[knob]

    found = find_rate_mode(encoder, mode)
    try:
        match = match_rate(found, kbps, remember, first_guess(found, kbps, []), tolerance, PASSES)
    except EncoderError:
        if not tried:
            raise
        match = None
    if isinstance(match, RateMatch):
        return match.knob
    return min(tried, key=lambda knob: abs(np.log(tried[knob] / kbps)))
