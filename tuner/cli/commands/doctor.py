"""`tuner doctor`: what works on this machine, and what to install for the rest."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from tuner.errors import EncoderError, TunerError
from tuner.records import MODEL

State = Literal["ok", "note", "problem"]
#: A night of 20 000 encodes of 8 s at 128 kb/s takes 3 GB.
FREE_BYTES = 5_000_000_000
MARKS: dict[State, str] = {
    "ok": "[green]ok[/]",
    "note": "[yellow]note[/]",
    "problem": "[red]problem[/]",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        area: "encoder", "model", "device", "extra", "storage" or "clips".
        name: what was looked at.
        state: "ok", "note" (works, or is not needed), "problem" (a run would fail).
        says: what was found, and what to do.
    """

    area: str
    name: str
    state: State
    says: str
    failure: dict[str, object] | None = None


def doctor(
    clips: Annotated[Path | None, typer.Option(help="Folder of WAV or FLAC files.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for runs.")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check encoders, quality model, devices, storage and clips, and list what to install.

    Each installed encoder encodes one short clip. The exit status is 1 if a run would fail.
    """
    findings = [*_encoders(), *_model(), *_devices(), *_extras(), *_storage(out), *_clips(clips)]
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        _print(findings)
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(1)


def _encoders() -> Iterator[Finding]:
    from tuner.cli.display.progress import progress_bar
    from tuner.plugins import encoder_names

    findings = []
    names = encoder_names()
    with progress_bar("trying encoders") as update:
        for done, name in enumerate(names, start=1):
            try:
                finding = Finding("encoder", name, "ok", _try_encoder(name))
            except EncoderError as error:
                says = f"not usable: {error.sentence}"
                finding = Finding("encoder", name, "note", says, error.as_dict())
            findings.append(finding)
            update(done, len(names), name)
    yield from findings
    if not any(finding.state == "ok" for finding in findings):
        yield Finding("encoder", "any", "problem", "none usable; install one of those above")


def _try_encoder(name: str) -> str:
    """Encode and decode half a second with the defaults."""
    from tuner.encoder import default_settings
    from tuner.errors import SettingsError
    from tuner.plugins import load_encoder
    from tuner.sound.audio import SAMPLE_RATE
    from tuner.testing import make_clip, spread_knobs

    encoder = load_encoder(name)
    version = encoder.version
    knob = spread_knobs(encoder.rate_modes[0], 3)[1]
    settings = default_settings(encoder)
    try:
        encoded = encoder.encode(make_clip(2, 0.5), SAMPLE_RATE, settings, knob)
    except SettingsError:  # some codecs take mono only
        encoded = encoder.encode(make_clip(1, 0.5), SAMPLE_RATE, settings, knob)
    encoder.decode(encoded)
    stands_in = "" if encoder.name == name else f"{encoder.name} instead: "
    return f"{stands_in}{version.text} ({version.binary})"


def _model() -> Iterator[Finding]:
    from tuner.cli.display.progress import progress_bar
    from tuner.metrics.registry import load_metric, metric_names
    from tuner.testing import make_clip

    clip = make_clip(2, 1.0)
    names = sorted(metric_names(), key=lambda name: name != MODEL)
    findings = []
    with progress_bar("trying metrics") as update:
        for done, name in enumerate(names, start=1):
            try:
                says = f"identity scores {load_metric(name).score(clip, clip).mean:.1f}"
                findings.append(Finding("model", name, "ok", says))
            except TunerError as error:
                findings.append(Finding("model", name, "problem", str(error), error.as_dict()))
            update(done, len(names), name)
    yield from findings


def _devices() -> Iterator[Finding]:
    import torch

    from tuner.cli.running import available_cores

    yield Finding("device", "cores", "ok", f"{available_cores()}")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            yield Finding("device", f"cuda:{index}", "ok", torch.cuda.get_device_name(index))
    else:
        yield Finding("device", "cuda", "note", "torch finds no GPU; scoring runs on the CPU")


def _extras() -> Iterator[Finding]:
    from tuner.extras import EXTRAS, has_extra, how_to_install

    for extra, names in EXTRAS.items():
        if has_extra(extra):
            yield Finding("extra", extra, "ok", ", ".join(names))
        else:
            yield Finding("extra", extra, "note", f"not installed: {how_to_install(extra)}")


def _storage(out: Path) -> Iterator[Finding]:
    folder = out.absolute()
    while not folder.exists():
        folder = folder.parent
    for name, place in (("runs", folder), ("temporary", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(place).free
        says = f"{place}: {free / 1e9:.0f} GB free"
        if not os.access(place, os.W_OK):
            yield Finding(
                "storage", name, "problem", f"{place}: not writable; choose another folder"
            )
        elif name == "runs" and free < FREE_BYTES:
            yield Finding("storage", name, "note", f"{says}; an overnight search may need 5 GB")
        else:
            yield Finding("storage", name, "ok", says)


def _clips(folder: Path | None) -> Iterator[Finding]:
    if folder is None:
        yield Finding("clips", "folder", "note", "not checked; add --clips FOLDER")
        return
    from tuner.answer.content import guess_category
    from tuner.cli.display.progress import progress_bar
    from tuner.sound.clips import load_clips
    from tuner.sound.excerpts import Excerpting

    try:
        with progress_bar("reading clips") as update:
            found = load_clips(
                folder,
                Excerpting(),
                guess=guess_category,
                progress=lambda done, total: update(done, total, ""),
            )
    except TunerError as error:
        yield Finding("clips", str(folder), "problem", str(error), error.as_dict())
        return
    tune = "1 clip" if len(found.tune) == 1 else f"{len(found.tune)} clips"
    kinds = ", ".join(f"{len(part.clips)} {kind}" for kind, part in found.categories.items())
    says = f"{tune} for tuning, {len(found.holdout)} held out; {kinds}"
    yield Finding("clips", str(folder), "ok", says)


def _print(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("area", "name", "", "result")
    for before, finding in zip([None, *findings], findings, strict=False):
        if before is not None and before.area != finding.area:
            table.add_section()
        row = (Text(finding.area), Text(finding.name), MARKS[finding.state], Text(finding.says))
        table.add_row(*row)
    Console().print(table)
