"""Proof that a run's command line makes what was scored: one clip, payload bit for bit."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tuner.apply.command import exact_command, run_command
from tuner.apply.container import payload_digest
from tuner.apply.player import RunPlayer, load_run_clip
from tuner.encoder import SOURCE
from tuner.errors import EncoderFailed, EncoderMissing
from tuner.records import Candidate, Results, Side

#: The command line holds the knob that was matched on this side.
SIDE: Side = "tune"
#: Sample formats of the WAV file, in the order in which they are tried. 24 bits are exact but for
#: clips cut from files of floats or mixed down.
SAMPLE_FORMATS = {"PCM_24": "24-bit", "FLOAT": "float"}


@dataclass(frozen=True)
class Proof:
    """What came out.

    Args:
        kind: "verified", "differs", or "cannot": the command does not run here.
        detail: a sentence.
    """

    kind: Literal["verified", "differs", "cannot"]
    detail: str


def prove(player: RunPlayer, results: Results, candidate: Candidate) -> Proof:
    """Run the command line on the shortest clip of the tune side; compare with what was scored.

    Args:
        player, results: the run.
        candidate: whose command line.

    Raises:
        RunError, EncoderError: what was scored cannot be had any more (`RunPlayer.encoded`).
    """
    import soundfile

    clip = min((c for c in results.clips if c.side == SIDE), key=lambda c: c.duration_s)
    source = load_run_clip(player.run, clip)
    scored = player.encoded(clip, candidate)
    target = f"output{scored.suffix}"
    settings, knob = candidate.settings, candidate.sides[SIDE].knob
    # What a study brings to a rate of its own is encoded from a converted file.
    name_in = candidate.convert[-1] if candidate.convert else SOURCE
    shown = player.encoder.command_line(settings, knob, name_in, target)
    if list(shown) != candidate.command:
        told = f"the command line has changed (now {shlex.join(shown)}); run the study again"
        return Proof("differs", told)
    command: Sequence[str] = exact_command(player.encoder, settings, knob, name_in, target)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stored = folder / f"stored{scored.suffix}"
        stored.write_bytes(scored.data)
        wanted = payload_digest(stored)
        for sample_format, words in SAMPLE_FORMATS.items():
            (folder / name_in).unlink(missing_ok=True)
            soundfile.write(folder / name_in, source.T, clip.rate, sample_format, format="WAV")
            (folder / target).unlink(missing_ok=True)
            try:
                made = run_command(command, folder, target)
            except (EncoderFailed, EncoderMissing) as error:
                if sample_format == "FLOAT":
                    break  # not every encoder reads floats
                return Proof("cannot", f"the command does not run here: {error}")
            if payload_digest(made) == wanted:
                return Proof("verified", f"{clip.name} as a {words} WAV file: the same payload")
    return Proof("differs", f"{clip.name}: the command's payload differs from what was scored")
