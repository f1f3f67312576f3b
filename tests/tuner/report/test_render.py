"""The rendered page: self-contained, harmless, complete."""

import base64
import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tuner.errors import RunError
from tuner.report import REPORT_NAME, RESULTS_NAME, render, write_report
from tuner.report.render import embed_json
from tuner.results import write_results

#: Elements that have no end tag.
VOID = {"meta", "input", "br", "img", "link"}


class Page(HTMLParser):
    """The elements, scripts and text of a page, and whether its tags are balanced."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.words = [], [], []
        self.open, self.unbalanced = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        else:
            self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


@pytest.fixture(scope="module")
def html(hostile_results):
    return render(hostile_results)


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_hostile_names_inject_no_element_and_no_attribute(page):
    """Names full of markup add no element, no handler, no link, and break no tag."""
    attributes = [(tag, name) for tag, given in page.elements for name in given]
    assert not {tag for tag, _ in page.elements} & {"a", "img", "iframe", "object", "link"}
    assert not [name for _, name in attributes if name.startswith("on")]
    assert not [given for _, given in page.elements if given.get("id") == "evil"]
    assert page.unbalanced == []
    assert page.open == []


def test_hostile_names_are_shown_as_they_are(page, hostile_results):
    """Escaping must not eat what it escapes: each clip's name is readable."""
    for clip in hostile_results.clips:
        assert " ".join(clip.name.split()) in page.text
    assert "{{ 7*7 }}" in page.text


def test_the_embedded_data_survives_hostile_names(page, hostile_results):
    """The JSON of the plots is whole, and its texts hold no tag that Plotly would read."""
    charts = json.loads(page.scripts[0])
    rows = [row for b in charts["bitrates"] for side in b["clips"].values() for row in side]
    # Four bitrates with an answer, 15 clips on each of two sides.
    assert len(rows) == 4 * 2 * 15
    assert not [row for row in rows if "<" in row["name"] + row["label"] + row["short"]]


def test_nothing_is_loaded_from_outside(page):
    """No element loads or links to anything, and the page's own policy forbids it."""
    loads = {"src", "href", "srcset", "action", "data", "poster", "background"}
    assert not [(tag, given) for tag, given in page.elements if loads & given.keys()]
    style = next(text for tag, text in _elements_text(page, "style"))
    assert "url(" not in style
    assert "@import" not in style
    policy = _policy(page)
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_plotly_is_inlined_once(page):
    """The page holds three scripts: its data, Plotly once, its own."""
    assert len(page.scripts) == 3
    assert sum("plotly.js v" in script[:200] for script in page.scripts) == 1


def test_the_policy_allows_exactly_the_pages_own_scripts(page):
    """The hashes in the policy are those of the two scripts that run."""
    sources = [word for word in _policy(page).replace(";", " ").split() if "sha256" in word]
    expected = [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in page.scripts[1:]
    ]
    assert sources == expected


def test_every_verdict_is_shown_with_its_sentence(page, hostile_results):
    """Each kind of verdict, and each sentence, is on the page."""
    for bitrate in hostile_results.bitrates[1:]:
        assert bitrate.verdict.kind in page.text
        assert " ".join(bitrate.verdict.sentence.split()) in page.text


def test_a_default_that_is_the_best_is_a_result(page):
    """The answer says so with confidence and hands out the default's command."""
    assert "At 160 kb/s the default is already the best: 60 trials found" in page.text
    assert "use it with confidence" in page.text


def test_a_bitrate_without_an_answer_says_why(page):
    """The problem is told in the answer and at the bitrate."""
    problem = "The encoder's default cannot spend 8 kb/s: its lowest is 22.4 <kb/s>."
    assert f"At 8 kb/s there is no answer. {problem}" in page.text
    assert page.text.count(problem) == 3


def test_the_recommended_command_can_be_copied(page, hostile_results):
    """The winner's command line is quoted for a shell; the default's where nothing won."""
    confirmed, objected = hostile_results.bitrates[1:3]
    assert "-aac_coder fast -cutoff_hz 18700" in page.text
    assert "'output $(evil).m4a'" in page.text
    copies = [given["data-text"] for _, given in page.elements if "data-text" in given]
    assert len(copies) == 4 * 4
    assert copies[0].startswith(f"ffmpeg -i input.wav -c:a aac -b:a {confirmed.target_kbps * 1.02}")
    assert objected.winner == 0
    assert page.text.count("Settings to use: the encoder’s defaults") == 3


def test_provenance_names_what_made_the_run(page, hostile_results):
    """Command, seed, versions, digests, study and timing are on the page."""
    made = hostile_results.provenance
    for fact in (made.command, made.encoder_digest, made.scorer_version, "optuna 5.0.0"):
        assert fact in page.text
    assert "bitrates_kbps = [64]" in page.text
    assert "6 min 52 s" in page.text
    assert "3312 / 402" in page.text
    assert {clip.digest for clip in hostile_results.clips} <= {
        given.get("title") for _, given in page.elements
    }


def test_notes_and_doubts_are_shown(page, hostile_results):
    """What the reader must know is said under its own heading."""
    section = page.text.split("What to distrust")[1]
    assert hostile_results.notes[0] in section
    assert "Zimtohrli disagrees with the quality model (−2.4 against +3.1 points)" in section


def test_a_run_without_bitrates_or_clips_still_renders(hostile_results):
    """An empty run makes a page, not a crash."""
    page = Page(render(replace(hostile_results, bitrates=[], clips=[], notes=[])))
    assert page.unbalanced == []
    assert "Only 0 held-out clips" in page.text


def test_embedded_json_cannot_end_its_script():
    """No markup survives in embedded JSON, and its value does."""
    value = ["</script>", "<!--", "]]>", "&lt;", "\u2028"]
    text = embed_json(value)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == value


def test_the_report_is_made_from_the_run_folder(tmp_path, small_results):
    """`write_report` reads results.json and replaces report.html."""
    write_results(small_results, tmp_path / RESULTS_NAME)
    (tmp_path / REPORT_NAME).write_text("old")
    path = write_report(tmp_path)
    assert path == tmp_path / REPORT_NAME
    assert path.read_text(encoding="utf-8") == render(small_results)
    assert sorted(p.name for p in tmp_path.iterdir()) == [REPORT_NAME, RESULTS_NAME]


def test_a_folder_without_results_is_an_error(tmp_path):
    """A run that has not finished has no report."""
    with pytest.raises(RunError, match=RESULTS_NAME):
        write_report(tmp_path)


def test_the_report_needs_neither_search_nor_model(tmp_path, small_results):
    """Making a report imports no torch, no optuna, no encoder."""
    write_results(small_results, tmp_path / RESULTS_NAME)
    code = (
        "import sys; from pathlib import Path; from tuner.report import write_report;"
        f"write_report(Path({str(tmp_path)!r}));"
        "print([m for m in ('torch', 'optuna', 'ray', 'av', 'encoders') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _policy(page):
    return next(
        given["content"]
        for tag, given in page.elements
        if given.get("http-equiv") == "Content-Security-Policy"
    )


def _elements_text(page, tag):
    # The style sheet is the only text before the heading that holds a brace.
    return [(tag, word) for word in page.words if ":root {" in word]
