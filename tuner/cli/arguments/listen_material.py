"""What a listening test is made of: a finished run's finalists, or a folder of sound files."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tuner.apply.player import RunPlayer, encoder_of, find_bitrate, find_candidate
from tuner.errors import ClipError, RunError, StudyError
from tuner.listening.stimuli import Material
from tuner.records import Answer, Side
from tuner.results import read_run
from tuner.study.trust import Trust

#: Folder of the references among those of a test's conditions.
REFERENCE_FOLDER = "reference"
SIDE: Side = "holdout"

Materials = tuple[int, tuple[str, ...], Iterator[Material]]
"""How many, in which conditions, and one after another."""


def from_run(
    run: Path,
    bitrates: Sequence[float] | None,
    conditions: Sequence[str] | None,
    clips: int,
    seed: int,
    trust: Trust | None = None,
) -> Materials:
    """Held-out clips of a run in the conditions wanted.

    Decoded audio comes from the run's cache, or is encoded again by the build that ran.

    Args:
        run: the run directory.
        bitrates: only these; None: all with an answer.
        conditions: "default", "tuned" (what the verdict is about), or "trial-N" (a finalist); None:
            the first two.
        clips: how many, drawn by `seed`; all where there are fewer.
        seed: of the draw.
        trust: what the run may use.

    Raises:
        RunError: the run cannot be read, or lacks a bitrate, a condition or a clip.
        EncoderError: encoding again failed.
    """
    results = read_run(run)
    everything = [b.target_kbps for b in results.bitrates]
    wanted = everything if bitrates is None else list(bitrates)
    answers = {kbps: find_bitrate(run, results, kbps) for kbps in wanted}
    held = [clip for clip in results.clips if clip.side == SIDE]
    chosen = random.Random(seed).sample(held, min(clips, len(held)))
    if conditions is None:
        _check_tuned(run, answers)
        conditions = ("default", "tuned")
    finalists = {
        kbps: {name: find_candidate(run, answer, name) for name in conditions}
        for kbps, answer in answers.items()
    }

    # Before a folder is made for the test.
    encoder = encoder_of(run, trust)

    def materials() -> Iterator[Material]:
        player = RunPlayer(run, results, encoder)
        for kbps in wanted:
            for clip in chosen:
                reference = player.load(clip)
                coded, predicted = {}, {}
                for name, candidate in finalists[kbps].items():
                    coded[name] = player.coded(clip, reference, candidate)
                    predicted[name] = candidate.sides[SIDE].scores[results.climbed][clip.digest]
                yield Material(clip.name, kbps, reference, coded, predicted)

    return len(wanted) * len(chosen), tuple(conditions), materials()


def _check_tuned(run: Path, answers: Mapping[float, Answer]) -> None:
    """Raise `RunError` where there is nothing to compare the default with."""
    without = [f"{kbps:g}" for kbps, answer in answers.items() if not answer.tuned]
    if without:
        raise RunError(
            f"found no settings besides the default at {', '.join(without)} kb/s",
            where=run,
            remedy="choose other bitrates with --bitrate, or test the default alone against the"
            " original with --conditions default",
        )


def from_folder(folder: Path, conditions: Sequence[str] | None) -> Materials:
    """Sound files: ``reference/NAME`` and, in one folder per condition, files of the same stem.

    Args:
        folder: holds the folders.
        conditions: names of the condition folders, in order; None: all.

    Raises:
        ClipError: a folder or a file is missing or cannot be read.
        EncoderError: a coded file does not line up with its reference.
    """
    from tuner.cli.commands.score import find_pairs, read_pair

    references = folder / REFERENCE_FOLDER
    if not references.is_dir():
        raise ClipError("no such folder", where=references, remedy="put the references there")
    found = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name != REFERENCE_FOLDER)
    names = list(conditions or found)
    if missing := [name for name in names if name not in found]:
        raise StudyError(
            f"no folder {', '.join(missing)}", where=folder, remedy=f"found: {', '.join(found)}"
        )
    by_clip: dict[Path, dict[str, Path]] = {}
    for name in names:
        for reference, coded in find_pairs(references, folder / name):
            by_clip.setdefault(reference, {})[name] = coded
    for reference, versions in by_clip.items():
        if absent := [name for name in names if name not in versions]:
            raise ClipError(f"no coded file in {', '.join(absent)}", where=reference)

    def materials() -> Iterator[Material]:
        for reference, versions in sorted(by_clip.items()):
            read = {name: read_pair(reference, coded) for name, coded in versions.items()}
            coded = {name: aligned for name, (_, aligned, _) in read.items()}
            original = next(iter(read.values()))[0]
            yield Material(reference.stem, None, original, coded)

    return len(by_clip), tuple(names), materials()
