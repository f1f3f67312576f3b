"""The level of playback: a 1 kHz sine by which a subject sets the volume once, before the test.

Loudness is ITU-R BS.1770's: a sine of 1 kHz in both channels whose peaks reach -23 dBFS has
-23 LUFS (EBU Tech 3341, test signal 1), in one channel alone it has 3 dB less. The browser makes
the tone itself. Each time that a subject begins or resumes, whether the volume was set is kept.
"""

from __future__ import annotations

import math
from pathlib import Path

from tuner.errors import StudyError
from tuner.listening.answers import AnswerRefused
from tuner.listening.notes import read_note, store_note
from tuner.listening.plan import Plan, Tone

#: Kind of the note.
VOLUME = "volume"
#: Loudness of a full-scale sine of 1 kHz in one channel, LUFS: its mean square, BS.1770's gain at
#: 1 kHz (0.691 dB) being what its constant takes off.
FULL_SINE_LUFS = 10 * math.log10(0.5)
#: Loudspeakers or ears: more channels of a clip are mixed to so many.
MOST_CHANNELS = 2
#: Levels relative to the clips that can be asked for, dB.
LEAST_DB, MOST_DB = -40.0, 12.0
#: Settings of the volume that are kept of a subject, the latest.
MOST_KEPT = 100


def make_tone(level_db: float, loudness_lufs: float, channels: int) -> Tone:
    """The tone of a test.

    Args:
        level_db: its loudness relative to the clips'.
        loudness_lufs: the clips' loudness.
        channels: the clips' number of channels.

    Raises:
        StudyError: the level is out of range.
    """
    if not LEAST_DB <= level_db <= MOST_DB:
        raise StudyError(
            f"{level_db:g} dB relative to the clips is not {LEAST_DB:g} to {MOST_DB:g} dB",
            where="tone",
        )
    played = min(channels, MOST_CHANNELS)
    in_one = loudness_lufs + level_db - 10 * math.log10(played)
    return Tone(level_db, round(in_one - FULL_SINE_LUFS, 2))


def store_volume(folder: Path, plan: Plan, subject: str, done: object) -> None:
    """Keep whether a subject set the volume now.

    Raises:
        AnswerRefused: the test has no tone, or `done` is neither true nor false.
        RunError: it cannot be written, or what was kept cannot be read.
    """
    if plan.tone is None:
        raise AnswerRefused("this test has no tone")
    if not isinstance(done, bool):
        raise AnswerRefused("whether the volume was set must be true or false")
    kept = (*read_volume(folder, subject), done)[-MOST_KEPT:]
    store_note(folder, subject, VOLUME, {"set": kept})


def read_volume(folder: Path, subject: str) -> tuple[bool, ...]:
    """Whether a subject set the volume, each time that it was asked for.

    Raises:
        RunError: what was kept cannot be read.
    """
    note = read_note(folder, subject, VOLUME) or {}
    given = note.get("set", [])
    return tuple(each is True for each in given) if isinstance(given, list) else ()
