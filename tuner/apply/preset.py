"""An ffmpeg preset out of a command line that runs ffmpeg.

ffmpeg reads it with ``-fpre FILE``: lines of ``option=value``. Measured with 9.0.2: only
ffmpeg's own options (codec, bitrate, quality, sample rate, sample format) act there, while a
codec's (``cutoff``, ``compression_level``) are dropped without a word, and ``-apre`` looks in
ffmpeg's folders only. So the codec's options stay on the command line, behind the preset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Options that act in a preset, without their stream specifier.
OWN = ("c", "b", "q", "ar", "sample_fmt")


@dataclass(frozen=True)
class Preset:
    """A preset.

    Args:
        text: the content of the file.
        command: the command line with ``-fpre`` and what must stay beside it.
    """

    text: str
    command: tuple[str, ...]


def make_preset(command: Sequence[str], name: str) -> Preset | None:
    """The preset of a command line ``ffmpeg -i SOURCE -option value … TARGET``.

    Args:
        command: the command line.
        name: file name of the preset.

    Returns:
        None where the command is no such one, or a word of it holds what no line of a preset
        can (a line break, say, which would make two options of one).
    """
    if list(command[1:2]) != ["-i"] or "-c:a" not in command or len(command) % 2:
        return None
    if not all(word.isprintable() for word in command):
        return None
    words = command[3:-1]
    pairs = list(zip(words[::2], words[1::2], strict=True))
    own = [(option, value) for option, value in pairs if option[1:].split(":")[0] in OWN]
    own.sort(key=lambda pair: pair[0] != "-c:a")  # the codec first, as in ffmpeg's own presets
    beside = [word for pair in pairs if pair not in own for word in pair]
    # "acodec" is what presets have called "c:a" since there were any.
    lines = [f"{option[1:]}={value}".replace("c:a=", "acodec=", 1) for option, value in own]
    return Preset("\n".join(lines) + "\n", (*command[:3], "-fpre", name, *beside, command[-1]))
