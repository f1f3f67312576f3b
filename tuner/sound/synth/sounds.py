"""All kinds of synthetic sound by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tuner.sound.audio import SAMPLE_RATE, Pcm
from tuner.sound.synth.held import (
    make_bowed,
    make_brass,
    make_electronic,
    make_organ,
    make_pad,
    make_speech,
    make_sung,
)
from tuner.sound.synth.signals import (
    Signal,
    make_swell,
)
from tuner.sound.synth.song import (
    Song,
    add_room,
    pan,
    tilt,
)
from tuner.sound.synth.struck import (
    make_applause,
    make_bells,
    make_castanets,
    make_drums,
    make_glockenspiel,
    make_plucked,
)

#: Semitones of the scales that melodies walk on.
SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 7, 9),
    (0, 3, 5, 7, 10),
)
#: Ends of every sound are faded, so that a cut note is not a click.
FADE_S = 0.01


def _mix(song: Song) -> Signal:
    """A small band: three to five of the other sounds in one tempo and key, each in its place."""
    out = song.silence()
    names = song.rng.choice(len(BAND), size=int(song.rng.integers(3, 6)), replace=False)
    for name in names:
        part = BAND[name](song)
        place, width = pan(song.between(-0.8, 0.8)), song.between(0.1, 1.0)
        middle = part.mean(axis=0)
        part = place * middle * np.sqrt(2) * (1 - width) + width * part
        out += part / max(float(np.std(part)), 1e-9) * song.log_between(0.4, 1.2)
    return out


BAND = (
    make_drums,
    make_plucked,
    make_bowed,
    make_sung,
    make_brass,
    make_organ,
    make_electronic,
    make_pad,
    make_castanets,
    make_bells,
)
MAKERS: dict[str, Callable[[Song], Signal]] = {
    "castanets": make_castanets,
    "glockenspiel": make_glockenspiel,
    "bells": make_bells,
    "plucked": make_plucked,
    "bowed": make_bowed,
    "sung": make_sung,
    "drums": make_drums,
    "applause": make_applause,
    "brass": make_brass,
    "organ": make_organ,
    "speech": make_speech,
    "electronic": make_electronic,
    "pad": make_pad,
    "mix": _mix,
}
#: The kinds of sound that `synthesize` makes.
SOUNDS: tuple[str, ...] = tuple(MAKERS)
#: Sounds that stay as they are in stereo: one voice, the same on both sides.
MONO = ("speech",)


def synthesize(sound: str, seed: int, duration_s: float = 6.0) -> Pcm:
    """Make one sound.

    Args:
        sound: one of `SOUNDS`.
        seed: any non-negative integer; each gives other music.
        duration_s: seconds.

    Returns:
        float32 ``[2, T]`` at 48 kHz, peak -3 to -1 dBFS.

    Raises:
        ValueError: unknown sound, or less than 0.1 s asked for.
    """
    if sound not in MAKERS:
        raise ValueError(f"unknown sound {sound!r}; choose one of: {', '.join(SOUNDS)}")
    if not duration_s >= 0.1:
        raise ValueError(f"duration_s must be at least 0.1, not {duration_s}")
    rng = np.random.default_rng([seed, SOUNDS.index(sound)])
    song = Song(
        rng=rng,
        length=round(duration_s * SAMPLE_RATE),
        step_s=15.0 / float(rng.uniform(70, 170)),
        root_hz=110.0 * 2 ** (int(rng.integers(12)) / 12),
        scale=SCALES[rng.integers(len(SCALES))],
    )
    pcm = tilt(song, MAKERS[sound](song))
    if sound in MONO:
        pcm = np.repeat(add_room(song, pcm).mean(axis=0, keepdims=True), 2, axis=0)
    else:
        middle, width = pcm.mean(axis=0), song.between(0.5, 1.3)
        pcm = add_room(song, middle + width * (pcm - middle))
    pcm *= make_swell(song.length, FADE_S, FADE_S)
    level = 10 ** (song.between(-3, -1) / 20)
    return np.asarray(pcm / np.max(np.abs(pcm)) * level, dtype=np.float32)
