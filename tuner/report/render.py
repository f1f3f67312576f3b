"""Renders the report: one self-contained HTML file, no network, scripts pinned by hash.

The page's content security policy allows nothing but its own three scripts, so even a
name that slipped through the escaping could neither run nor load anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tuner.report import words
from tuner.report.charts import build_charts
from tuner.report.data import SIDES, build_page, source_name
from tuner.results import Results, read_results

RESULTS_NAME = "results.json"
REPORT_NAME = "report.html"

#: JSON is valid with these escaped, and none can end or alter a script element.
SCRIPT_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def write_report(run_folder: Path) -> Path:
    """Make `report.html` from the `results.json` of a run.

    Returns:
        The path of the report.

    Raises:
        RunError: `results.json` is missing or damaged.
    """
    page = render(read_results(run_folder / RESULTS_NAME))
    target = run_folder / REPORT_NAME
    partial = target.with_suffix(".partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(target)
    return target


def render(results: Results) -> str:
    """The report as one HTML document."""
    from plotly.offline import get_plotlyjs

    scripts = {"plotly": _script(get_plotlyjs()), "report": _script(_asset("report.js"))}
    return (
        _environment()
        .get_template("report.html")
        .render(
            page=build_page(results),
            sides=SIDES,
            charts=Markup(embed_json(build_charts(results))),
            style=Markup(_asset("report.css")),
            scripts={name: Markup(text) for name, text in scripts.items()},
            script_sources=" ".join(_source_hash(text) for text in scripts.values()),
        )
    )


def embed_json(value: Any) -> str:
    """JSON that is safe inside a script element.

    Raises:
        ValueError: NaN or infinity in `value`.
    """
    text = json.dumps(value, allow_nan=False)
    for character, escape in SCRIPT_ESCAPES.items():
        text = text.replace(character, escape)
    return text


def _environment() -> Environment:
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
        "source_name": source_name,
    }
    return environment


def _asset(name: str) -> str:
    return resources.files("tuner.report").joinpath("templates", name).read_text(encoding="utf-8")


def _script(text: str) -> str:
    """`text` as a browser hashes it: it reads every line end as a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _source_hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
