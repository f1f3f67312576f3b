"""An adapter from a TOML file: an encoder without Python.

The file declares what an adapter's class declares, and commands as lists of words, never
seen by a shell. `docs/adapters.md` has a complete one. Keys::

    name, suffix                       as in `encoders.command.BinaryEncoder`
    encode                             the command: program first, then words
    version_arguments, version_pattern how it tells its version; default --version, first line
    decode                             a command that writes a WAV file; default: ffmpeg's libraries
    payload                            "packets" (default), or "file" for formats unknown to ffmpeg
    header_bytes                       with payload = "file": bytes that are not payload
    install                            what to do when the program is missing
    channels                           1 or 2 where the codec takes nothing else; default: both
    sample_rates_hz                    that the program takes; other sources are resampled to the
                                       next higher one, or the highest; default: any
    source_bits                        of the WAV file that the program reads, 16 or 24 (default)
    config                             name of a configuration file that the program reads
    libraries, ignored, noted          as in `encoders.command.BinaryEncoder`
    [[rate_modes]]                     the fields of `tuner.encoder.RateMode`, and `options`
    [[parameters]]                     the fields of `tuner.encoder.Parameter`, and `options`

In `encode` the word ``{rate}`` stands for the rate mode's options and ``{options}`` for those
of the parameters; ``{source}`` and ``{target}`` for the files. In options ``{knob}`` and
``{value}`` stand for numbers and texts, with a format where one is wanted (``{knob:.2f}``).
A parameter's `options` are a list, or a table from each value to its list. They are left
out at the default, unless `always = true`.

A parameter may also reach the program by its environment, ``env = { NAME = "{value}" }``, or by
lines of the configuration file, ``file = ["name = {value}"]``. That file lies in the folder in
which the program runs; ``{config}`` stands for its name in `encode`.

A program with a slash in its name is looked up from the file's folder; ``ffmpeg`` is the one
that came along, unless `encoders.ffmpeg.BINARY_VARIABLE` names another.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from encoders.command import OPTION_IGNORED, TIMEOUT_S, CommandEncoder, file_digest, file_state
from encoders.container import read_wav
from encoders.ffmpeg import FfmpegEncoder, find_ffmpeg
from encoders.process import find_binary, private_folder, run
from tuner.encoder import (
    RATE_MODE,
    AdapterError,
    DecodeFailed,
    Encoded,
    EncoderFailed,
    EncoderMissing,
    Parameter,
    Pcm,
    RateMode,
    Settings,
    SettingsError,
    Value,
    Version,
)

#: Key -> (type, default); None: it must be there.
KEYS: dict[str, tuple[type, object]] = {
    "name": (str, None),
    "suffix": (str, None),
    "encode": (list, None),
    "rate_modes": (list, None),
    "parameters": (list, []),
    "version_arguments": (list, ["--version"]),
    "version_pattern": (str, r"\S.*"),
    "decode": (list, []),
    "payload": (str, "packets"),
    "header_bytes": (int, 0),
    "install": (str, "install it, or give its path (--binary)"),
    "channels": (int, 0),
    "sample_rates_hz": (list, []),
    "source_bits": (int, 24),
    "config": (str, ""),
    "libraries": (list, []),
    "ignored": (str, OPTION_IGNORED.pattern),
    "noted": (str, ""),
}
#: The types, for people.
KINDS = {str: "a string", list: "a list", int: "an integer"}
PAYLOADS = ("packets", "file")
#: Where a parameter's value may stand besides the command.
CARRIERS = ("env", "file")
#: Sample formats of the WAV file by bits, and what may be called so.
SOURCE_BITS = {16: "PCM_16", 24: "PCM_24"}
LAYOUTS = {1: "mono", 2: "stereo"}
VARIABLE, CONFIG_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII), re.compile(r"\w[\w.-]*", re.ASCII)
#: For people: writes the configuration file that is its first argument, and runs the rest.
WITH_CONFIG = 'printf "%s" "$1" > {config} && shift && exec "$@"'
#: The words that `encode` must hold, each once.
NEEDED = ("{rate}", "{options}", "{source}", "{target}")


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
                where = f"{self.name}: the decoder failed"
                raise DecodeFailed.of(error, where=where) from error
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
        definition = self.definition
        pcm, sample_rate = _resampled(pcm, sample_rate, definition.sample_rates_hz)
        command, stdin = super().child_command(pcm, sample_rate, settings, knob, target)
        if definition.source_bits != 24:
            import soundfile

            kind = SOURCE_BITS[definition.source_bits]
            soundfile.write(target.with_name("in.wav"), pcm.T, sample_rate, kind, format="WAV")
        if definition.config:
            text = self._config(settings)
            target.with_name(definition.config).write_text(text, encoding="utf-8")
        return [*self._environment(settings), *command], stdin

    def _environment(self, settings: Settings) -> list[str]:
        """`env` with the variables that these settings set; nothing where there are none."""
        carried = self.definition.carried(self.parameters, settings.as_dict(), "env")
        return ["env", *carried] if carried else []

    def _config(self, settings: Settings) -> str:
        carried = self.definition.carried(self.parameters, settings.as_dict(), "file")
        return "".join(f"{line}\n" for line in carried)

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        """The rate mode's options; see `words` for their place."""
        definition = self.definition
        rate = [_fill(word, "knob", knob) for word in definition.rate_options[mode]]
        # The order of declaration: some programs mind it.
        chosen = [
            definition.words_of(parameter, values[parameter.name])
            for parameter in self.parameters
            if parameter.name in values
        ]
        # One list comes in, two places take it: the separator cannot occur in an argument.
        return [*rate, SEPARATOR, *(word for words in chosen for word in words)]

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
        if self.binary:
            return find_binary(self.binary, self.remedy)
        return self._find(self.program)

    def programs(self) -> list[str]:
        """The program and the decoder; see `encoders.command.BinaryEncoder.programs`."""
        found = []
        for find in (self.path, *((self._decoder,) if self.definition.decode else ())):
            with contextlib.suppress(EncoderMissing):
                found.append(find())
        return found

    def _decoder(self) -> str:
        return self._find(self.definition.decode[0])

    def _find(self, program: str) -> str:
        if program == FfmpegEncoder.program:
            return find_ffmpeg()
        return find_binary(_beside(program, self.folder), self.remedy)

    def __reduce__(self) -> tuple[Callable[..., TomlEncoder], tuple[object, ...]]:
        """By content: the file need not be where the adapter travels to."""
        return _make, (self.text, self.folder, self.origin, self.binary, self.timeout_s)


#: Parts rate options from the others; no argument of a program can hold a NUL.
SEPARATOR = "\0"


@dataclass(frozen=True)
class Definition:
    """What a file says, beyond what the class variables of an adapter hold."""

    encode: tuple[str, ...]
    decode: tuple[str, ...]
    payload: str
    header_bytes: int
    rate_options: Mapping[str, tuple[str, ...]]
    parameter_options: Mapping[str, Mapping[str, tuple[str, ...]] | tuple[str, ...]]
    always: frozenset[str]
    channels: int
    sample_rates_hz: tuple[int, ...]
    source_bits: int
    config: str
    carriers: Mapping[str, Mapping[str, tuple[str, ...]]]

    def carried(
        self, parameters: Sequence[Parameter], values: Mapping[str, Value], carrier: str
    ) -> list[str]:
        """What the parameters put into the environment or the file; nothing at the defaults."""
        return [
            _fill(word, "value", values[parameter.name])
            for parameter in parameters
            if parameter.name in values
            and (values[parameter.name] != parameter.default or parameter.name in self.always)
            for word in self.carriers[carrier].get(parameter.name, ())
        ]

    def words_of(self, parameter: Parameter, value: Value) -> list[str]:
        """The words for one value; none at the default."""
        if value == parameter.default and parameter.name not in self.always:
            return []
        options = self.parameter_options[parameter.name]
        words = options[_key(value)] if isinstance(options, Mapping) else options
        return [_fill(word, "value", value) for word in words]


def load(path: Path, binary: str | None = None) -> TomlEncoder:
    """The adapter that a file declares.

    Args:
        path: the TOML file.
        binary: another build of its program.

    Raises:
        AdapterError: naming the file and everything that is wrong in it.
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
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AdapterError(f"invalid TOML ({error})", where=origin) from error
    reader = _Reader(raw)
    members = reader.members()
    if reader.problems:
        raise AdapterError("\n  ".join(["invalid encoder:", *reader.problems]), where=origin)
    members |= {"text": text, "folder": folder, "origin": origin}
    return type("TomlEncoder", (TomlEncoder,), members)


class _Reader:
    """Reads the raw file; problems are collected, so that all are told together."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.problems = [f"{key}: unknown; known: {', '.join(KEYS)}" for key in raw.keys() - KEYS]
        self.values: dict[str, Any] = {}
        for key, (kind, default) in KEYS.items():
            value = raw.get(key, default)
            if isinstance(value, kind) and not isinstance(value, bool):
                self.values[key] = value
            else:
                told = "missing; " if value is None else ""
                got = "" if value is None else f" (got {value!r})"
                self.problems.append(f"{key}: {told}must be {KINDS[kind]}{got}")

    def members(self) -> dict[str, Any]:
        """The class variables of the adapter; incomplete when there are problems."""
        if self.problems:
            return {}
        values = self.values
        encode = self._strings("encode")
        self._check_encode(encode)
        modes = self._tables("rate_modes", RateMode)
        parameters = self._tables("parameters", Parameter)
        if not modes:
            self.problems.append("rate_modes: at least one [[rate_modes]] table is required")
        if values["payload"] not in PAYLOADS:
            self.problems.append(f"payload: must be one of {', '.join(PAYLOADS)}")
        self._check_conditions([parameter for parameter, _ in parameters])
        self._check_carriers()
        decode = self._strings("decode")
        if decode and not {"{source}", "{target}"} <= set(decode):
            self.problems.append("decode: must contain the words {source} and {target}")
        patterns = {k: self._pattern(k) for k in ("version_pattern", "ignored", "noted")}
        definition = Definition(
            encode=encode,
            decode=decode,
            payload=values["payload"],
            header_bytes=values["header_bytes"],
            rate_options={m.name: self._rate_options(m, extra) for m, extra in modes},
            parameter_options={p.name: self._options_of(p, extra) for p, extra in parameters},
            always=frozenset(p.name for p, extra in parameters if extra.get("always")),
            channels=values["channels"],
            sample_rates_hz=tuple(sorted(values["sample_rates_hz"])),
            source_bits=values["source_bits"],
            config=values["config"],
            carriers={
                "env": {p.name: self._variables(p, extra) for p, extra in parameters},
                "file": {p.name: self._lines(p, extra) for p, extra in parameters},
            },
        )
        return {
            "name": values["name"],
            "program": encode[0] if encode else "",
            "remedy": values["install"],
            "suffix": values["suffix"],
            "version_arguments": self._strings("version_arguments"),
            "version_pattern": patterns["version_pattern"],
            "libraries": self._strings("libraries"),
            "ignored": patterns["ignored"],
            "noted": patterns["noted"] if values["noted"] else None,
            "rate_modes": tuple(mode for mode, _ in modes),
            "parameters": tuple(parameter for parameter, _ in parameters),
            "definition": definition,
        }

    def _strings(self, key: str) -> tuple[str, ...]:
        words = self.values[key]
        if not all(isinstance(word, str) for word in words):
            self.problems.append(f"{key}: every word must be a quoted string")
        return tuple(map(str, words))

    def _pattern(self, key: str) -> re.Pattern[str]:
        try:
            flags = re.MULTILINE if key == "version_pattern" else re.IGNORECASE
            return re.compile(self.values[key], flags)
        except re.error as error:
            self.problems.append(f"{key}: not a regular expression ({error})")
            return OPTION_IGNORED

    def _check_encode(self, encode: Sequence[str]) -> None:
        joined = " ".join(encode)
        missing = [word for word in NEEDED if joined.count(word) != 1]
        if missing or not encode:
            self.problems.append(f"encode: must contain {', '.join(missing)} exactly once")
        for word in ("{rate}", "{options}"):
            if word in joined and word not in encode:
                self.problems.append(
                    f"encode: {word} expands to several words and must be a word of its own"
                )

    def _tables(self, key: str, kind: type) -> list[tuple[Any, dict[str, Any]]]:
        """Objects of `kind`, each with the keys that are not its own."""
        made = []
        own = {field.name: field for field in fields(kind)}
        for number, table in enumerate(self.values[key], start=1):
            where = f"{key}[{number}]"
            if not isinstance(table, dict):
                self.problems.append(f"{where}: must be a table [[{key}]]")
                continue
            where = f"{key} {table.get('name', number)!r}"
            extra = {k: v for k, v in table.items() if k not in own}
            if unknown := extra.keys() - {"options", "always", *CARRIERS}:
                self.problems.append(f"{where}: unknown: {', '.join(sorted(unknown))}")
            needed = {k for k, v in own.items() if v.default is v.default_factory is MISSING}
            if missing := needed - table.keys():
                self.problems.append(f"{where}: missing: {', '.join(sorted(missing))}")
                continue
            arguments = {k: _frozen(v) for k, v in table.items() if k in own}
            try:
                made.append((kind(**arguments), extra))
            except (TypeError, ValueError) as error:
                self.problems.append(f"{where}: {error}")
        return made

    def _check_conditions(self, parameters: Sequence[Parameter]) -> None:
        known = {RATE_MODE}
        for parameter in parameters:
            if parameter.name in known:
                self.problems.append(f"parameters {parameter.name!r}: declared twice")
            if unknown := parameter.when.keys() - known:
                names = ", ".join(sorted(unknown))
                self.problems.append(
                    f"parameters {parameter.name!r}: `when` names {names}, which must be"
                    " declared before it"
                )
            known.add(parameter.name)

    def _rate_options(self, mode: RateMode, extra: Mapping[str, Any]) -> tuple[str, ...]:
        options = self._words(f"rate_modes {mode.name!r}", extra.get("options"), "knob", mode.low)
        if not any("{knob" in word for word in options):
            self.problems.append(f"rate_modes {mode.name!r}: none of its options contains {{knob}}")
        return options

    def _options_of(
        self, parameter: Parameter, extra: Mapping[str, Any]
    ) -> Mapping[str, tuple[str, ...]] | tuple[str, ...]:
        where = f"parameters {parameter.name!r}"
        options = extra.get("options")
        if options is None and any(carrier in extra for carrier in CARRIERS):
            return ()
        if not isinstance(options, dict):
            return self._words(where, options, "value", parameter.default)
        table = {key: self._words(where, v, "value", key) for key, v in options.items()}
        choices = {_key(choice) for choice in parameter.choices}
        if not extra.get("always"):
            choices.discard(_key(parameter.default))
        if missing := choices - table.keys():
            self.problems.append(f"{where}: no options for {', '.join(sorted(missing))}")
        return table

    def _variables(self, parameter: Parameter, extra: Mapping[str, Any]) -> tuple[str, ...]:
        where, variables = f"parameters {parameter.name!r}", extra.get("env", {})
        if not isinstance(variables, dict):
            self.problems.append(f'{where}: `env` must be a table, as {{ NAME = "{{value}}" }}')
            return ()
        if wrong := [name for name in variables if not VARIABLE.fullmatch(name)]:
            self.problems.append(f"{where}: `env`: invalid variable names: {', '.join(wrong)}")
        texts = [f"{name}={text}" for name, text in variables.items()]
        return self._words(where, texts, "value", parameter.default)

    def _lines(self, parameter: Parameter, extra: Mapping[str, Any]) -> tuple[str, ...]:
        where, lines = f"parameters {parameter.name!r}", extra.get("file", [])
        if lines and not self.values["config"]:
            self.problems.append(f'{where}: `file` requires a file name: config = "enc.conf"')
        lines = [lines] if isinstance(lines, str) else lines
        return self._words(where, lines, "value", parameter.default)

    def _check_carriers(self) -> None:
        values = self.values
        if values["source_bits"] not in SOURCE_BITS:
            self.problems.append("source_bits: must be 16 or 24")
        rates = values["sample_rates_hz"]
        if not all(type(rate) is int and rate > 0 for rate in rates):
            self.problems.append("sample_rates_hz: must be a list of integers")
            values["sample_rates_hz"] = []
        if values["channels"] not in (0, 1, 2):
            self.problems.append("channels: must be 1 or 2, or omitted for both")
        if values["config"] and not CONFIG_NAME.fullmatch(values["config"]):
            self.problems.append("config: must be a plain file name")

    def _words(self, where: str, words: object, name: str, sample: Value) -> tuple[str, ...]:
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            self.problems.append(f"{where}: `options` must be a list of strings")
            return ()
        for word in words:
            try:
                _fill(word, name, sample)
            except (ValueError, LookupError, AttributeError) as error:
                self.problems.append(f"{where}: {word!r}: {error}; known: {{{name}}}")
        return tuple(words)


def _resampled(pcm: Pcm, rate: int, legal: Sequence[int]) -> tuple[Pcm, int]:
    """A clip at a rate that the program takes: its own, the next higher one, or the highest."""
    if not legal or rate in legal:
        return pcm, rate
    import soxr

    chosen = next((each for each in legal if each > rate), legal[-1])
    resampled = soxr.resample(pcm.T, rate, chosen, quality="VHQ")
    return np.ascontiguousarray(resampled.T, dtype=np.float32), chosen


def _fill(word: str, name: str, value: Value) -> str:
    """A word with its place filled: numbers without trailing zeros, or as it says."""
    shown: Value = f"{value:.9g}" if f"{{{name}}}" in word and isinstance(value, float) else value
    return word.format_map({name: _key(shown) if isinstance(shown, bool) else shown})


def _key(value: Value) -> str:
    """A value as a key of a TOML table."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _frozen(value: Any) -> Any:
    """Lists as tuples; in a table of conditions a single value as a tuple of one."""
    if isinstance(value, dict):
        return {k: tuple(v) if isinstance(v, list) else (v,) for k, v in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _beside(program: str, folder: str) -> str:
    return str(Path(folder, program)) if "/" in program else program
