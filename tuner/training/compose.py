"""Music from a seed: a score of several parts, as a MIDI file for a SoundFont synthesiser.

Chords walk a progression of the key; a bass, chords or arpeggios, a melody that wanders on
the scale and, where the orchestration has them, drums are written over them. Programs are
those of General MIDI level 1, counted from 0.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tuner.extras import need_extra

#: Ticks of a quarter note.
BEAT = 480
DRUM_CHANNEL = 9
#: General MIDI's percussion keys.
KICK, SNARE, CLOSED_HAT, OPEN_HAT, CRASH, RIDE = 36, 38, 42, 46, 49, 51
#: Semitones of the scales.
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10))
#: Roots of the chords of one round, as degrees of the scale.
PROGRESSIONS = (
    (0, 4, 5, 3),
    (0, 3, 4, 4),
    (0, 5, 3, 4),
    (1, 4, 0, 0),
    (0, 6, 5, 4),
    (0, 2, 3, 4),
)


@dataclass(frozen=True)
class Orchestration:
    """Who plays: General MIDI programs of each role; empty where nobody does."""

    melody: tuple[int, ...]
    chords: tuple[int, ...]
    bass: tuple[int, ...]
    drums: bool = False


ORCHESTRATIONS: dict[str, Orchestration] = {
    "piano": Orchestration((0,), (0,), (0,)),
    "jazz trio": Orchestration((0, 26), (0,), (32,), drums=True),
    "rock band": Orchestration((29, 30), (30, 27), (33, 34), drums=True),
    "pop band": Orchestration((81, 52, 65), (4, 89), (38, 33), drums=True),
    "funk": Orchestration((61, 66), (7, 28), (36, 37), drums=True),
    "strings": Orchestration((40, 41), (48, 49), (42, 43)),
    "orchestra": Orchestration((73, 68, 71, 60), (48, 60, 49), (43, 58), drums=False),
    "brass band": Orchestration((56, 57), (61, 60), (58,), drums=True),
    "woodwinds": Orchestration((73, 71), (68, 70), (70,)),
    "choir and organ": Orchestration((52, 53), (19, 16), (19,)),
    "guitars": Orchestration((24, 25), (25, 24), (32,)),
    "mallets": Orchestration((11, 12, 13), (10, 9), (12,)),
    "harpsichord": Orchestration((6, 73), (6,), (42,)),
    "accordion": Orchestration((21, 22), (21,), (32,), drums=True),
    "plucked world": Orchestration((104, 105, 107), (106, 46), (46,), drums=True),
    "synth": Orchestration((80, 84, 87), (88, 95, 90), (39, 38), drums=True),
    "percussion": Orchestration((), (), (), drums=True),
}


@dataclass(frozen=True)
class Note:
    """One note: start and length in ticks, key and velocity 0 to 127, on a channel."""

    start: int
    length: int
    channel: int
    key: int
    velocity: int


def compose(orchestration: str, seed: int, duration_s: float) -> bytes:
    """A standard MIDI file of about the given length.

    Args:
        orchestration: a key of `ORCHESTRATIONS`.
        seed: of everything that is chosen.
        duration_s: seconds.

    Raises:
        ExtraMissing: the library that writes MIDI files is not installed.
    """
    need_extra("train", "composing scores to teach by")
    import mido

    rng = np.random.default_rng([seed, sorted(ORCHESTRATIONS).index(orchestration)])
    players = ORCHESTRATIONS[orchestration]
    tempo = float(rng.uniform(66, 168))
    bars = max(round(duration_s * tempo / 60 / 4), 1)
    file = mido.MidiFile(ticks_per_beat=BEAT)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    roles = (players.melody, players.chords, players.bass)
    for channel, programs in enumerate(roles):
        if programs:
            program = int(rng.choice(programs))
            track.append(mido.Message("program_change", channel=channel, program=program))
            pan = int(rng.integers(30, 98)) if channel < 2 else 64
            track.append(mido.Message("control_change", channel=channel, control=10, value=pan))
    notes = sorted(_write(players, bars, rng), key=lambda note: note.start)
    events = [(n.start, 1, n) for n in notes] + [(n.start + n.length, 0, n) for n in notes]
    now = 0
    for tick, starts, note in sorted(events, key=lambda event: event[:2]):
        kind = "note_on" if starts else "note_off"
        track.append(
            mido.Message(
                kind,
                channel=note.channel,
                note=note.key,
                velocity=note.velocity if starts else 0,
                time=tick - now,
            )
        )
        now = tick
    written = io.BytesIO()
    file.save(file=written)
    return written.getvalue()


def _write(players: Orchestration, bars: int, rng: np.random.Generator) -> Iterator[Note]:
    scale = SCALES[rng.integers(len(SCALES))]
    tonic = int(rng.integers(45, 57))
    progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    loud = int(rng.integers(70, 112))
    pattern = _drum_pattern(rng)
    arpeggio, walking = rng.random() < 0.5, rng.random() < 0.5
    density = float(rng.uniform(0.4, 0.95))
    degree = 7

    def key(degree: int, octave: int = 0) -> int:
        octaves, index = divmod(degree, len(scale))
        return int(np.clip(tonic + 12 * (octaves + octave) + scale[index], 24, 103))

    for bar in range(bars):
        start = bar * 4 * BEAT
        root = progression[bar % len(progression)]
        if players.bass:
            for beat in range(4) if walking else (0, 2):
                step = int(rng.choice([0, 2, 4])) if beat else 0
                length = BEAT if walking else 2 * BEAT
                yield Note(start + beat * BEAT, length - 20, 2, key(root + step, -1), loud)
        if players.chords:
            tones = [root, root + 2, root + 4] + ([root + 6] if rng.random() < 0.3 else [])
            for index, tone in enumerate(tones):
                if arpeggio:
                    for eighth in range(index, 8, len(tones)):
                        at = start + eighth * BEAT // 2
                        yield Note(at, BEAT, 1, key(tone), loud - 20)
                else:
                    yield Note(start, 4 * BEAT - 40, 1, key(tone), loud - 15)
        if players.melody:
            eighth = 0
            while eighth < 8:
                length = int(rng.choice([1, 1, 2, 2, 3, 4]))
                if rng.random() < density:
                    degree = int(np.clip(degree + rng.integers(-3, 4), 3, 16))
                    ticks = length * BEAT // 2
                    velocity = int(np.clip(loud + rng.integers(-12, 13), 30, 127))
                    yield Note(start + eighth * BEAT // 2, ticks - 10, 0, key(degree), velocity)
                eighth += length
        if players.drums:
            yield from _drum_bar(start, bar, pattern, loud, rng)


def _drum_pattern(rng: np.random.Generator) -> dict[int, np.ndarray]:
    """Percussion key -> which of 16 sixteenths it strikes."""
    sixteenths = np.arange(16)
    hats = sixteenths % (1 if rng.random() < 0.3 else 2) == 0
    kick = (sixteenths % 8 == 0) | (rng.random(16) < 0.12)
    snare = sixteenths % 8 == 4
    extra = int(rng.choice([39, 54, 56, 63, 69, 70, 75, 76]))
    return {
        KICK: kick,
        SNARE: snare | (rng.random(16) < 0.05),
        RIDE if rng.random() < 0.3 else CLOSED_HAT: hats,
        OPEN_HAT: rng.random(16) < 0.05,
        extra: rng.random(16) < 0.15,
    }


def _drum_bar(
    start: int, bar: int, pattern: dict[int, np.ndarray], loud: int, rng: np.random.Generator
) -> Iterator[Note]:
    if bar % 4 == 0:
        yield Note(start, BEAT, DRUM_CHANNEL, CRASH, loud)
    for key, strikes in pattern.items():
        for sixteenth in np.flatnonzero(strikes):
            velocity = int(np.clip(loud + rng.integers(-25, 10), 20, 127))
            yield Note(start + int(sixteenth) * BEAT // 4, BEAT // 4, DRUM_CHANNEL, key, velocity)
