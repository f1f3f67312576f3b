"""`tuner run --dry-run`: what would run, how long, how much disk."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.rundir.status import STATUS_FILE, read_status

if TYPE_CHECKING:
    from tuner.driver.parts import Parts


def print_forecast(parts: Parts, folder: Path, workers: int, *, as_json: bool = False) -> None:
    """Print what a run would do, and do none of it.

    Args:
        parts: what would run.
        folder: the run directory; earlier sessions' trials in it count.
        workers: jobs at once.
        as_json: print JSON instead of sentences.

    Raises:
        TunerError: the encoder's default or a scorer fails on the clip that is tried; the run
            would be refused, as another search's folder or for a run that it warms up on.
    """
    from tuner.cli.display.progress import progress_bar
    from tuner.driver.forecast import forecast
    from tuner.driver.warm import find_winners
    from tuner.records import name_rates
    from tuner.report.words import counted, duration
    from tuner.rundir.folder import check_run

    check_run(folder, parts.identity())
    find_winners([Path(run) for run in parts.spec.search.warm_start], parts.encoder.name)
    done = 0
    if (folder / STATUS_FILE).exists():
        done = sum(each.done for each in read_status(folder).bitrates)
    spec = parts.spec
    with progress_bar("measuring") as progress:
        guess = forecast(parts, workers, done, progress)
    free = shutil.disk_usage(_existing(folder)).free
    if as_json:
        content = {"run": str(folder), "done": done, "workers": workers, "free_bytes": free}
        print(json.dumps({**content, **asdict(guess)}, indent=1))
        return
    sides = f"{len(parts.clips.tune)} for tuning, {len(parts.clips.holdout)} held out"
    rates = name_rates(clip.rate for clip in parts.clips.clips)
    trials = f"{spec.hours:g} h" if guess.trials is None else counted(guess.trials, "trial")
    at = [f"{kbps:g} kb/s" for kbps in spec.bitrates_kbps] + [f"{goal}" for goal in spec.goals]
    lines = [
        f"{parts.encoder.version.text} at {', '.join(at)}",
        f"{counted(len(parts.clips.clips), 'clip')}: {sides}{_kinds(parts)}; encoded at {rates}",
        f"{trials} remaining ({done} done), {counted(workers, 'worker')}, {spec.executor} executor",
        f"at most about {guess.encodes} encodes and {guess.scores} scores (pruning saves some)",
        f"search about {duration(guess.search_s)}, validation {duration(guess.validation_s)}",
        f"disk about {guess.disk_bytes / 1e9:.2f} GB in {folder} ({free / 1e9:.1f} GB free)",
    ]
    print("\n".join(lines))
    if guess.disk_bytes > free:
        advice = f"set --cache-gb {free / 2e9:.2f}, or " if free > 1e8 else ""
        print(f"Not enough free space: {advice}choose another --out.")


def _kinds(parts: Parts) -> str:
    """ "; 4 speech, 26 music"; empty where all are of one kind."""
    kinds = parts.clips.categories
    if len(kinds) < 2:
        return ""
    return "; " + ", ".join(f"{len(part.clips)} {kind}" for kind, part in kinds.items())


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(each for each in [folder.absolute(), *folder.absolute().parents] if each.exists())
