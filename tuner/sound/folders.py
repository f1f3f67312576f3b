"""Sound files of a folder as people keep them: linked folders, odd suffixes, pictures beside."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Files of these suffixes hold samples, or codecs that lose nothing.
LOSSLESS_SUFFIXES = frozenset(
    (
        *(".aif", ".aifc", ".aiff", ".ape", ".au", ".bwf", ".caf", ".flac", ".rf64", ".snd"),
        *(".tak", ".tta", ".w64", ".wav", ".wave", ".wv"),
    )
)
#: Files of these suffixes are sound, or video with sound.
SOUND_SUFFIXES = LOSSLESS_SUFFIXES | frozenset(
    (
        *(".3gp", ".aac", ".ac3", ".amr", ".dts", ".eac3", ".m4a", ".m4b", ".m4r", ".mka"),
        *(".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpc", ".oga", ".ogg", ".opus"),
        *(".sbc", ".spx", ".webm", ".wma"),
    )
)


@dataclass(frozen=True)
class Contents:
    """What a folder holds.

    Args:
        sounds: sound files, sorted by path.
        others: how many others there are, by suffix in lower case, or as "broken link" or
            "unreadable folder"; hidden ones do not count.
    """

    sounds: tuple[Path, ...]
    others: Counter[str]

    def told(self) -> str:
        """The other files in words: "3 .jpg, 1 .cue"."""
        return ", ".join(f"{n} {kind or 'without suffix'}" for kind, n in self.others.most_common())


def read_folder(folder: Path) -> Contents:
    """The files of a folder and of all in it; links are followed, but not in circles."""
    sounds, others = [], Counter[str]()
    for path in _walk(folder, frozenset()):
        if not path.is_file():
            others["broken link" if path.is_symlink() else "unreadable folder"] += 1
        elif path.suffix.lower() in SOUND_SUFFIXES:
            sounds.append(path)
        else:
            others[path.suffix.lower()] += 1
    return Contents(tuple(sorted(sounds)), others)


def _walk(folder: Path, above: frozenset[str]) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        yield folder  # not ours to read
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry, above | {real})
        elif entry.is_file() or not entry.exists():
            yield entry
