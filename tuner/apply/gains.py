"""ReplayGain and R128 gains of a coded file, from those of its source.

Coding changes peaks, and some encoders the level, too. The gains move by as much as the loudness
did (ITU-R BS.1770), so that the target that they were made for stays; the peak is measured anew.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.encoder import Encoded, Encoder
from tuner.sound.audio import read_audio, resample
from tuner.sound.long_audio import find_duration
from tuner.sound.loudness import SHORTEST_S, loudness_lufs

if TYPE_CHECKING:
    from tuner.tags import Tags

#: Longer files would need too much memory, s.
LONGEST_S = 600.0


def adjust_gains(tags: Tags, source: Path, coded: Path, encoder: Encoder) -> Tags:
    """Tags whose gains are those of the coded file; without them, and told, where none can be.

    Args:
        tags: of the source.
        source: the sound file.
        coded: what the encoder made of it.
        encoder: which decodes it.

    Raises:
        ClipError, DecodeFailed: one of the files cannot be read.
    """
    if tags.gains is None:
        return tags
    duration_s = find_duration(source)
    if duration_s is None or not SHORTEST_S <= duration_s <= LONGEST_S:
        return _without(tags, f"measured only for files of {SHORTEST_S} to {LONGEST_S:g} s")
    original = resample(*read_audio(source))
    data = coded.read_bytes()
    decoded = resample(*encoder.decode(Encoded(data, coded.suffix, 8 * len(data), 0.0)))
    if max(len(original), len(decoded)) > 2:
        return _without(tags, "measured only in mono and stereo")
    change_db = loudness_lufs(original) - loudness_lufs(decoded)
    if not math.isfinite(change_db):
        return _without(tags, "undefined for silence")
    from tuner.tags import Gains

    old = (tags.gains.track_db, tags.gains.album_db)
    track_db, album_db = (None if gain is None else gain + change_db for gain in old)
    gains = Gains(track_db, album_db, float(np.abs(decoded).max()))
    return dataclasses.replace(tags, gains=gains)


def _without(tags: Tags, reason: str) -> Tags:
    return dataclasses.replace(tags, gains=None, left=(*tags.left, f"ReplayGain: {reason}"))
