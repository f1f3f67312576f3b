"""Renders the report: one self-contained HTML file, no network, scripts pinned by hash.

The page's content security policy allows nothing but its own scripts and what they load (linked
sounds, as scripts beside the page), so even a name that slipped through the escaping could neither
run nor load anything. Only ``loader.js`` runs at once; the others (`SCRIPTS`) are held as plain
text and run in their order as soon as the text has been painted. Then ``<html data-ready>`` is set.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tuner.atomic import atomic_write
from tuner.report import words
from tuner.report.charts import build_charts
from tuner.report.clips import Audio, build_clips
from tuner.report.data import build_page, source_name
from tuner.report.mattered import build_mattered
from tuner.report.runs import Run, read_runs
from tuner.report.views import SIDES

__all__ = [
    "REPORT_NAME",
    "Audio",
    "embed_json",
    "render",
    "write_page",
    "write_report",
]

REPORT_NAME = "report.html"
#: The page's own scripts, in the order in which they run, after the player.
SCRIPTS = ("parts.js", "plot.js", "report.js", "frame.js", "clip.js", "clips.js", "mattered.js")
#: Steps that `Progress` is told of: curves, clips, searches.
STEPS = 3

#: JSON is valid with these escaped, and none can end or alter a script element.
SCRIPT_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}

#: ``update(done, total, what)``.
Progress = Callable[[int, int, str], None]


def write_report(folder: Path) -> Path:
    """Make the report of one run from its `results.json`, in the run directory.

    Returns:
        The path of the report.

    Raises:
        RunError: `results.json` is missing or damaged.
    """
    target = folder / REPORT_NAME
    write_page(read_runs([folder]), target)
    return target


def write_page(
    runs: Sequence[Run],
    target: Path,
    audio: Audio = "link",
    progress: Progress = lambda done, total, what: None,
) -> None:
    """Write the report of runs over the same clips to `target`, atomically.

    Args:
        runs: at least one.
        target: the file.
        audio: how players get their sound, see `tuner.report.clips.build_clips`.
        progress: told before each of the steps.
    """
    atomic_write(target, render(runs, audio=audio, page=target, progress=progress))


def render(
    runs: Sequence[Run],
    *,
    audio: Audio = "link",
    page: Path | None = None,
    progress: Progress = lambda done, total, what: None,
) -> str:
    """The report of runs over the same clips as one HTML document.

    Args:
        runs: at least one.
        audio: how players get their sound.
        page: where the document will lie; links to audio start there.
        progress: told before each of the steps.
    """
    progress(0, STEPS, "curves")
    view = build_page(runs)
    data = {"charts": build_charts(runs, view.curves)}
    progress(1, STEPS, "clips")
    data["clips"] = build_clips(runs, audio, page)
    progress(2, STEPS, "searches")
    data["mattered"] = build_mattered(runs)
    loader = _script(read_asset("loader.js"))
    held = [_script(text) for text in (_player(), *map(read_asset, SCRIPTS))]
    document = (
        make_environment()
        .get_template("report.html")
        .render(
            page=view,
            sides=SIDES,
            data={name: Markup(embed_json(value)) for name, value in data.items()},
            style=Markup(read_asset("report.css") + read_asset("evidence.css")),
            loader=Markup(loader),
            held_scripts=[Markup(text) for text in held],
            script_sources=" ".join(_source_hash(text) for text in (loader, *held)),
        )
    )
    progress(STEPS, STEPS, "")
    return document


def embed_json(value: Any) -> str:
    """JSON that is safe inside a script element.

    Raises:
        ValueError: NaN or infinity in `value`.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character, escape in SCRIPT_ESCAPES.items():
        text = text.replace(character, escape)
    return text


@functools.cache
def make_environment() -> Environment:
    """Jinja with the report's filters; everything is escaped. Each template is compiled once."""
    environment = Environment(
        loader=PackageLoader("tuner.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "counted": words.counted,
        "duration": words.duration,
        "moment": words.moment,
        "signed": words.signed,
        "interval": words.interval,
        "metric_label": words.metric_label,
        "sentence": words.sentence,
        "source_name": source_name,
    }
    return environment


def read_asset(name: str) -> str:
    """A file of the templates' folder."""
    return resources.files("tuner.report").joinpath("templates", name).read_text(encoding="utf-8")


def _player() -> str:
    """The listening test's player, which the clips' section plays with, too."""
    path = resources.files("tuner.listening").joinpath("page", "player.js")
    return path.read_text(encoding="utf-8")


def _script(text: str) -> str:
    """`text` as a browser hashes it: it reads every line end as a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _source_hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
