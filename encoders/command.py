"""What the adapters that run a program share: finding it, its build, running it, reading it.

`BinaryEncoder` is the frame: validate, run a child in a private folder, read what it said,
count its payload. `CommandEncoder` fills it for an ordinary command-line encoder, which
reads a WAV file and writes a file: a subclass declares, and turns settings into words.

The WAV file holds what the source holds: integers of 16 or 24 bits, or floats, where the encoder
reads them. Decoding happens in process with PyAV.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import re
import shutil
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from encoders.container import count_payload_bits, decode
from encoders.process import find_binary, private_folder, run
from tuner.encoder import (
    Encoded,
    Encoder,
    EncoderFailed,
    EncoderMissing,
    OptionIgnored,
    Parameter,
    Pcm,
    RateMode,
    Settings,
    SettingsError,
    Value,
    Version,
    default_settings,
    validate,
)
from tuner.layout import HOW_TO_MIX, name_layout
from tuner.pcm import find_depth
from tuner.system.outputs import BadOutput, read_output
from tuner.unchanging import Remembered

#: Wall-clock limit of one encode, s. The slowest setting that was measured (lame -q 0, aac
#: twoloop) takes 0.1 s of CPU for one second of audio; a clip lasts at most 20 s.
TIMEOUT_S = 120.0
#: A line of output that matches says that an option was dropped, clamped or replaced.
#: Provoked one by one with the encoders named in docs/encoders.md; in proper use none
#: of these appears.
OPTION_IGNORED = re.compile(
    r"ignor|unused|has not been used|unknown|unrecogni[sz]ed|unsupported|not supported"
    r"|clamp|defaulting|using default|invalid|illegal|cannot be used|must be|deprecated"
    r"|out of range|has no effect|no such option",
    re.IGNORECASE,
)
#: Seconds and sample rate of the silence that is encoded to read a library's version.
PROBE_S, PROBE_HZ = 0.1, 48_000
#: How the dynamic linker names a library that it found: ``libopus.so.0 => /lib/libopus.so.0 (…``.
LINKED = re.compile(r"^\s*(\S+) => (/\S+)", re.MULTILINE)


@dataclass(frozen=True)
class BinaryEncoder(Encoder):
    """Base of every adapter that runs a program.

    A subclass declares the class variables, `command_line` and `child_command`.

    Args:
        binary: path or name of another build than the one in PATH.
        timeout_s: limit of one encode in seconds; those in which the machine slept do not count.
    """

    binary: str | None = None
    timeout_s: float = TIMEOUT_S

    name: ClassVar[str]
    #: The program's name, as it is looked up in PATH.
    program: ClassVar[str]
    #: How to get the program, for `EncoderMissing`.
    remedy: ClassVar[str]
    #: Suffix of the output with dot.
    suffix: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]]
    rate_modes: ClassVar[tuple[RateMode, ...]]
    #: Arguments with which the program tells its version, on stdout or stderr.
    version_arguments: ClassVar[tuple[str, ...]] = ("--version",)
    #: Finds the version in that text; its first group, or all of it, is the version.
    version_pattern: ClassVar[re.Pattern[str]]
    #: Beginnings of the names of linked libraries that hold the codec: they are part of
    #: the build, and so of the digest.
    libraries: ClassVar[tuple[str, ...]] = ()
    #: Numbers of channels that it takes, in the order of `tuner.layout`.
    channels: ClassVar[tuple[int, ...]] = (1, 2)
    #: Its command reads WAV files of floats as they are; others get 24 bits instead, cut off at
    #: full scale. (lame and twolame raise files of floats to full scale: libsndfile's habit.)
    reads_floats: ClassVar[bool] = False
    #: What the program says when it does not do what it was told; see `OPTION_IGNORED`.
    ignored: ClassVar[re.Pattern[str]] = OPTION_IGNORED
    #: Lines of its output that are facts to record (`Encoded.notes`).
    noted: ClassVar[re.Pattern[str] | None] = None
    #: Find the codec library's version, and a fact to record, in the bytes of an encoded file.
    version_mark: ClassVar[re.Pattern[bytes] | None] = None
    noted_mark: ClassVar[re.Pattern[bytes] | None] = None

    @abstractmethod
    def child_command(
        self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float, target: Path
    ) -> tuple[list[str], bytes]:
        """The command that makes `target`, and what it reads from its standard input.

        Args:
            pcm: float32 ``[C, T]``.
            sample_rate: Hz.
            settings, knob: validated.
            target: the output, in a private folder that the input may lie in as well. The
                child runs in that folder: name files by their bare names, so that nothing it
                says of them is taken for a complaint.
        """

    @property
    def version(self) -> Version:
        """The build that runs; see `tuner.encoder.Encoder.version`."""
        remedy = f"{self.name}: {self.remedy}"
        version = identify(
            self.path(), self.version_arguments, self.version_pattern, self.libraries, remedy
        )
        library = _find_library(self, version.digest) if self.version_mark else ""
        return replace(version, text=f"{version.text}, {library}") if library else version

    def encode(self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float) -> Encoded:
        """Encode one clip; see `tuner.encoder.Encoder.encode`."""
        validate(self, settings, knob)
        if pcm.ndim != 2 or pcm.shape[1] == 0:
            raise SettingsError(f"PCM of shape {pcm.shape}; expected [C, T]", where=self.name)
        if pcm.shape[0] not in self.channels:
            taken = ", ".join(map(name_layout, self.channels))
            raise SettingsError(
                f"does not encode {name_layout(pcm.shape[0])}, only {taken}",
                where=self.name,
                remedy=HOW_TO_MIX if pcm.shape[0] > 2 else "",
            )
        with private_folder() as folder:
            target = folder / ("out" + self.suffix)
            command, stdin = self.child_command(pcm, sample_rate, settings, knob, target)
            said, cpu_s = self.run_child(command, stdin, folder)
            try:
                data = read_output(target)
            except BadOutput as error:
                raise EncoderFailed(f"exit code 0, but {error}", command, 0, said) from error
        bits = self.payload_bits(data)
        if bits == 0:
            raise EncoderFailed("exit code 0, but no output", command, 0, said)
        return Encoded(data, self.suffix, bits, cpu_s, self._notes(said, data))

    def run_child(
        self, command: Sequence[str], stdin: bytes | Iterable[bytes], folder: Path
    ) -> tuple[str, float]:
        """Run the child in a folder; what it said, and its CPU seconds.

        Raises:
            EncoderFailed, EncoderMissing: see `encoders.process.run`.
            OptionIgnored: it says that it did not do what it was told.
        """
        finished = run(command, stdin, self.timeout_s, cwd=folder)
        said = (finished.stdout + finished.stderr).decode(errors="replace")
        if complaint := self.ignored.search(said):
            what = f"an option was ignored or replaced ({complaint.group()!r})"
            raise OptionIgnored(what, command, 0, said)
        return said, finished.cpu_s

    def decode(self, encoded: Encoded) -> tuple[Pcm, int]:
        """Decode in process with PyAV; see `tuner.encoder.Encoder.decode`."""
        return decode(encoded.data)

    def payload_bits(self, data: bytes) -> int:
        """Bits of codec payload in a whole output file."""
        return count_payload_bits(data)

    def path(self) -> str:
        """Absolute path of the program that runs. Raises `EncoderMissing`."""
        return find_binary(self.binary or self.program, self.remedy)

    def programs(self) -> Sequence[str]:
        """The program's path; see `tuner.encoder.Encoder.programs`."""
        with contextlib.suppress(EncoderMissing):
            return [find_binary(self.binary or self.program, self.remedy)]
        return []

    def _notes(self, said: str, data: bytes) -> tuple[str, ...]:
        lines = [line.strip() for line in said.splitlines()] if self.noted else []
        notes = [line for line in lines if self.noted and self.noted.search(line)]
        return tuple(dict.fromkeys([*notes, *_find_mark(self.noted_mark, data)]))


@dataclass(frozen=True)
class CommandEncoder(BinaryEncoder):
    """Base of an adapter for a command-line encoder that reads a WAV file and writes a file.

    A subclass declares the class variables and `options`, and `words` where the program
    wants its options, source and target in another order.
    """

    #: Options that keep progress bars out of the output; not shown to users.
    quiet: ClassVar[tuple[str, ...]] = ()
    #: Most bits of the WAV files that the program reads, 16 or 24.
    source_bits: ClassVar[int] = 24

    @abstractmethod
    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        """The program's options for these settings, those at their default left out."""

    def words(self, options: Sequence[str], source: str, target: str) -> list[str]:
        """The arguments, in the program's order."""
        return [*options, source, target]

    def command_line(
        self, settings: Settings, knob: float, source: str, target: str
    ) -> Sequence[str]:
        """The command that a user types; see `tuner.encoder.Encoder.command_line`."""
        validate(self, settings, knob)
        options = self.options(settings.rate_mode, settings.as_dict(), knob)
        words = self.words(options, plain_name(source), plain_name(target))
        return [self.binary or self.program, *words]

    def child_command(
        self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float, target: Path
    ) -> tuple[list[str], bytes]:
        """Write the WAV file; see `BinaryEncoder.child_command`."""
        source = target.with_name("in.wav")
        write_wav(source, pcm, sample_rate, self.source_bits, floats=self.reads_floats)
        options = self.options(settings.rate_mode, settings.as_dict(), knob)
        return [self.path(), *self.words([*self.quiet, *options], source.name, target.name)], b""


def first_found(*adapters: BinaryEncoder) -> BinaryEncoder:
    """The first adapter whose program is there; the first of all when none is.

    For a codec with several doors: its command line, or the library inside ffmpeg.
    """
    for adapter in adapters:
        with contextlib.suppress(EncoderMissing):
            adapter.path()
            return adapter
    return adapters[0]


def _find_mark(mark: re.Pattern[bytes] | None, data: bytes) -> list[str]:
    """What a pattern finds in a file: its group, or all of it; at most one."""
    found = mark.search(data) if mark else None
    return [found.group(found.lastindex or 0).decode(errors="replace")] if found else []


@functools.lru_cache(maxsize=16)
def _find_library(encoder: BinaryEncoder, digest: str) -> str:
    """The codec library's version, from a probe's bytes; empty if it writes none."""
    silence = np.zeros((1, round(PROBE_S * PROBE_HZ)), np.float32)
    mode = encoder.rate_modes[0]
    data = encoder.encode(silence, PROBE_HZ, default_settings(encoder), mode.snap(mode.high)).data
    return "".join(_find_mark(encoder.version_mark, data))


def write_wav(
    path: Path, pcm: Pcm, sample_rate: int, most_bits: int = 24, *, floats: bool = False
) -> None:
    """A WAV file of the least sample format that holds the samples exactly.

    Args:
        path: the file.
        pcm: float32 ``[C, T]``.
        sample_rate: Hz.
        most_bits: of whole numbers, 16 or 24; samples of more are rounded.
        floats: where whole numbers of 24 bits do not hold them: write floats, not the nearest.
    """
    path.write_bytes(_wav_at(sample_rate, most_bits, floats)(pcm))


@functools.cache
def _wav_at(sample_rate: int, most_bits: int, floats: bool) -> Remembered[bytes]:
    """Of samples: the file's content, made once for all settings that a clip is encoded with."""

    def make(pcm: Pcm) -> bytes:
        import soundfile

        depth, content = find_depth(pcm), io.BytesIO()  # a file would wait for the disk
        subtype = f"PCM_{min(24 if depth == 'float' else depth, most_bits)}"
        if depth == "float" and floats:
            subtype = "FLOAT"
        # Without a channel mask: opusenc and oggenc take the layouts of `tuner.layout` by their
        # number, and warn of some masks of the same.
        soundfile.write(content, pcm.T, sample_rate, subtype=subtype, format="WAV")
        return content.getvalue()

    return Remembered(make)


def plain_name(path: str) -> str:
    """A file name that no program takes for an option or for ffmpeg's ``protocol:``."""
    return f"./{path}" if path.startswith("-") or re.match(r"[^/.]*:", path) else path


def identify(
    path: str,
    arguments: Sequence[str],
    pattern: re.Pattern[str],
    libraries: Sequence[str],
    remedy: str,
) -> Version:
    """Version text and digest of a build; read again when one of its files changes.

    Args:
        path: absolute path of the program.
        arguments: with which it tells its version.
        pattern: finds the version in what it says, whatever its exit code.
        libraries: beginnings of the names of linked libraries that are part of the build.
        remedy: what to do when it is not that program.

    Raises:
        EncoderMissing: it does not answer as `pattern` wants.
    """
    linked = _linked(path, file_state(path)) if libraries else {}
    files = [path, *(p for n, p in sorted(linked.items()) if n.startswith(tuple(libraries)))]
    text = _ask(path, file_state(path), tuple(arguments), pattern, remedy)
    content = hashlib.sha256()
    for file in files:
        content.update(file_digest(file, file_state(file)))
    # One file's digest is its own sha256, as `sha256sum` prints it.
    digest = file_digest(path, file_state(path)) if len(files) == 1 else content.digest()
    return Version(text, path, digest.hex()[:16])


@functools.lru_cache(maxsize=64)
def file_digest(path: str, state: tuple[int, int]) -> bytes:
    """sha256 of a file that is in the given `file_state`."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def file_state(path: str) -> tuple[int, int]:
    """What changes when a file does: its time of change (ns) and its size (bytes)."""
    stat = Path(path).stat()
    return stat.st_mtime_ns, stat.st_size


@functools.lru_cache(maxsize=64)
def _ask(
    path: str,
    state: tuple[int, int],
    arguments: tuple[str, ...],
    pattern: re.Pattern[str],
    remedy: str,
) -> str:
    said = _output([path, *arguments])
    found = pattern.search(said)
    if found is None:
        shown = said.strip().splitlines()[:1] or ["nothing"]
        raise EncoderMissing(f"printed no version ({shown[0]})", where=path, remedy=remedy)
    return str(found.group(found.lastindex or 0)).strip()


@functools.lru_cache(maxsize=64)
def _linked(path: str, state: tuple[int, int]) -> dict[str, str]:
    """The shared libraries of a program by name; empty where `ldd` cannot tell."""
    ldd = shutil.which("ldd")
    return dict(LINKED.findall(_output([ldd, path]))) if ldd else {}


def _output(command: Sequence[str]) -> str:
    """What a program says on stdout and stderr, whatever its exit code."""
    try:
        # Many programs tell their version on the way to an error.
        finished = run(command, timeout_s=TIMEOUT_S, check=False)
    except EncoderFailed as error:
        return error.what
    return (finished.stdout + finished.stderr).decode(errors="replace")
