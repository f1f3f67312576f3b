"""LAME through its library's C interface, in an MP3 file with a LAME tag.

The library obeys where the command line ignores: the switches for developers are here. It
runs in a child process (`encoders.lame_child`). `binary` is the path of the library.

For people, the same encode of a sound file, with defaults left out::

    python3 -m encoders.lame_api cbr 64 msfix=2.8 in.wav out.mp3

Source of ranges and meanings: the exported setters of libmp3lame 3.100 (Debian 12), what
``lame_print_internals`` says that they do, and the help for developers that the program lame
holds but does not show. That each acts, in the rate modes in which it is offered, was
measured by changed payloads and decodes, and the defaults give the command line's packets.
`encoders.lame` tells of what both have, `encoders.lame_calls` of what is here only.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes.util
import functools
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from encoders import lame_child
from encoders.command import BinaryEncoder, file_digest, plain_name
from encoders.lame_calls import OWN, Call, make_calls
from encoders.lame_parameters import NOTED, RATE_MODES, SENSITIVITY, SHARED, make_presets
from encoders.process import run
from tuner.encoder import (
    Encoded,
    EncoderError,
    EncoderFailed,
    EncoderMissing,
    Parameter,
    Pcm,
    RateMode,
    Settings,
    SettingsError,
    Value,
    Version,
    is_number,
    settings_of,
    validate,
)
from tuner.system.outputs import check_output

#: Wall-clock limit of asking the library for its version, s.
ASK_S = 20.0
#: Wall-clock limit of one file on the command line, s: it may last for hours.
FILE_TIMEOUT_S = 86_400.0
#: Full scale of the samples that the child takes.
FULL_SCALE = np.float32(32768)


@dataclass(frozen=True)
class LameApi(BinaryEncoder):
    """Adapter of the library libmp3lame."""

    name: ClassVar[str] = "lame-api"
    program: ClassVar[str] = "libmp3lame.so.0"
    remedy: ClassVar[str] = (
        "install LAME's library (Debian: apt-get install libmp3lame0), or give its path"
    )
    suffix: ClassVar[str] = ".mp3"
    reads_floats: ClassVar[bool] = True
    noted: ClassVar[re.Pattern[str] | None] = re.compile(NOTED + "|^no LAME tag")
    rate_modes: ClassVar[tuple[RateMode, ...]] = RATE_MODES
    parameters: ClassVar[tuple[Parameter, ...]] = (*SHARED, *OWN)
    presets: ClassVar[tuple[Settings, ...]] = make_presets(parameters, 2, 0)

    @property
    def version(self) -> Version:
        """The library that is loaded; see `tuner.encoder.Encoder.version`."""
        path = self.path()
        state = _state(path)
        text = _ask(path, state)["version"]
        return Version(f"libmp3lame {text}", path, file_digest(path, state).hex()[:16])

    def path(self) -> str:
        """Path of the library that is loaded. Raises `EncoderMissing`."""
        try:
            return _find(self.binary or self.program)
        except EncoderMissing as error:
            other = None if self.binary else ctypes.util.find_library("mp3lame")
            if other is None:
                raise EncoderMissing.of(error, remedy=self.remedy) from error
        return _find(other)

    def programs(self) -> list[str]:
        """The library, where it is named by a path; see `BinaryEncoder.programs`."""
        return [self.binary] if self.binary and "/" in self.binary else []

    def encode(self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float) -> Encoded:
        """Encode one clip, and note what of it no switch of the command line ``lame`` does."""
        encoded = super().encode(pcm, sample_rate, settings, knob)
        values = settings.as_dict()
        own = [p.name for p in OWN if values.get(p.name, p.default) != p.default]
        if is_number(values.get(SENSITIVITY.name)):
            own.remove(SENSITIVITY.name)
        if not own:
            return encoded
        note = f"needs libmp3lame's API: the lame program has no option for {', '.join(own)}"
        return replace(encoded, notes=(*encoded.notes, note))

    def calls(self, mode: str, values: Mapping[str, Value], knob: float) -> list[Call]:
        """See `make_calls`."""
        return make_calls(mode, values, knob)

    def command_line(
        self, settings: Settings, knob: float, source: str, target: str
    ) -> Sequence[str]:
        """The module's own command; see `tuner.encoder.Encoder.command_line`."""
        validate(self, settings, knob)
        values = settings.as_dict()
        changed = [
            f"{p.name}={values[p.name]}"
            for p in self.parameters
            if p.name in values and values[p.name] != p.default
        ]
        library = ["--library", self.binary] if self.binary else []
        head = ["python3", "-m", "encoders.lame_api", *library, settings.rate_mode, f"{knob:.7g}"]
        return [*head, *changed, plain_name(source), plain_name(target)]

    def child_command(
        self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float, target: Path
    ) -> tuple[list[str], bytes]:
        """Samples through a pipe, settings as JSON; see `BinaryEncoder.child_command`."""
        command = self._command(pcm.shape, sample_rate, settings, knob, target)
        return command, np.ascontiguousarray(pcm.T * FULL_SCALE, np.float32).tobytes()

    def encode_file(self, source: Path, target: Path, settings: Settings, knob: float) -> None:
        """Encode a sound file of any length, which is never in memory as a whole.

        Raises:
            SettingsError: settings or knob do not fit, or there are more than two channels.
            EncoderError: as `encode`.
            OSError, soundfile.SoundFileError: a file cannot be read or written.
        """
        import soundfile

        validate(self, settings, knob)
        with soundfile.SoundFile(source) as file:
            shape = file.channels, file.frames
            if shape[0] > 2 or not shape[1]:
                raise SettingsError(f"{shape[0]} channels of {shape[1]} samples", where=source)
            partial = target.absolute().with_name(target.name + ".partial")
            command = self._command(shape, file.samplerate, settings, knob, partial)
            blocks = file.blocks(lame_child.PIECE, dtype="float32", always_2d=True)
            try:
                self.run_child(command, ((b * FULL_SCALE).tobytes() for b in blocks), target.parent)
                check_output(partial)
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)

    def _command(
        self,
        shape: tuple[int, ...],
        sample_rate: int,
        settings: Settings,
        knob: float,
        target: Path,
    ) -> list[str]:
        """The child's command for sound of a shape ``[C, T]``."""
        source: list[Call] = [("in_samplerate", "int", sample_rate)]
        source.append(("num_channels", "int", shape[0]))
        job = {
            "library": self.path(),
            "target": str(target),
            "samples": shape[1],
            "calls": source + self.calls(settings.rate_mode, settings.as_dict(), knob),
        }
        return _child(job)


def _child(job: Mapping[str, object]) -> list[str]:
    """The command that runs the child."""
    return [sys.executable, "-I", "-S", lame_child.__file__, json.dumps(job)]


def _state(path: str) -> tuple[int, int]:
    """What changes when a file does; nothing for a bare name or a file that is not there."""
    try:
        stat = Path(path).stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


def _find(library: str) -> str:
    """Path of the library that is loaded under a path or a bare name."""
    # A bare name is the dynamic linker's to find, whatever lies in the current folder.
    if "/" in library and Path(library).exists():
        library = str(Path(library).absolute())
    return _ask(library, _state(library))["path"]


@functools.lru_cache(maxsize=16)
def _ask(library: str, state: tuple[int, int]) -> dict[str, str]:
    """Version and path of a library; the child loads it."""
    try:
        told: dict[str, str] = json.loads(run(_child({"library": library}), b"", ASK_S).stdout)
    except EncoderFailed as error:
        last = (error.stderr.strip().splitlines() or [error.what])[-1]
        raise EncoderMissing(f"cannot be used as libmp3lame ({last})", where=library) from error
    return told


def parse(text: str) -> tuple[str, Value]:
    """One setting from ``name=value``. Raises `SettingsError`."""
    name, _, value = text.partition("=")
    for parameter in LameApi.parameters:
        if parameter.name != name:
            continue
        for named in parameter.named:
            if str(named) == value:
                return name, named
        with contextlib.suppress(ValueError):
            return name, int(value) if parameter.kind == "int" else float(value)
    raise SettingsError(
        f"{text!r} is not a setting", where="lame-api", remedy="see `tuner encoders lame-api`"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Encode a sound file as the command line tells."""
    import soundfile

    parser = argparse.ArgumentParser("python3 -m encoders.lame_api", description=main.__doc__)
    parser.add_argument("--library", help="path of libmp3lame")
    parser.add_argument("mode", choices=[mode.name for mode in RATE_MODES])
    parser.add_argument("knob", type=float, help="kb/s, or the VBR quality")
    parser.add_argument("settings", nargs="*", help="name=value; defaults for the others")
    parser.add_argument("source")
    parser.add_argument("target")
    told = parser.parse_args(arguments)
    try:
        values = dict(parse(setting) for setting in told.settings)
        encoder = LameApi(told.library, FILE_TIMEOUT_S)
        usual = settings_of(LameApi.parameters, told.mode, **values).as_dict()
        settings = Settings.of(told.mode, usual | values)
        encoder.encode_file(Path(told.source), Path(told.target), settings, told.knob)
    except (EncoderError, OSError, soundfile.SoundFileError) as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
