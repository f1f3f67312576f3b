"""Speakers of surround sound in QuickTime and CAF files, as Core Audio's `chan` tells them.

Only orders that are those of `tuner.layout` are known here: PyAV 18.1 crashes on PCM channels in
another one.
"""

from __future__ import annotations

from pathlib import Path

from tuner.layout import LAYOUTS

#: Core Audio's layout tags (CoreAudioBaseTypes.h, without the number of channels) whose channels
#: are in the order of `tuner.layout`, and FFmpeg's names.
TAGS = {
    108: "quad(side)",
    113: "3.0",
    117: "5.0(side)",
    121: "5.1(side)",
    128: "7.1",  # sides before back, but FFmpeg writes it for back before sides: pairs all the same
    132: "quad(side)",
    185: "quad",
    186: "5.0",
    187: "5.1",
    188: "6.1",
    189: "7.1",
}
#: The tag of a layout that is told by a bitmap, which is a WAV file's channel mask.
BITMAP = 1
#: Speakers of masks that stand at the sides instead of the back.
BACK, SIDE = 0x30, 0x600
#: Bytes before the tag: in QuickTime the atom's version and flags.
QUICKTIME_HEAD = 4


def name_speakers(described: bytes, channels: int) -> str | None:
    """FFmpeg's name of a layout; None where its order is unknown.

    Args:
        described: from the layout tag on; empty where nothing is told.
        channels: how many.
    """
    if len(described) < 8:
        return f"{channels} channels"
    tag, mask = int.from_bytes(described[:2]), int.from_bytes(described[4:8])
    if tag != BITMAP:
        return TAGS.get(tag)
    layout = LAYOUTS.get(channels)
    if layout is None:
        return None
    masks = {layout.mask, layout.mask - BACK + SIDE if layout.aliases else layout.mask}
    return layout.name if mask in masks else None


def describe_movie(index: bytes) -> bytes:
    """What the index of a QuickTime file, `moov`, tells of the speakers; see `name_speakers`."""
    at = index.find(b"chan")
    return b"" if at < 0 else index[at + 4 + QUICKTIME_HEAD : at + 4 + QUICKTIME_HEAD + 8]


def describe_caf(path: Path) -> bytes:
    """What a CAF file tells of the speakers; see `name_speakers`."""
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(12)) == 12:
            length = int.from_bytes(head[4:], signed=True)
            if head[:4] == b"chan":
                return file.read(8)
            if length < 0:
                break
            file.seek(length, 1)
    return b""
