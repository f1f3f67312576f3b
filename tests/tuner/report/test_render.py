"""The rendered page: self-contained, harmless, complete."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tuner.errors import RunError
from tuner.report import REPORT_NAME, render, write_report
from tuner.report.render import SCRIPTS, embed_json
from tuner.report.runs import name_runs, read_runs
from tuner.results import RESULTS_NAME, write_results

#: The page's script elements: three of data, the player, the page's own, the loader.
SCRIPT_ELEMENTS = 3 + 1 + len(SCRIPTS) + 1
#: Most bytes of a page without sounds.
MOST_BYTES = 1_500_000
#: Elements that have no end tag.
VOID = {"meta", "input", "br", "img", "link"}


class Page(HTMLParser):
    """The elements, scripts and text of a page, and whether its tags are balanced."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.words = [], [], []
        self.data = {}
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
            if name := self.elements[-1][1].get("id"):
                self.data[name] = self.scripts[-1]
        else:
            self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


@pytest.fixture(scope="module")
def html(hostile_results, as_runs):
    return render(as_runs(hostile_results))


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_hostile_names_inject_no_element_and_no_attribute(page):
    """Names full of markup add no element, no handler, no link, and break no tag."""
    attributes = [(tag, name) for tag, given in page.elements for name in given]
    assert not {tag for tag, _ in page.elements} & {"img", "iframe", "object", "link", "audio"}
    links = [given["href"] for tag, given in page.elements if tag == "a"]
    assert links and all(re.fullmatch(r"#[a-z-]+", target) for target in links)
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
    """The JSON is whole; texts, which the scripts set as text, are as they were."""
    charts = json.loads(page.data["charts"])
    failed = [row for b in charts["runs"][0]["trials"] for row in b if row[1] == "failed"]
    assert "onerror" in failed[0][10]
    assert {"clips", "mattered"} < page.data.keys()
    for text in page.data.values():
        json.loads(text)


def test_a_hostile_encoder_and_folder_are_shown_as_they_are(hostile_results):
    """Names of encoders, judges, versions and folders reach titles, labels and commands."""
    evil = "<script id=evil>alert(1)</script>' onload='x"
    made = replace(
        hostile_results.provenance,
        encoder=evil,
        encoder_version=evil,
        judge_versions={evil: evil},
        versions={evil: evil},
    )
    results = replace(hostile_results, provenance=made)
    read = [(Path(evil) / "a", results, []), (Path(evil) / "b", results, [])]
    page = Page(render(name_runs(read)))
    assert not [given for _, given in page.elements if given.get("id") == "evil"]
    assert not [name for _, given in page.elements for name in given if name.startswith("on")]
    assert len([tag for tag, _ in page.elements if tag == "script"]) == SCRIPT_ELEMENTS
    assert page.unbalanced == []
    assert evil in page.text


def test_nothing_is_loaded_from_outside(page):
    """No element loads or links to anything, and the page's own policy forbids it."""
    loads = {"src", "href", "srcset", "action", "data", "poster", "background"}
    inside = [given for tag, given in page.elements if tag == "a" and given["href"][0] == "#"]
    loading = [given for _, given in page.elements if loads & given.keys()]
    assert [given for given in loading if given not in inside] == []
    style = next(text for tag, text in _elements_text(page, "style"))
    assert "url(" not in style
    assert "@import" not in style
    policy = _policy(page)
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_scripts_are_inlined_and_held_back(page):
    """They wait until the text is painted; one runs at once."""
    scripts = [given for tag, given in page.elements if tag == "script"]
    assert len(scripts) == SCRIPT_ELEMENTS
    held = [n for n, given in enumerate(scripts) if "data-run" in given]
    assert all(scripts[n]["type"] == "text/plain" for n in held)
    assert len(held) == 1 + len(SCRIPTS)
    assert [given for given in scripts if "type" not in given] == [{}]
    assert len(page.scripts[-1]) < 1000


def test_a_page_without_sounds_is_small(html):
    """A plotting library of some megabytes would be found."""
    assert len(html.encode()) < MOST_BYTES


def test_the_policy_allows_exactly_the_pages_own_scripts(page):
    """The hashes in the policy are those of the loader and of the scripts that it runs."""
    sources = [word for word in _policy(page).replace(";", " ").split() if "sha256" in word]
    scripts = [given for tag, given in page.elements if tag == "script"]
    runs = [n for n, given in enumerate(scripts) if given.get("type") != "application/json"]
    expected = [
        f"'sha256-{base64.b64encode(hashlib.sha256(page.scripts[n].encode()).digest()).decode()}'"
        for n in runs
    ]
    assert sorted(sources) == sorted(expected)


def test_every_verdict_is_shown_with_its_sentence(page, hostile_results):
    """Each kind of verdict, and each sentence, is on the page."""
    for bitrate in hostile_results.bitrates:
        assert bitrate.verdict.kind in page.text
        assert " ".join(bitrate.verdict.sentence.split()) in page.text


def test_a_default_that_is_the_best_is_a_result(page):
    """The answer says so, with how many trials that rests on."""
    assert re.search(
        r"At 160 kb/s nothing better than the default was found in 60 trials", page.text
    )


def test_a_bitrate_without_an_answer_says_why(page):
    """The problem is told in the answer and at the bitrate."""
    problem = "The encoder's default cannot spend 8 kb/s: its lowest is 22.4 <kb/s>."
    assert f"At 8 kb/s there is no answer. {problem}" in page.text
    # In the answer, in the table of winners and at the bitrate's finalists.
    assert page.text.count(problem) == 3


def test_the_recommended_command_can_be_copied(page, hostile_results):
    """The winner's command line is quoted for a shell; the default's where nothing won."""
    confirmed, objected = hostile_results.bitrates[:2]
    assert "-aac_coder fast -cutoff_hz 18700" in page.text
    assert "'output $(evil).m4a'" in page.text
    copies = [given["data-text"] for _, given in page.elements if "data-text" in given]
    assert len(copies) == 4 * 4
    assert copies[0].startswith(f"ffmpeg -i input.wav -c:a aac -b:a {confirmed.target_kbps * 1.02}")
    assert objected.winner == 0
    assert page.text.count("Settings to use: the encoder’s defaults") == 3


def test_only_what_is_recommended_has_the_colour_of_success(page, hostile_results):
    """Settings that are not to be used have it neither in the table nor at their bitrate."""
    won = sum(bitrate.winner > 0 for bitrate in hostile_results.bitrates)
    classes = [given.get("class", "").split() for _, given in page.elements]
    coloured = [each for each in classes if "recommended" in each]
    assert coloured == [["confirmed", "recommended"], ["bitrate", "confirmed", "recommended"]]
    assert won == 1


def test_provenance_names_what_made_the_run(page, hostile_results):
    """Command, seed, versions, digests, study and timing are on the page."""
    made = hostile_results.provenance
    for fact in (made.command, made.encoder_digest, made.scorer_version, "optuna 5.0.0"):
        assert fact in page.text
    assert "bitrates_kbps = [64]" in page.text
    assert "6 min 52 s" in page.text
    assert "3312 / 402" in page.text
    for clip in hostile_results.clips:
        assert clip.digest in page.text


def test_notes_and_doubts_are_shown(page, hostile_results):
    """What the reader must know is said under its own heading."""
    section = page.text.split("Caveats")[2]  # the first is the link to it
    assert hostile_results.notes[0] in section
    assert "Zimtohrli disagrees with the quality model (−2.4 versus +3.1 points)" in section


def test_a_run_without_bitrates_or_clips_still_renders(hostile_results, as_runs):
    """An empty run makes a page, not a crash."""
    empty = replace(hostile_results, bitrates=[], clips=[], notes=[])
    page = Page(render(as_runs(empty)))
    assert page.unbalanced == []
    assert "Only 0 held-out clips" in page.text


def test_bits_saved_are_told_beside_the_gain(page):
    """At 64 kb/s the default's curve tells; at the last bitrate it ends."""
    winners = page.text.split("Quality over bitrate")[1]  # from the link to the section
    assert "the default needs" in winners
    assert "beyond the default’s curve (up to 160 kb/s)" in winners


def test_averages_over_the_curves_are_told(page):
    """BD-rate and BD-quality of tuned over default, by each metric."""
    section = page.text.split("Averages over the curves")[1]
    assert section.count("recommended aac over default aac") == 3


def test_one_bitrate_has_no_averages(small_results, as_runs):
    """A curve needs two points, and the page says so."""
    text = Page(render(as_runs(small_results))).text
    assert "BD-rate and BD-quality need at least two bitrates." in text
    assert "needs at least two bitrates" in text


def test_several_runs_share_a_page(rising_results, other_encoder, as_runs):
    """Each encoder has its winners, its doubts and its provenance, and the pair its deltas."""
    page = Page(render(as_runs(rising_results, other_encoder)))
    assert page.unbalanced == []
    ids = [given["id"] for _, given in page.elements if "id" in given]
    assert len(ids) == len(set(ids))
    assert {"r0-b64", "r1-b128"} <= set(ids)
    assert "At 64 kb/s tuned opus sounds best" in page.text
    assert "recommended opus over recommended aac" in page.text
    assert page.text.count("The command of this run.") == 2


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
    assert path.read_text(encoding="utf-8") == render(read_runs([tmp_path]), page=path)
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
