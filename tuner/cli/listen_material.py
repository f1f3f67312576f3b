"""What a listening test is made of: a finished run's finalists, or a folder of sound files."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tuner.audio import SAMPLE_RATE, Pcm, align, resample
from tuner.cache import Cache, encode_key
from tuner.encoder import Encoded, Encoder, Settings, Version
from tuner.errors import ClipError, RunError, StudyError
from tuner.listening.stimuli import Material
from tuner.results import MODEL, BitrateResult, Candidate, ClipRecord, Results, Side, read_results

#: Folder of the references among those of a test's conditions.
REFERENCE_FOLDER = "reference"
SIDE: Side = "holdout"

Materials = tuple[int, tuple[str, ...], Iterator[Material]]
"""How many, in which conditions, and one after another."""


def from_run(
    run: Path,
    bitrates: Sequence[float] | None,
    conditions: Sequence[str],
    clips: int,
    seed: int,
) -> Materials:
    """Held-out clips of a run in the conditions wanted.

    Decoded audio comes from the run's cache, or is encoded again by the build that ran.

    Args:
        run: the run directory.
        bitrates: only these; None: all with an answer.
        conditions: "default", "tuned" (what the verdict is about), or "trial-N" (a finalist).
        clips: how many, drawn by `seed`; all where there are fewer.
        seed: of the draw.

    Raises:
        RunError: the run cannot be read, or lacks a bitrate, a condition or a clip.
        EncoderError: encoding again failed.
    """
    results = read_results(run / "results.json")
    answered = {b.target_kbps: b for b in results.bitrates if b.candidates}
    wanted = sorted(answered) if bitrates is None else list(bitrates)
    for kbps in wanted:
        if kbps not in answered:
            known = ", ".join(f"{each:g}" for each in sorted(answered)) or "none"
            raise RunError(f"{run}: no answer at {kbps:g} kb/s; it has one at: {known}")
    held = [clip for clip in results.clips if clip.side == SIDE]
    chosen = random.Random(seed).sample(held, min(clips, len(held)))
    finalists = {
        kbps: {name: _find(run, answered[kbps], name) for name in conditions} for kbps in wanted
    }

    def materials() -> Iterator[Material]:
        player = _Player(run, results)
        for kbps in wanted:
            for clip in chosen:
                reference = player.load(clip)
                coded, predicted = {}, {}
                for name, candidate in finalists[kbps].items():
                    coded[name] = player.coded(clip, reference, candidate)
                    predicted[name] = candidate.sides[SIDE].scores[MODEL][clip.digest]
                yield Material(clip.name, kbps, reference, coded, predicted)

    return len(wanted) * len(chosen), tuple(conditions), materials()


def _find(run: Path, bitrate: BitrateResult, name: str) -> Candidate:
    whole = [c for c in bitrate.candidates if SIDE in c.sides]
    others = [c for c in whole if c is not bitrate.candidates[0]]
    found = {f"trial-{c.trial}": c for c in whole} | {"default": bitrate.candidates[0]}
    if others:
        # What the verdict is about: the winner, or the best settings that were tried.
        found["tuned"] = bitrate.candidates[bitrate.winner] if bitrate.winner else others[0]
    if name not in found:
        raise RunError(
            f"{run}: no condition {name!r} at {bitrate.target_kbps:g} kb/s;"
            f" there are: {', '.join(sorted(found))}"
        )
    return found[name]


class _Player:
    """Gives a run's clips and their coded versions as samples."""

    def __init__(self, run: Path, results: Results) -> None:
        made_by = results.provenance
        self.run = run
        self.cache = Cache(run / "cache")
        self.version = Version(
            made_by.encoder_version, made_by.encoder_binary, made_by.encoder_digest
        )
        self.encoder = _encoder_of(run)

    def load(self, clip: ClipRecord) -> Pcm:
        path = self.run / "clips" / f"{clip.digest}.npy"
        try:
            return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)
        except (OSError, ValueError, EOFError) as error:
            raise RunError(f"{path}: cannot be read ({error}); run the study again") from error

    def coded(self, clip: ClipRecord, reference: Pcm, candidate: Candidate) -> Pcm:
        settings = Settings.of(candidate.rate_mode, candidate.values)
        encoded = self._encode(clip, reference, settings, candidate.sides[SIDE].knob)
        decoded, rate = self.encoder.decode(encoded)
        return align(reference, resample(decoded, rate))[0]

    def _encode(self, clip: ClipRecord, reference: Pcm, settings: Settings, knob: float) -> Encoded:
        key = encode_key(clip.digest, self.encoder.name, self.version, settings, knob)
        if cached := self.cache.get_encode(key):
            return cached
        own = self.encoder.version
        if own.digest != self.version.digest:
            raise RunError(
                f"{self.run}: {clip.name} is not in its cache any more, and {self.encoder.name} is"
                f" now another build ({own.text}; the run had {self.version.text});"
                " run the study again"
            )
        return self.encoder.encode(reference, SAMPLE_RATE, settings, knob)


def _encoder_of(run: Path) -> Encoder:
    from tuner.plugins import load_encoder
    from tuner.search.spec import parse_study, read_study

    path = run / "study.toml"
    spec = parse_study(read_study(path), str(path))
    return load_encoder(spec.encoder, spec.binary)


def from_folder(folder: Path, conditions: Sequence[str] | None) -> Materials:
    """Sound files: ``reference/NAME`` and, in one folder per condition, files of the same stem.

    Args:
        folder: holds the folders.
        conditions: names of the condition folders, in order; None: all.

    Raises:
        ClipError: a folder or a file is missing or cannot be read.
        EncoderError: a coded file does not line up with its reference.
    """
    from tuner.cli.score import find_pairs, read_pair

    references = folder / REFERENCE_FOLDER
    if not references.is_dir():
        raise ClipError(f"{references}: no such folder; put the references there")
    found = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name != REFERENCE_FOLDER)
    names = list(conditions or found)
    if missing := [name for name in names if name not in found]:
        raise StudyError(f"{folder}: no folder {', '.join(missing)}; there are: {', '.join(found)}")
    by_clip: dict[Path, dict[str, Path]] = {}
    for name in names:
        for reference, coded in find_pairs(references, folder / name):
            by_clip.setdefault(reference, {})[name] = coded
    for reference, versions in by_clip.items():
        if absent := [name for name in names if name not in versions]:
            raise ClipError(f"{reference}: no coded file in {', '.join(absent)}")

    def materials() -> Iterator[Material]:
        for reference, versions in sorted(by_clip.items()):
            read = {name: read_pair(reference, coded) for name, coded in versions.items()}
            coded = {name: aligned for name, (_, aligned, _) in read.items()}
            original = next(iter(read.values()))[0]
            yield Material(reference.stem, None, original, coded)

    return len(by_clip), tuple(names), materials()
