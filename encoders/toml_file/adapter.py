"""The adapter that a file declares."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from encoders.command import TIMEOUT_S, CommandEncoder, file_digest, file_state
from encoders.container import read_wav
from encoders.ffmpeg import FfmpegEncoder, find_ffmpeg
from encoders.process import find_binary, private_folder, run
from encoders.toml_file.definition import Definition, TomlParameter
from encoders.toml_file.reading import compile_pattern, read_definition
from tuner.encoder import (
    AdapterError,
    DecodeFailed,
    Encoded,
    EncoderFailed,
    EncoderMissing,
    Pcm,
    Settings,
    SettingsError,
    Value,
    Version,
)

LAYOUTS = {1: "mono", 2: "stereo"}
#: For people: writes the configuration file that is its first argument, and runs the rest.
WITH_CONFIG = 'printf "%s" "$1" > {config} && shift && exec "$@"'
#: Parts rate options from the others; no argument of a program can hold a NUL.
SEPARATOR = "\0"


@dataclass(frozen=True)
class TomlEncoder(CommandEncoder):
    """Base of the classes that `load` makes, one for each file."""

    #: Not in the data set of the quality model unless it is asked for by name.
    teaches: ClassVar[bool] = False
    #: The file's content, folder and path (for messages): what travels to other processes.
    text: ClassVar[str]
    folder: ClassVar[str]
    origin: ClassVar[str]
    definition: ClassVar[Definition]

    @property
    def version(self) -> Version:
        """The program's build; the file and the decoder are part of its digest."""
        version = super().version
        parts = [version.digest.encode(), self.text.encode()]
        if self.definition.decode:
            decoder = self._decoder()
            parts.append(file_digest(decoder, file_state(decoder)))
        return replace(version, digest=hashlib.sha256(b"\0".join(parts)).hexdigest()[:16])

    def decode(self, encoded: Encoded) -> tuple[Pcm, int]:
        """Decode with the file's command, or in process; see `tuner.encoder.Encoder.decode`."""
        if not self.definition.decode:
            return super().decode(encoded)
        with private_folder() as folder:
            source, target = folder / ("in" + self.suffix), folder / "out.wav"
            source.write_bytes(encoded.data)
            places = {"source": str(source), "target": str(target)}
            words = [word.format_map(places) for word in self.definition.decode[1:]]
            try:
                run([self._decoder(), *words], timeout_s=self.timeout_s, cwd=folder)
            except EncoderFailed as error:
                raise DecodeFailed.of(error, where=f"{self.name}: the decoder failed") from error
            return read_wav(target)

    def encode(self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float) -> Encoded:
        """Encode one clip; see `tuner.encoder.Encoder.encode`."""
        allowed = self.definition.channels
        if allowed and pcm.ndim == 2 and len(pcm) != allowed:
            raise SettingsError(
                f"encodes only {LAYOUTS[allowed]}, but the clip has {len(pcm)} channels",
                where=self.name,
                remedy=f"use {LAYOUTS[allowed]} clips",
            )
        return super().encode(pcm, sample_rate, settings, knob)

    def command_line(
        self, settings: Settings, knob: float, source: str, target: str
    ) -> Sequence[str]:
        """The command that a user types, with its environment and configuration file."""
        command = super().command_line(settings, knob, source, target)
        command = [*self._environment(settings), *command]
        if not self.definition.config:
            return command
        script = WITH_CONFIG.format(config=self.definition.config)
        return ["sh", "-c", script, "sh", self._config(settings), *command]

    def child_command(
        self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float, target: Path
    ) -> tuple[list[str], bytes]:
        """Write the WAV file, and the configuration file where there is one."""
        pcm, sample_rate = _resampled(pcm, sample_rate, sorted(self.definition.sample_rates_hz))
        command, stdin = super().child_command(pcm, sample_rate, settings, knob, target)
        if self.definition.config:
            text = self._config(settings)
            target.with_name(self.definition.config).write_text(text, encoding="utf-8")
        return [*self._environment(settings), *command], stdin

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        """The rate mode's options, and the parameters'; see `words` for their places."""
        (found,) = (m for m in self.definition.rate_modes if m.name == mode)
        # One list comes in, two places take it: the separator cannot occur in an argument.
        return [*found.arguments(knob), SEPARATOR, *self._told(values, TomlParameter.arguments)]

    def words(self, options: Sequence[str], source: str, target: str) -> list[str]:
        """The arguments as `encode` orders them."""
        cut = list(options).index(SEPARATOR)
        lists = {"{rate}": options[:cut], "{options}": options[cut + 1 :]}
        places = {"source": source, "target": target, "config": self.definition.config}
        words: list[str] = []
        for word in self.definition.encode[1:]:
            words += lists[word] if word in lists else [word.format_map(places)]
        return words

    def payload_bits(self, data: bytes) -> int:
        """Bits of the packets, or of the file without its header."""
        if self.definition.payload == "packets":
            return super().payload_bits(data)
        return 8 * max(len(data) - self.definition.header_bytes, 0)

    def path(self) -> str:
        """The program; see `encoders.command.BinaryEncoder.path`."""
        return find_binary(self.binary, self.remedy) if self.binary else self._find(self.program)

    def programs(self) -> Sequence[str]:
        """The program and the decoder; see `tuner.encoder.Encoder.programs`."""
        found = []
        for find in (self.path, *((self._decoder,) if self.definition.decode else ())):
            with contextlib.suppress(EncoderMissing):
                found.append(find())
        return found

    def _environment(self, settings: Settings) -> list[str]:
        """`env` with the variables that these settings set; nothing where there are none."""
        variables = self._told(settings.as_dict(), TomlParameter.variables)
        return ["env", *variables] if variables else []

    def _config(self, settings: Settings) -> str:
        lines = self._told(settings.as_dict(), TomlParameter.lines)
        return "".join(f"{line}\n" for line in lines)

    def _told(
        self, values: Mapping[str, Value], tell: Callable[[TomlParameter, Value], list[str]]
    ) -> list[str]:
        """What the parameters tell, in the order of declaration, which some programs mind."""
        active = [p for p in self.definition.parameters if p.name in values]
        return [word for parameter in active for word in tell(parameter, values[parameter.name])]

    def _decoder(self) -> str:
        return self._find(self.definition.decode[0])

    def _find(self, program: str) -> str:
        if program == FfmpegEncoder.program:
            return find_ffmpeg()
        beside = str(Path(self.folder, program)) if "/" in program else program
        return find_binary(beside, self.remedy)

    def __reduce__(self) -> tuple[Callable[..., TomlEncoder], tuple[object, ...]]:
        """By content: the file need not be where the adapter travels to."""
        return _make, (self.text, self.folder, self.origin, self.binary, self.timeout_s)


def load(path: Path, binary: str | None = None) -> TomlEncoder:
    """The adapter that a file declares.

    Args:
        path: the TOML file.
        binary: another build of its program.

    Raises:
        AdapterError: naming the file and what is wrong in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AdapterError(f"cannot be read as an encoder ({error})", where=path) from error
    return _make(text, str(path.absolute().parent), str(path), binary, TIMEOUT_S)


def _make(text: str, folder: str, origin: str, binary: str | None, timeout_s: float) -> TomlEncoder:
    return _make_class(text, folder, origin)(binary, timeout_s)


@functools.lru_cache(maxsize=64)
def _make_class(text: str, folder: str, origin: str) -> type[TomlEncoder]:
    """A class for one file, so that its adapters are like any other's."""
    file = read_definition(text, origin)
    same = ("name", "suffix", "parameters", "rate_modes", "quiet", "libraries", "source_bits")
    members: dict[str, Any] = {name: getattr(file, name) for name in same}
    members |= {
        "program": file.encode[0],
        "remedy": file.install,
        "version_arguments": file.version_arguments,
        "version_pattern": compile_pattern(file.version_pattern, re.MULTILINE),
        "version_mark": _mark(file.version_mark),
        "ignored": compile_pattern(file.ignored, re.IGNORECASE),
        "noted": compile_pattern(file.noted, re.IGNORECASE) if file.noted else None,
        "noted_mark": _mark(file.noted_mark),
    }
    members |= {"text": text, "folder": folder, "origin": origin, "definition": file}
    return type("TomlEncoder", (TomlEncoder,), members)


def _mark(pattern: str) -> re.Pattern[bytes] | None:
    return re.compile(pattern.encode()) if pattern else None


def _resampled(pcm: Pcm, rate: int, legal: Sequence[int]) -> tuple[Pcm, int]:
    """A clip at a rate that the program takes: its own, the next higher one, or the highest."""
    if not legal or rate in legal:
        return pcm, rate
    import soxr

    chosen = next((each for each in legal if each > rate), legal[-1])
    resampled = soxr.resample(pcm.T, rate, chosen, quality="VHQ")
    return np.ascontiguousarray(resampled.T, dtype=np.float32), chosen
