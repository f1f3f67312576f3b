"""What a run lets people hear: decoded clips in a folder beside the results, and their index.

``RUN/exhibits/`` holds lossless files (WAV, 24 bit, 48 kHz), all loudness-matched to their
reference and attenuated together where one would clip. The search writes them from its
cache, the report only reads them. (Chromium hangs in one of five seeks in a FLAC file.)
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import msgspec

from tuner.atomic import atomic_write
from tuner.errors import RunError

FOLDER = "exhibits"
INDEX = "index.json"

Role = Literal["reference", "default", "tuned"]


@dataclass(frozen=True)
class Exhibit:
    """One sound.

    Args:
        clip: digest of the clip.
        target_kbps: the bitrate that it belongs to.
        role: "reference", "default" or "tuned" (what the verdict is about).
        file: file name within the folder; a reference may serve several bitrates.
        gain_db: gain applied to the decoded samples, dB.
    """

    clip: str
    target_kbps: float
    role: Role
    file: str
    gain_db: float


def write_index(exhibits: list[Exhibit], run: Path) -> None:
    """Write the index of a run's exhibits, atomically."""
    path = run / FOLDER / INDEX
    atomic_write(path, json.dumps([asdict(each) for each in exhibits], indent=1))


def read_index(run: Path) -> list[Exhibit]:
    """The exhibits of a run; none where it has none.

    Raises:
        RunError: the index is damaged, or names a file outside the folder.
    """
    path = run / FOLDER / INDEX
    try:
        exhibits = msgspec.json.decode(path.read_bytes(), type=list[Exhibit])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(
            f"damaged ({error})", where=path, remedy="delete the folder, or regenerate it"
        ) from error
    for each in exhibits:
        if Path(each.file).name != each.file:
            raise RunError(
                f"damaged ({each.file!r})", where=path, remedy="delete the folder, or regenerate it"
            )
    return exhibits
