"""What `tuner find-rate` prints: a table for people, JSON for machines."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuner.apply.encode import Result
    from tuner.encoder import Encoder, Settings
    from tuner.records import Estimate
    from tuner.study.goal import Goal
    from tuner.target.needed import Needed
    from tuner.target.per_title import Title

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Found:
    """One answer.

    Args:
        label: the encoder as given.
        encoder, settings: what was encoded with.
        title: the answer.
        suffix: of coded files, with dot.
        made: the files that were encoded; empty without `-o`.
        out: where they are.
    """

    label: str
    encoder: Encoder
    settings: Settings
    title: Title
    suffix: str
    made: tuple[Result, ...]
    out: Path | None

    @property
    def problem(self) -> str | None:
        """Why there is no answer, or a file was not encoded."""
        failed = [result.problem for result in self.made if result.problem]
        return self.title.problem or "; ".join(failed) or None

    @property
    def crossing(self) -> Estimate | None:
        """What is needed, kb/s, with its interval over the excerpts."""
        return self.title.needed.crossing if self.title.needed else None

    @property
    def encode_times(self) -> float | None:
        """CPU seconds of encoding a second of sound."""
        needed = self.title.needed
        return needed.probe.encode_s / sum(needed.seconds) if needed else None

    def spent_kbps(self) -> list[float]:
        """Payload bitrate of each whole file, encoded now or before."""
        from tuner.apply.container import payload_bits

        lengths = {cut.source: cut.duration_s for cut in self.title.excerpts}
        return [
            payload_bits(self.out / made.item.target) / lengths[made.item.source] / 1000
            for made in self.made
            if self.out is not None and made.state != "failed"
        ]

    def command(self) -> list[str]:
        """The command line of a file."""
        if self.title.knob is None:
            return []
        source = self.title.sources[0].name if len(self.title.sources) == 1 else "input.wav"
        target = self.made[0].item.target.name if len(self.made) == 1 else "output" + self.suffix
        return list(self.encoder.command_line(self.settings, self.title.knob, source, target))


def print_table(goal: Goal, found: Sequence[Found]) -> None:
    """Print the answers, then what they rest on."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    several = len({each.label for each in found}) > 1
    encoded = any(each.made for each in found)
    columns = ["file", "kb/s (95 % interval)", "reached at kb/s", "scored, s", "encode, s/min"]
    table = Table(*(["encoder"] if several else []), *columns, title=f"Lowest bitrate for {goal}")
    if encoded:
        table.add_column("whole file")
    console = Console()
    for each in found:
        spent = each.spent_kbps()
        mean = f"{sum(spent) / len(spent):.1f}" if spent else ""
        names = [*([each.label] if several else []), each.title.name]
        table.add_row(*map(Text, names), *_cells(each), *([mean] if encoded else []))
    console.print(table)
    for each in found:
        needed = each.title.needed
        if each.problem:
            # Most problems begin with the file that they are about.
            named = any(str(source) in each.problem for source in each.title.sources)
            told = each.problem if named else f"{each.title.name}: {each.problem}"
            console.print(Text(told, style="red"))
        elif needed is not None and not needed.reached:
            reason = getattr(needed.match, "reason", "")
            console.print(Text(f"{each.title.name} ({each.label}): not reached: {reason}"))
    for line in _notes(found):
        console.print(Text(line))
    if len(found) == 1 and found[0].title.knob is not None:
        console.print(Text(f"  {shlex.join(found[0].command())}"), soft_wrap=True)


def _cells(each: Found) -> list[str]:
    title, needed = each.title, each.title.needed
    if needed is None or title.kbps is None:
        return ["failed", "", "", ""]
    crossing, point = each.crossing, needed.probe.point
    span = f" ({crossing.low:.1f} to {crossing.high:.1f})" if crossing else ""
    heard = sum(cut.heard_s for cut in title.excerpts)
    total = sum(cut.duration_s for cut in title.excerpts)
    return [
        f"{title.kbps:.1f}{span}" if needed.reached else "not reached",
        f"{_reached(needed)} at {point.kbps:.1f}",
        f"{heard:.0f} of {total:.0f}",
        f"{60 * each.encode_times:.2f}" if each.encode_times else "",
    ]


def _reached(needed: Needed) -> str:
    """The quality, or how many excerpts reach the goal where a share of them must."""
    goal, values = needed.goal, needed.probe.values
    if goal.share is None:
        return f"{needed.probe.point.quality:.1f}"
    return f"{sum(value >= goal.quality for value in values)} of {len(values)}"


def _notes(found: Sequence[Found]) -> list[str]:
    usable = [each for each in found if each.title.needed is not None]
    if not usable:
        return []
    count = max(len(cut.clips) for each in usable for cut in each.title.excerpts)
    lines = [
        f"Measured on up to {count} evenly spaced excerpts per file, over which the intervals are"
        " taken. kb/s is the excerpts' payload; whole files may differ slightly."
    ]
    labels = list(dict.fromkeys(each.label for each in usable))
    if len(labels) > 1:
        first, *others = (_total(usable, label) for label in labels)
        for label, other in zip(labels[1:], others, strict=True):
            if first is None or other is None:
                lines.append(
                    f"{label} and {labels[0]}: not compared, as some files have no result."
                )
                continue
            bits, time = other[0] / first[0], other[1] / first[1] if first[1] else None
            told = f"{abs(100 * (bits - 1)):.1f} % {'fewer' if bits < 1 else 'more'} bits"
            timed = "" if time is None else f", {time:.2f} times the encode time"
            lines.append(f"{label} is as good as {labels[0]} with {told}{timed}.")
    return lines


def _total(found: Sequence[Found], label: str) -> tuple[float, float] | None:
    """Mean bitrate and encode time of an encoder; None unless every file has an answer."""
    own = [each for each in found if each.label == label]
    if any(e.title.needed is None or not e.title.needed.reached for e in own):
        return None
    kbps = [each.title.kbps or 0.0 for each in own]
    return sum(kbps) / len(kbps), sum(each.encode_times or 0.0 for each in own) / len(own)


def as_data(goal: Goal, found: Sequence[Found]) -> dict[str, object]:
    """The answers as JSON data."""
    return {
        "format_version": FORMAT_VERSION,
        "goal": {
            "quality": goal.quality,
            "share": goal.share,
            "transparent": goal.transparent,
            "words": str(goal),
        },
        "answers": [_row(each) for each in found],
    }


def _row(each: Found) -> dict[str, object]:
    title, needed, crossing = each.title, each.title.needed, each.crossing
    row: dict[str, object] = {
        "encoder": each.encoder.name,
        "label": each.label,
        "version": each.encoder.version.text,
        "rate_mode": each.settings.rate_mode,
        "values": each.settings.as_dict(),
        "files": [str(source) for source in title.sources],
        "problem": each.problem,
        "failure": title.failure,
    }
    if needed is None:
        return row
    return row | {
        "reached": needed.reached,
        "reason": getattr(needed.match, "reason", None),
        "kbps": title.kbps,
        "low_kbps": crossing and crossing.low,
        "high_kbps": crossing and crossing.high,
        "knob": title.knob,
        "measured": [
            {"knob": p.point.knob, "kbps": p.point.kbps, "quality": p.point.quality}
            for p in needed.probes
        ],
        "passes": needed.match.passes,
        "encode_s_per_s": each.encode_times,
        "excerpts": [
            {"file": str(c.source), "duration_s": c.duration_s, "starts_s": list(c.starts_s)}
            for c in title.excerpts
        ],
        "file_kbps": each.spent_kbps(),
        "targets": [str(each.out / made.item.target) for made in each.made if each.out],
        "command": each.command(),
    }
