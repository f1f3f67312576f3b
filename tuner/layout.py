"""Channel layouts: which speaker each channel is for, by the number of channels.

Channels are in the order of WAV and FLAC files everywhere, which is FFmpeg's and what it decodes
to: codecs that have another order inside (Vorbis, Opus, AAC, AC-3) are reordered by the programs
that encode and decode. Side and back speakers of one surround pair are the same thing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: Speakers as FFmpeg calls them, in the order of the bits of a WAV file's channel mask.
SPEAKERS = ("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR")
#: Most channels of a clip.
MOST_CHANNELS = 8
#: Where an extensible WAV file has its channel mask, byte, when `fmt ` is its first chunk.
MASK_AT = 40
#: What to do with a file of more than two channels where only stereo is taken.
HOW_TO_MIX = (
    "mix it to stereo (--downmix of `tuner run` and `tuner encode`; elsewhere"
    " `ffmpeg -i FILE -ac 2 MIXED.wav`)"
)


@dataclass(frozen=True)
class Layout:
    """The speakers of a signal.

    Args:
        name: as FFmpeg calls it ("5.1").
        speakers: of each channel, in order.
        aliases: FFmpeg's names of layouts that are treated alike, in the same order.
    """

    name: str
    speakers: tuple[str, ...]
    aliases: tuple[str, ...] = ()

    @property
    def mask(self) -> int:
        """The channel mask of a WAV file."""
        return sum(1 << SPEAKERS.index(speaker) for speaker in self.speakers)


_LAYOUTS = (
    Layout("mono", ("FC",)),
    Layout("stereo", ("FL", "FR")),
    Layout("3.0", ("FL", "FR", "FC")),
    Layout("quad", ("FL", "FR", "BL", "BR"), ("quad(side)",)),
    Layout("5.0", ("FL", "FR", "FC", "BL", "BR"), ("5.0(side)",)),
    Layout("5.1", ("FL", "FR", "FC", "LFE", "BL", "BR"), ("5.1(side)",)),
    Layout("6.1", ("FL", "FR", "FC", "LFE", "BC", "SL", "SR")),
    Layout("7.1", ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR")),
)
#: The layout of so many channels: that of a FLAC file.
LAYOUTS = {len(each.speakers): each for each in _LAYOUTS}


def name_layout(channels: int) -> str:
    """ "5.1" for six channels; "9 channels" where there is no layout."""
    return LAYOUTS[channels].name if channels in LAYOUTS else f"{channels} channels"


def declare_speakers(path: Path, channels: int) -> None:
    """Write the channel mask into an extensible WAV file, whose writer wrote another or none.

    Args:
        path: the file, whose first chunk is `fmt `.
        channels: how many it has.
    """
    with path.open("r+b") as file:
        file.seek(MASK_AT)
        file.write(LAYOUTS[channels].mask.to_bytes(4, "little"))


def wav_format(channels: int) -> str:
    """libsndfile's name of the WAV format that such a file is written in: extensible where it
    has to declare its speakers."""
    return "WAV" if channels <= 2 else "WAVEX"
