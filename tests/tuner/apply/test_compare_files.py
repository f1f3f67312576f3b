"""Markdown and JUnit XML of a comparison."""

from __future__ import annotations

from xml.etree import ElementTree

from markdown_it import MarkdownIt

from tuner.apply.compare import Comparison, SideScores
from tuner.apply.compare_files import to_junit, to_markdown
from tuner.apply.gate import Failure
from tuner.encoder import Settings
from tuner.records import Estimate

LABELS = ("lame", "lame:x=`a`|<b>")


def _comparisons() -> list[Comparison]:
    heard = SideScores(Settings("cbr"), 64.0, 64.1, {"insenet": {"d": 70.0}}, {}, 1.5)
    gains = {"insenet": Estimate(-2.0, -3.0, -1.0)}
    return [
        Comparison(64.0, heard, heard, gains, {}, 1.25, {"d": {"insenet": -2.0}}, {"d": ""}),
        Comparison(96.0, None, None, {}, {}, None, {}, {}, "B crashed | \x1b[1m<script>"),
    ]


SENTENCES = ["At 64 kb/s it is worse.", "At 96 kb/s B crashed | \x1b[1m<script>."]
FAILURES = [
    Failure(64.0, "B gains -2.0 points"),
    Failure(96.0, "not compared: \x1b[1m<script>"),
]


def test_markdown_is_one_table_whatever_the_names_hold() -> None:
    """Cells stay cells, and nothing of a name or an encoder's words is markup."""
    text = to_markdown(LABELS, _comparisons(), SENTENCES, FAILURES)
    assert text.startswith("### tuner compare: failed\n")
    assert "| 64 | InSE-NET | 70.0 | 70.0 | -2.0 (-3.0 to -1.0) |" in text
    page = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(text)
    assert page.count("<table>") == 1
    assert "<script>" not in page and "<b>" not in page
    rows = page.split("<tbody>")[1].split("<tr>")[1:]
    assert [row.count("<td") for row in rows] == [5] * 4


def test_junit_has_a_case_for_each_bitrate() -> None:
    """Failed cases say why; what XML cannot hold is replaced."""
    root = ElementTree.fromstring(to_junit(LABELS, _comparisons(), SENTENCES, FAILURES[:1]))
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    first, second = root.findall("testcase")
    failure = first.find("failure")
    assert failure is not None and failure.get("message") == "64 kb/s: B gains -2.0 points"
    assert second.find("failure") is None
    assert second.findtext("system-out", "").startswith("At 96 kb/s B crashed")
