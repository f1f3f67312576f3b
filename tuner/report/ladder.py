"""A ladder as a page, a section to put elsewhere, and a CSV file."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

from markupsafe import Markup

from tuner.atomic import atomic_write
from tuner.report import words
from tuner.report.render import make_environment, read_asset
from tuner.report.tables import cell
from tuner.rungs import Ladder


def write_ladder_page(ladder: Ladder, path: Path) -> None:
    """Write a page with the ladder's section, which stands alone: no script, no network."""
    template = make_environment().get_template("ladder.html")
    style = Markup(read_asset("report.css"))
    text = template.render(ladder=ladder, style=style, join=shlex.join, words=words)
    atomic_write(path, text)


def write_ladder_csv(ladder: Ladder, path: Path) -> None:
    """Write one row a rung."""
    rows = []
    for rung in ladder.rungs:
        row = dict(vars(rung))
        for name in ("quality", "step"):
            estimate = row.pop(name)
            for part in ("value", "low", "high"):
                key = name if part == "value" else f"{name}_{part}"
                row[key] = getattr(estimate, part) if estimate else None
        row["values"] = json.dumps(rung.values, sort_keys=True)
        rows.append(row | {"command": shlex.join(rung.command)})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["encoder"])
        writer.writeheader()
        writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
