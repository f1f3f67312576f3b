"""Encodes a user's own sound files with settings that a run found.

Each file goes through the adapter as a clip does. What is too long
for memory goes through the adapter's command line, block by block. Files appear by rename, and
a ledger beside them says what made them, so that the same command goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tuner.apply.command import exact_command, run_command, with_fields
from tuner.apply.container import payload_bits, payload_digest
from tuner.apply.gains import adjust_gains
from tuner.apply.ledger import Ledger
from tuner.encoder import Encoder, Settings
from tuner.errors import (
    ClipError,
    DecodeFailed,
    RunError,
    SettingsError,
    StudyError,
    TunerError,
    compose,
)
from tuner.extras import has_extra, how_to_install
from tuner.sound.audio import SAMPLE_RATE, Pcm, convert_rate, read_audio
from tuner.sound.folders import read_folder
from tuner.sound.long_audio import find_duration, write_wav
from tuner.sound.surround import downmix
from tuner.system.locks import LockHeld, hold_lock

if TYPE_CHECKING:
    from tuner.tags import Tags

log = logging.getLogger(__name__)

#: Files up to this long are held in memory, s: ten minutes of stereo floats are 230 MB.
IN_MEMORY_S = 600.0
#: Wall-clock limit of one encode, s: the slowest that was measured takes 0.1 s for a second.
TIMEOUT_S = 3600.0
#: What is lost where the library that carries tags is not installed.
TAGS_LOST = f"tags: copying them requires mutagen ({how_to_install('tags')})"
LEDGER, LOCK, WORK = ".tuner-encode.jsonl", ".tuner-encode.lock", ".tuner-encode"


@dataclass(frozen=True)
class Encoding:
    """How files are encoded.

    Args:
        encoder: the adapter.
        settings, knob: what it is told.
        suffix: of what it makes, with dot.
        rate: Hz, to which files are brought; None: each is encoded at its own.
        to_stereo: mix more than two channels down (`tuner.sound.surround.downmix`).
    """

    encoder: Encoder
    settings: Settings
    knob: float
    suffix: str
    rate: int | None = None
    to_stereo: bool = False

    def digest(self) -> str:
        """First 16 hex digits of the sha256 of what makes the payload."""
        version = self.encoder.version
        parts = [self.encoder.name, version.text, version.digest, self.settings.canonical()]
        made = json.dumps([*parts, self.knob, self.rate, self.to_stereo])
        return hashlib.sha256(made.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Item:
    """A file to encode, and its target within the folder of the results."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Result:
    """What became of a file.

    Args:
        item: the file.
        state: "encoded", "skipped" (made by an earlier run), or "failed".
        bitrate_kbps: of the codec's payload; None unless encoded.
        duration_s: of the sound; None unless encoded.
        rate: Hz, at which it was encoded; None unless encoded.
        channels: that were encoded; None unless encoded.
        lost: what of its tags was not kept, each with its reason where there is one.
        problem: why it failed.
        failure: the fields of that error (`tuner.errors`).
    """

    item: Item
    state: Literal["encoded", "skipped", "failed"]
    bitrate_kbps: float | None = None
    duration_s: float | None = None
    lost: tuple[str, ...] = ()
    problem: str | None = None
    rate: int | None = None
    channels: int | None = None
    failure: dict[str, object] | None = None


def make_encoding(
    encoder: Encoder,
    settings: Settings,
    knob: float,
    rate: int | None = None,
    tried_at: int = SAMPLE_RATE,
    to_stereo: bool = False,
) -> Encoding:
    """An encoding; a tenth of a second is encoded to see that it works and what it makes.

    Args:
        encoder, settings, knob, rate, to_stereo: see `Encoding`.
        tried_at: a rate that the encoder takes, Hz.

    Raises:
        EncoderError: it does not work.
    """
    patient = with_fields(encoder, timeout_s=TIMEOUT_S)
    noise = np.random.default_rng(0).standard_normal((2, tried_at // 10)).astype(np.float32)
    try:
        suffix = patient.encode(0.1 * noise, tried_at, settings, knob).suffix
    except SettingsError:  # some codecs take mono only
        suffix = patient.encode(0.1 * noise[:1], tried_at, settings, knob).suffix
    return Encoding(patient, settings, knob, suffix, rate, to_stereo)


def plan(sources: Sequence[Path], out: Path, suffix: str) -> list[Item]:
    """What is to be encoded, and where to.

    One folder's content goes straight into `out`, several folders keep their names. Files that
    would share a target keep their suffixes before the new one.

    Args:
        sources: files and folders.
        out: the folder of the results; where it lies in a source, what it holds is left out.
        suffix: of the results, with dot.

    Raises:
        ClipError: a source is not there, or there is nothing to encode.
        StudyError: two files have one target, or results would lie among the sources.
    """
    found: dict[Path, Path] = {}
    for source in sources:
        if source.is_dir():
            prefix = Path() if len(sources) == 1 else Path(source.resolve().name)
            for path in _sound_files(source, out):
                found[path] = prefix / path.relative_to(source)
        elif source.is_file():
            found[source] = Path(source.name)
        else:
            raise ClipError("no such file or folder", where=source)
    if not found:
        raise ClipError("no audio files", where=", ".join(map(str, sources)))
    alike = Counter(place.with_suffix("") for place in found.values())
    items = []
    for path, place in found.items():
        name = place.stem if alike[place.with_suffix("")] == 1 else place.name
        items.append(Item(path, place.with_name(name + suffix)))
    _check_targets(items, out)
    return items


def _sound_files(folder: Path, out: Path) -> Iterator[Path]:
    inner, outer = out.resolve(), folder.resolve()
    if inner == outer:
        raise StudyError(
            "output would be mixed with the sources", where=folder, remedy="choose another -o"
        )
    contents = read_folder(folder)
    if contents.others:
        log.warning("%s: skipped %s", folder, contents.told())
    for path in contents.sounds:
        if inner not in path.resolve().parents:
            yield path


def _check_targets(items: Sequence[Item], out: Path) -> None:
    sources = {item.source.resolve(): item.source for item in items}
    taken: dict[Path, Path] = {}
    for item in items:
        target = (out / item.target).resolve()
        if target in sources:
            raise StudyError(
                "would overwrite a source", where=target, remedy="choose another folder with -o"
            )
        if target in taken:
            raise StudyError(
                f"{item.source} and {taken[target]} would both become {item.target}",
                remedy="encode them into different folders",
            )
        taken[target] = item.source


def encode_library(
    encoding: Encoding, items: Sequence[Item], out: Path, workers: int
) -> Generator[Result, None, None]:
    """Encode in parallel; results as they come. When it is closed early, what is begun is finished.

    Threads are enough: encoders run as children, and reading and resampling let others run.

    Raises:
        RunError: the folder cannot be used, or another process works in it.
    """
    held = ExitStack()
    try:
        out.mkdir(parents=True, exist_ok=True)
        held.enter_context(hold_lock(out / LOCK))
    except LockHeld as error:
        raise RunError(
            "another `tuner encode` is working here",
            where=out,
            remedy=compose("wait for it", remedy=error.remedy),
        ) from None
    except OSError as error:
        raise RunError(f"not writable ({error})", where=out, remedy="choose another -o") from error
    pool = ThreadPoolExecutor(workers, thread_name_prefix="encode")
    try:
        shutil.rmtree(out / WORK, ignore_errors=True)  # of a process that was killed
        (out / WORK).mkdir()
        encoder = _Encoder(encoding, out, Ledger(out / LEDGER))
        pending: set[Future[Result]] = {pool.submit(encoder.make, item) for item in items}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    finally:
        pool.shutdown(cancel_futures=True)
        shutil.rmtree(out / WORK, ignore_errors=True)
        held.close()


class _Encoder:
    """Makes one file after another, in any thread."""

    def __init__(self, encoding: Encoding, out: Path, ledger: Ledger) -> None:
        self.encoding, self.out, self.ledger = encoding, out, ledger
        self.digest = encoding.digest()

    def make(self, item: Item) -> Result:
        """Encode a file, unless it is there."""
        try:
            return self._make(item, item.source)
        except Exception as error:
            # Broad, as adapters are other people's code: one file must not end the others.
            told = error if isinstance(error, TunerError) else TunerError(str(error))
            own = told.where == str(item.source)
            problem = str(told) if own else f"{item.source}: {told}"
            return Result(item, "failed", problem=problem, failure=told.as_dict())

    def _make(self, item: Item, source: Path) -> Result:
        target = self.out / item.target
        content = _file_digest(source)
        size = target.stat().st_size if target.exists() else None
        if self.ledger.has(item.target, [content, self.digest, size]):
            return Result(item, "skipped")
        if size is not None and not self.ledger.knows(item.target):
            raise ClipError(
                "exists but is not from this command",
                where=target,
                remedy="move it or choose another -o",
            )
        tags = _read_tags(source)
        with tempfile.TemporaryDirectory(dir=self.out / WORK) as name:
            coded = Path(name, "coded" + self.encoding.suffix)
            seconds, rate, channels = self._encode(source, coded)
            kbps = payload_bits(coded) / seconds / 1000
            if tags is not None:
                tags = adjust_gains(tags, source, coded, self.encoding.encoder)
            lost = _tag(coded, tags)
            size = coded.stat().st_size
            target.parent.mkdir(parents=True, exist_ok=True)
            coded.replace(target)
        self.ledger.add(item.target, [content, self.digest, size])
        return Result(item, "encoded", kbps, seconds, lost, rate=rate, channels=channels)

    def _encode(self, source: Path, coded: Path) -> tuple[float, int, int]:
        """Encode into `coded`; the length in seconds, the rate in Hz, and the channels."""
        encoding, duration_s = self.encoding, find_duration(source)
        if duration_s is not None and duration_s <= IN_MEMORY_S:
            pcm, rate = _load(source, encoding.rate, encoding.to_stereo)
            encoded = encoding.encoder.encode(pcm, rate, encoding.settings, encoding.knob)
            coded.write_bytes(encoded.data)
            return float(pcm.shape[1] / rate), rate, pcm.shape[0]
        import soundfile

        wav = coded.with_name("whole.wav")
        floats = encoding.encoder.reads_floats
        write_wav(source, wav, encoding.rate, floats=floats, to_stereo=encoding.to_stereo)
        # Before an encoder runs beside it, which may leave anything there.
        written = soundfile.info(wav)
        command = exact_command(
            encoding.encoder, encoding.settings, encoding.knob, wav.name, coded.name
        )
        run_command(command, wav.parent, coded.name)
        return float(written.duration), int(written.samplerate), int(written.channels)


def _read_tags(source: Path) -> Tags | None:
    """A file's tags; None where they cannot be carried."""
    if not has_extra("tags"):
        return None
    from tuner.tags import read_tags

    return read_tags(source)


def _tag(coded: Path, tags: Tags | None) -> tuple[str, ...]:
    """Write tags, and see that what is coded stays as it is; see `write_tags`."""
    if not tags:
        return (TAGS_LOST,) if tags is None else tags.left
    from tuner.tags import write_tags

    before = payload_digest(coded)
    lost = write_tags(coded, tags)
    if payload_digest(coded) != before:
        raise DecodeFailed("writing tags changed the encoded audio", where=coded.name)
    return (*tags.left, *lost)


def _load(path: Path, target_rate: int | None, to_stereo: bool) -> tuple[Pcm, int]:
    pcm, rate = read_audio(path)
    pcm = downmix(pcm) if to_stereo else pcm
    if not pcm.shape[1] or not np.isfinite(pcm).all():
        raise ClipError(
            "empty, or contains NaN or infinite samples", where=path, remedy="export it again"
        )
    target = target_rate or rate
    return convert_rate(pcm, rate, target), target


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ClipError(f"cannot be read ({error.strerror})", where=path) from error
