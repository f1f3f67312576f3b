"""`tuner demo`: the main job on clips that it makes itself."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.commands.run import run
from tuner.sound.synth import write_demo_clips


def demo(
    out: Annotated[Path, typer.Option(help="Run directory.")] = Path("runs/demo"),
    trials: Annotated[int | None, typer.Option(help="Trials (default: as in the study).")] = None,
    workers: Annotated[int | None, typer.Option(help="Parallel jobs (0 = all cores).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary.")] = False,
) -> None:
    """Make a dozen clips, tune ffmpeg's AAC encoder on them at 64 kb/s and write the report.

    This takes a few minutes on two cores. The clips are synthetic, of the kinds that the model
    was trained on: the report shows how the program works, not how good the encoder is.
    """
    clips = out / "source"
    write_demo_clips(clips)
    run("demo", clips=clips, out=out, trials=trials, workers=workers, as_json=as_json)
    if not as_json:
        own = ["tuner", "run", "--encoder", "aac", "--clips", "MUSIC", "--bitrates", "64,96"]
        print(f"On your own music: {shlex.join(own)}")
