"""Command lines as presets of other programs: fre:ac's external encoders, HandBrake's JSON.

Written from the source of fre:ac's component library (BoCA: ``boca_encoder_*.1.0.xml``, with
``%INFILE`` and ``%OUTFILE`` in the arguments of an external command) and of HandBrake
(``preset_template.json``, the tables of ``libhb/common.c``); neither program was run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import PurePath
from typing import Any
from xml.sax.saxutils import escape

from tuner.apply.converter import SHELL_ONLY
from tuner.layout import name_layout

#: Words that mean the same in every shell, without quotes.
PLAIN_WORD = re.compile(r"[\w@+=:,./-]+", re.ASCII)
COMPONENT = """\
<?xml version="1.0" encoding="UTF-8"?>
<component>
  <name>{name}</name>
  <version>1.0</version>
  <id>{id}-enc</id>
  <type>encoder</type>
  <format>
    <name>{name}</name>
    <extension>{extension}</extension>
  </format>
  <external>
    <command>{program}</command>
    <arguments>{arguments}</arguments>
    <mode>file</mode>
    <informat>wave</informat>
  </external>
</component>
"""

#: A codec library's name in ffmpeg, and in HandBrake; no adapters' names.
NAMES = """
aac av_aac
ac3 ac3
eac3 eac3
libmp3lame mp3
libopus opus
libvorbis vorbis
"""
HANDBRAKE_ENCODERS = dict(line.split() for line in NAMES.strip().splitlines())
#: Channels of the clips, and the mixdown of HandBrake that keeps them.
MIXDOWNS = {1: "stereo", 2: "stereo", 6: "5point1", 8: "7point1"}
#: Bitrates that HandBrake offers, kb/s, as far as stereo uses them.
OFFERED_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 640)
#: Of the format of its presets: newer programs read older ones.
HANDBRAKE_VERSION = {"VersionMajor": 47, "VersionMinor": 0, "VersionMicro": 0}
#: Options of ffmpeg that HandBrake has a field for, or that change no setting of an encoder.
HANDBRAKE_HOLDS = ("-i", "-c:a", "-b:a", "-sample_fmt")


def make_component(command: Sequence[str], name: str, source: str = "input.wav") -> str | None:
    """The XML file of an external encoder of fre:ac.

    Args:
        command: the command line, its files `source` and ``output.EXT``.
        name: what fre:ac's list of encoders shows.
        source: how the command names its source.

    Returns:
        None where it cannot be held: it starts with an environment or with Python, does not name
        its files so, or a word of it needs quotes, which each shell has its own.
    """
    program, *words = command
    targets = [word for word in words if PurePath(word).stem == "output"]
    if program in SHELL_ONLY or source not in words or len(targets) != 1:
        return None
    if not all(PLAIN_WORD.fullmatch(word) for word in command) or "=" in program:
        return None
    names = {source: "%INFILE", targets[0]: "%OUTFILE"}
    return COMPONENT.format(
        name=escape(name),
        id=re.sub(r"[^a-z0-9]+", "-", name.lower()),
        extension=PurePath(targets[0]).suffix[1:],
        program=program,
        arguments=" ".join(names.get(word, word) for word in words),
    )


def find_unheld(command: Sequence[str], channels: Collection[int]) -> list[str]:
    """What HandBrake has no field for, in words; empty where `make_handbrake` holds it all.

    Args:
        command: the command line.
        channels: those of the clips that the settings were tuned on.
    """
    if None in (mixdowns := {MIXDOWNS.get(count) for count in channels}) or len(mixdowns) != 1:
        return [f"clips of {', '.join(name_layout(count) for count in sorted(channels))}"]
    if command[0] != "ffmpeg":
        return [f"{command[0]} is none of its encoders"]
    options = _options(command)
    unheld = [f"{k} {v}" for k, v in options.items() if k not in HANDBRAKE_HOLDS]
    if options.get("-c:a") not in HANDBRAKE_ENCODERS:
        unheld.append(f"-c:a {options.get('-c:a')}")
    kbps = re.fullmatch(r"(\d+)k", options.get("-b:a", ""))
    if "-b:a" in options and not (kbps and int(kbps[1]) in OFFERED_KBPS):
        unheld.append(f"-b:a {options['-b:a']} (it has {', '.join(map(str, OFFERED_KBPS))})")
    if "-b:a" not in options:
        unheld.append("no bitrate is named")
    return unheld


def make_handbrake(command: Sequence[str], name: str, channels: int) -> dict[str, Any]:
    """A preset of HandBrake with one track of these settings; the rest is its own default.

    Args:
        command: a command line of which `find_unheld` finds nothing.
        name: of the preset.
        channels: of the clips that the settings were tuned on.
    """
    options = _options(command)
    track = {
        "AudioBitrate": int(options["-b:a"].removesuffix("k")),
        "AudioEncoder": HANDBRAKE_ENCODERS[options["-c:a"]],
        "AudioMixdown": MIXDOWNS[channels],
        "AudioSamplerate": "auto",
        "AudioTrackQualityEnable": False,
    }
    return {"PresetName": name, "Type": 1, "Folder": False, "AudioList": [track]}


def _options(command: Sequence[str]) -> dict[str, str]:
    """The options of an ffmpeg command; its last word is the target."""
    words = list(command[1:-1])
    return dict(zip(words[::2], words[1::2], strict=False))
