"""What a comparison says, for CI: a table in Markdown, and JUnit XML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from tuner.apply.compare import Comparison, mean_of
from tuner.apply.gate import Failure
from tuner.records import METRIC_LABELS, Estimate

#: What XML 1.0 cannot hold.
NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_markdown(
    labels: tuple[str, str],
    comparisons: Sequence[Comparison],
    sentences: Sequence[str],
    failures: Sequence[Failure],
) -> str:
    """A comment for a pull request: the verdict, a row for each bitrate and metric, sentences.

    Args:
        labels: of A and B.
        comparisons: of all bitrates.
        sentences: the answer at each.
        failures: why the gate stays shut; empty when it opens.
    """
    lines = [
        f"### tuner compare: {'failed' if failures else 'passed'}",
        "",
        f"A: {_code(labels[0])}, B: {_code(labels[1])}",
        "",
        "| kb/s | metric | A | B | B better by (95 % interval) |",
        "|---:|---|---:|---:|---:|",
    ]
    for each in comparisons:
        lines += _rows(each)
    lines += ["", *(f"- {_plain(sentence)}" for sentence in sentences)]
    if failures:
        lines += ["", *(f"- **Failed at {_plain(str(failure))}**" for failure in failures)]
    return "\n".join(lines) + "\n"


def to_junit(
    labels: tuple[str, str],
    comparisons: Sequence[Comparison],
    sentences: Sequence[str],
    failures: Sequence[Failure],
) -> str:
    """JUnit XML: a test case for each bitrate, failed where the gate stays shut.

    Args: see `to_markdown`.
    """
    suite = ElementTree.Element(
        "testsuite",
        name="tuner compare",
        tests=str(len(comparisons)),
        failures=str(len(failures)),
        errors="0",
    )
    for comparison, sentence in zip(comparisons, sentences, strict=True):
        where = f"{comparison.target_kbps:g} kb/s"
        case = ElementTree.SubElement(
            suite, "testcase", classname="tuner.compare", name=_xml(f"{labels[1]} at {where}")
        )
        for failure in failures:
            if failure.target_kbps == comparison.target_kbps:
                told = ElementTree.SubElement(case, "failure", message=_xml(str(failure)))
                told.text = _xml(sentence)
        ElementTree.SubElement(case, "system-out").text = _xml(sentence)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _rows(comparison: Comparison) -> list[str]:
    kbps = f"{comparison.target_kbps:g}"
    a, b = comparison.a, comparison.b
    if a is None or b is None:
        return [f"| {kbps} | not compared | | | {_plain(comparison.problem or '')} |"]
    rows = [f"| {kbps} | measured kb/s | {a.bitrate_kbps:.2f} | {b.bitrate_kbps:.2f} | |"]
    for name, gain in comparison.gains.items():
        means = " | ".join(f"{mean_of(side, name):.1f}" for side in (a, b))
        label = _plain(METRIC_LABELS.get(name, name))
        rows.append(f"| {kbps} | {label} | {means} | {_estimate(gain)} |")
    if comparison.time_ratio:
        seconds = f"{a.encode_s:.2f} s | {b.encode_s:.2f} s"
        rows.append(f"| {kbps} | encode time | {seconds} | x {comparison.time_ratio:.2f} |")
    return rows


def _estimate(gain: Estimate) -> str:
    value, low, high = (round(x, 1) + 0.0 for x in (gain.value, gain.low, gain.high))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def _plain(text: str) -> str:
    """A text that makes no cell, line, tag or markup of its own."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    plain = " ".join(text.split())
    fence = "`" * (max((len(run) for run in re.findall("`+", plain)), default=0) + 1)
    return f"{fence} {plain} {fence}" if "`" in plain else f"`{plain}`"


def _xml(text: str) -> str:
    return NOT_XML.sub("\ufffd", text)
