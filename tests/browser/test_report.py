"""The report in headless Chromium: tables, players, keys, copying, and nothing from the network."""

import math
import random
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from tuner.artefacts import ARTEFACTS
from tuner.exhibits import FOLDER, Exhibit, write_index
from tuner.records import (
    Ablation,
    AblationFailed,
    Answer,
    Candidate,
    ClipRecord,
    Estimate,
    Provenance,
    Results,
    SideResult,
    Timing,
    Verdict,
)
from tuner.report import write_page, write_report
from tuner.report.runs import read_runs
from tuner.results import write_results
from tuner.testing import make_trial

#: A page that does nothing is not waited for without end, ms.
PATIENCE_MS = 60_000
SECONDS = 6.0
CLIPS = [
    ClipRecord(f"{n:02x}" * 32, f"clip {n} <b>.flac", side, SECONDS, 2, f"/music/{n}.flac", 0.0)
    for n, side in enumerate(["holdout"] * 4 + ["tune"] * 3)
]
HEARD = CLIPS[0]
DEFAULT = {"cutoff_hz": "auto", "tns": True}
NO_FAULT = {artefact.key: 0.0 for artefact in ARTEFACTS}
ESTIMATE = Estimate(5.0, 2.0, 8.0)


def make_candidate(number):
    """Trial 0 is the default; the tuned one gains 1, 2, 3 … points on its clips."""
    sides = {}
    for name in ("tune", "holdout"):
        digests = [clip.digest for clip in CLIPS if clip.side == name]
        scores = {
            metric: {
                digest: level + number * (place + 1) * sign for place, digest in enumerate(digests)
            }
            for metric, level, sign in (("insenet", 60, 1), ("visqol", 70, -1))
            if metric == "insenet" or name == "holdout"
        }
        sides[name] = SideResult(
            knob=64.0,
            bitrate_kbps=64.0,
            scores=scores,
            spreads=dict.fromkeys(digests, 7.0),
            gains=dict.fromkeys(scores, ESTIMATE),
            windows={digest: [55.0 + number, 65.0] for digest in digests},
            diagnosis={
                digest: {**NO_FAULT, "bandwidth_hz": 12_000.0 + 3000 * number} for digest in digests
            },
        )
    values = {**DEFAULT, "cutoff_hz": 12_000 + 6000 * number}
    return Candidate(number, "abr", values, ["ffmpeg", "-i", "in put.wav", f"{number}.m4a"], sides)


def make_run(folder: Path) -> Path:
    """A finished run of two bitrates with sounds of one clip."""
    rng = random.Random(0)
    trials = [make_trial(0, values=DEFAULT, score=60.0, spread=7.0, passes=2)]
    for number in range(1, 12):
        values = {"cutoff_hz": rng.randrange(8000, 20_000, 500), "tns": number % 2 == 0}
        score = 60 + 4 * math.sin(number)
        trials.append(make_trial(number, values=values, score=score, spread=7.0, passes=2))
    trials[4] = make_trial(4, "pruned", like=trials[4], reason="after 2 of 3 clips it was behind")
    trials[7] = make_trial(7, "infeasible", like=trials[7], reason="no knob <value>")
    bitrates = [
        Answer(
            target_kbps=kbps,
            verdict=Verdict("confirmed", "Confirmed: the gain is +5.0 points."),
            winner=1,
            candidates=[make_candidate(0), make_candidate(1)],
            trials=trials,
            timing=Timing(),
            ablation=[
                Ablation("cutoff_hz", 18_000, "auto", ESTIMATE, 64.0),
                AblationFailed("tns", False, True, "exit code 1"),
            ],
            importance={"cutoff_hz": 0.8, "tns": 0.2},
        )
        for kbps in (64.0, 96.0)
    ]
    provenance = Provenance(
        "tuner run", "", 0, {}, "aac", "ffmpeg 9", "ffmpeg", "0" * 16, "insenet 1", {},
        "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "Linux", None,
    )  # fmt: skip
    (folder / FOLDER).mkdir(parents=True)
    write_results(Results(CLIPS, bitrates, provenance), folder / "results.json")
    noise = np.random.default_rng(0)
    exhibits = []
    for role in ("reference", "default", "tuned"):
        pcm = 0.1 * noise.standard_normal((round(SECONDS * 48_000), 2))
        soundfile.write(folder / FOLDER / f"{role}.wav", pcm, 48_000, subtype="PCM_24")
        exhibits.append(Exhibit(HEARD.digest, 64.0, role, f"{role}.wav", 0.0))
    write_index(exhibits, folder)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("report") / "my run")


@pytest.fixture(scope="module")
def linked(run):
    return write_report(run)


@pytest.fixture(scope="module")
def embedded(run):
    path = run / "embedded.html"
    write_page(read_runs([run]), path, audio="embed")
    return path


def load(page, report):
    """Open a report; returns the list that requests for anything but the report go to."""
    requests = []

    def note(request):
        if not request.url.startswith(("data:", "blob:")):
            requests.append(request.url)

    page.on("request", note)
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-ready]")
    assert requests.pop(0) == report.as_uri()
    return requests


def names(page):
    first_text = "all => all.map((each) => each.firstChild.data)"
    return page.eval_on_selector_all("#clips-table button.open", first_text)


def listen(page):
    """Open the clip that has sounds and wait until they are loaded."""
    page.get_by_role("button", name=f"{HEARD.name} listen").click()
    page.wait_for_selector("#clips-table .player .play:enabled")


def wait_until(page, expression):
    """Poll, as the page's policy forbids what `wait_for_function` does."""
    for _ in range(PATIENCE_MS // 20):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never true: {expression}")


@pytest.fixture(scope="module")
def read_page(browser, linked):
    """The report with a clip opened, for tests that read it: a report takes seconds to load."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    load(page, linked)
    listen(page)
    yield page
    context.close()
    assert problems == []


@pytest.fixture
def opened(read_page):
    """The same, in its first size."""
    yield read_page
    read_page.emulate_media(media="screen")
    read_page.set_viewport_size({"width": 1280, "height": 900})


PLAYER = "document.querySelector('#clips-table .player').player"
#: Whether the gain of sound `s` of name `k` is where its fade leads: one is heard, no other.
ARRIVED = "Math.abs(s.gain.gain.value - (k === {player}.chosen ? 1 : 0)) < 0.001"


def test_clips_are_sorted_by_mouse_and_keyboard(page, linked):
    """Worst gain first; a head sorts, and again turns round; the state is told to readers."""
    load(page, linked)
    shown = page.evaluate("[-0.04, 0.04, -0.05, -1.26, 2].map(signed)")
    assert shown == ["0.0", "0.0", "0.0", "\u22121.3", "+2.0"], "no sign where nothing is shown"
    assert names(page) == [f"clip {n} <b>.flac" for n in range(4)]
    head = page.get_by_role("button", name="Gain, InSE-NET")
    head.click()
    assert names(page) == [f"clip {n} <b>.flac" for n in (3, 2, 1, 0)]
    assert page.locator("#clips-table th[aria-sort]").get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="Gain, ViSQOL").focus()
    page.keyboard.press("Enter")
    assert names(page) == [f"clip {n} <b>.flac" for n in (3, 2, 1, 0)]
    focused = page.evaluate("document.activeElement.textContent")
    assert focused == "Gain, ViSQOL", "a sorted table keeps the focus"
    page.keyboard.press("Space")
    assert names(page) == [f"clip {n} <b>.flac" for n in range(4)]


def test_side_and_run_are_chosen(page, linked):
    """The tuning clips; the other bitrate, which has no sounds."""
    load(page, linked)
    page.get_by_role("button", name="Gain, ViSQOL").click()
    page.get_by_label("Tuning clips").check()
    assert names(page) == [f"clip {n} <b>.flac" for n in (4, 5, 6)]
    heads = page.locator("#clips-table thead").inner_text()
    assert "Gain, InSE-NET" in heads and "ViSQOL" not in heads, "judges hear held-out clips only"
    page.get_by_label("Held-out clips").check()
    assert page.locator("#clips-table button.open small").count() == 1
    page.select_option("#clips-view", "aac, 96 kb/s")
    assert page.locator("#clips-table button.open small").count() == 0


def test_a_clip_opens_to_what_is_known_of_it(page, linked):
    """Diagnosis, quality over time, spectrograms; and closes again."""
    load(page, linked)
    listen(page)
    panel = page.locator("#clips-table .panel")
    assert "Bandwidth 12.0 to 15.0 kHz." in panel.text_content()
    assert panel.locator(".over-time line.span").count() == 4
    shown = panel.locator("img").evaluate_all("all => all.map((image) => image.naturalWidth)")
    assert len(shown) == 5 and min(shown) > 100
    button = page.locator("#clips-table button.open").first
    assert button.get_attribute("aria-expanded") == "true"
    button.click()
    assert panel.count() == 0 and button.get_attribute("aria-expanded") == "false"


@pytest.mark.parametrize("report", ["linked", "embedded"])
def test_players_switch_on_the_same_sample(page, request, report, run):
    """All three play in step, one is heard; a switch moves nothing but gains."""
    requests = load(page, request.getfixturevalue(report))
    listen(page)
    page.keyboard.press("Tab")
    page.locator("#clips-table .play").click()
    wait_until(page, f"{PLAYER}.position() > 0.1")
    # It comes around after some seconds, so where it is says less than since when it runs.
    started = page.evaluate(f"{PLAYER}.startedAt")
    for key in "123121":
        page.keyboard.press(key)
    only_one = f"[...{PLAYER}.sounds].every(([k, s]) => {ARRIVED.format(player=PLAYER)})"
    wait_until(page, only_one)
    state = page.evaluate(
        f"""() => {{ const p = {PLAYER}; return {{
            sources: p.sources.length, chosen: p.chosen, started: p.startedAt }} }}"""
    )
    assert state == {"chosen": "reference", "sources": 3, "started": started}
    pressed = page.locator("#clips-table .choice[aria-pressed=true]")
    assert pressed.text_content() == "1 Reference"
    folder = (run / FOLDER).as_uri()
    beside = [f"{folder}/{role}.wav.js" for role in ("default", "reference", "tuned")]
    assert sorted(requests) == (beside if report == "linked" else [])


def test_linked_and_embedded_sounds_are_the_same(page, linked, embedded, run):
    """To the sample, as long as the file; which other programs open from a link."""
    decoded = f"[...{PLAYER}.sounds].map(([key, sound]) => [key, sound.buffer.length," + (
        " [...sound.buffer.getChannelData(1).slice(-50)]])"
    )
    heard = []
    for report in (linked, embedded):
        load(page, report)
        listen(page)
        heard.append(page.evaluate(decoded))
        links = page.locator("#clips-table .player a")
        if report == linked:
            targets = links.evaluate_all("all => all.map((link) => link.href)")
    assert heard[0] == heard[1]
    assert [length for _, length, _ in heard[0]] == [round(SECONDS * 48_000)] * 3
    assert links.count() == 0
    roles = ("reference", "default", "tuned")
    assert targets == [(run / FOLDER / f"{role}.wav").as_uri() for role in roles]


@pytest.mark.parametrize("report", ["linked", "embedded"])
def test_space_loop_and_seek(page, request, report):
    """Space plays and pauses; a window loops; a press on a spectrogram seeks."""
    load(page, request.getfixturevalue(report))
    listen(page)
    page.locator("#clips-table .panel .sentence").click()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(" ")
    wait_until(page, f"{PLAYER}.playing && {PLAYER}.position() > 0.05")
    expect(page.locator("#clips-table .play")).to_have_text("Pause")
    page.keyboard.press(" ")
    assert not page.evaluate(f"{PLAYER}.playing")
    page.locator("#clips-table .player select").select_option("Loop 3.0 to 6.0 s")
    assert 3.0 <= page.evaluate(f"{PLAYER}.position()") < 3.5
    frame = page.locator("#clips-table .frame").first
    box = frame.bounding_box()
    frame.click(position={"x": 0.75 * box["width"], "y": 20})
    assert page.evaluate(f"{PLAYER}.position()") == pytest.approx(4.5, abs=0.1)
    page.evaluate(f"{PLAYER}.seek(5.95)")
    page.locator("#clips-table .play").click()
    wait_until(page, f"{PLAYER}.position() > 3.0 && {PLAYER}.position() < 5.0")


def test_dragging_picks_a_loop_and_the_position_is_told(opened):
    """On the waveform or a spectrogram; the choice is named, and seconds are read out."""
    page = opened
    wave = page.locator("#clips-table .waveform .frame")
    box = wave.bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 12, steps=4)
    page.mouse.up()
    chosen = page.locator("#clips-table .player select option:checked")
    expect(chosen).to_have_text("Loop 1.50 to 3.00 s")
    assert page.evaluate(f"[{PLAYER}.from, {PLAYER}.to]") == pytest.approx([1.5, 3.0], abs=0.03)
    expect(page.locator("#clips-table .clock")).to_contain_text("of 6.00 s")
    page.locator("#clips-table .player select").select_option("Loop the whole clip")
    assert page.evaluate(f"[{PLAYER}.from, {PLAYER}.to]") == pytest.approx([0, 6], abs=0.01)


def test_spectrograms_have_axes_units_and_colour_bars(opened):
    """Seconds below, kilohertz at the side, decibels for the colours; round scores."""
    page = opened
    picture = page.locator("#clips-table .picture").first
    assert picture.locator(".frequency-axis").text_content() == "24 kHz16 kHz8 kHz0 kHz"
    assert picture.locator(".time-axis").text_content() == "0 s1 s2 s3 s4 s5 s6 s"
    bars = page.locator("#clips-table .colour-bar")
    assert "−90 dB" in bars.nth(0).text_content() and "+12 dB" in bars.nth(1).text_content()
    ticks = page.locator("#clips-table .over-time text[text-anchor=end]").all_text_contents()
    assert ticks == ["55", "60", "65"]


def test_sections_are_linked(opened):
    """The head's links and those beside the headings lead to sections that are there."""
    page = opened
    targets = page.locator("nav.sections a, h2 .anchor").evaluate_all(
        "all => all.map((link) => link.getAttribute('href'))"
    )
    assert len(targets) >= 13
    assert all(page.locator(target).count() == 1 for target in targets)
    page.locator("nav.sections a", has_text="Provenance").click()
    expect(page.locator("#provenance")).to_be_in_viewport()


def test_copy_buttons_are_whole_at_1400_pixels(opened):
    """None lies beyond the edge of the table that scrolls."""
    page = opened
    page.set_viewport_size({"width": 1400, "height": 900})
    page.eval_on_selector("#details details.bitrate", "first => { first.open = true }")
    clipped = page.locator("#details .finalists button.copy").evaluate_all(
        """all => all.filter((button) => {
            const own = button.getBoundingClientRect();
            const scroll = button.closest(".scroll").getBoundingClientRect();
            return own.width && (own.right > scroll.right + 1 || own.left < scroll.left - 1);
        }).length"""
    )
    assert clipped == 0


def test_links_are_styled(opened):
    """Files are links of the page's own colour, not the browser's blue."""
    page = opened
    colours = page.evaluate(
        """[getComputedStyle(document.querySelector("#clips-table .player a")).color,
            getComputedStyle(document.querySelector("#clips-table button.open")).color]"""
    )
    assert colours[0] == colours[1]


def test_a_missing_sound_is_told(browser, run, tmp_path):
    """A report that was moved without its run says so and shows the rest."""
    moved = tmp_path / "report.html"
    moved.write_bytes(write_report(run).read_bytes())
    context = browser.new_context()
    page = context.new_page()
    load(page, moved)
    page.get_by_role("button", name=f"{HEARD.name} listen").click()
    status = page.locator("#clips-table [role=status]")
    expect(status).to_contain_text("--audio embed")
    assert page.locator("#clips-table .play").is_disabled()
    assert page.locator("#clips-table .figures").count() == 2
    context.close()


def test_what_mattered_is_drawn(page, linked):
    """Bars of importance and ablation, the history, a slice for each parameter, reasons."""
    load(page, linked)
    assert page.locator("#importance tr").count() == 2
    assert page.locator("#ablation tr").count() == 2
    assert "exit code 1" in page.locator("#ablation").text_content()
    page.wait_for_selector("#search-history > svg .trace")
    titles = page.locator("#slices .xtitle")
    assert titles.all_text_contents() == ["cutoff_hz", "tns"]
    # An optional number: its word stands left of its numbers.
    ticks = page.locator("#slices .slice").first.locator(".tick").all_text_contents()
    assert "auto" in ticks and ticks.index("auto") < ticks.index("10000")
    marks = page.locator("#slices .slice").first.locator(".mark")
    left = [marks.nth(n).bounding_box()["x"] for n in range(marks.count())]
    assert left[0] < min(left[1:]) - 20
    page.get_by_text("Pruned, infeasible and failed trials").click()
    rows = page.locator("#ruled-out tbody tr")
    assert rows.count() == 2
    assert "no knob <value>" in rows.nth(1).text_content()


def test_a_mark_tells_its_trial(page, linked):
    """The nearest to the pointer, as plain text; none when the pointer is away from all."""
    load(page, linked)
    # Best so far, complete, pruned and, fourth, the infeasible trial 7.
    mark = page.locator("#search-history > svg .trace").nth(3).locator(".mark")
    mark.hover(force=True)
    tip = page.locator("#search-history .tip")
    expect(tip).to_contain_text("trial 7, infeasible\nno knob <value>")
    page.locator("h1").hover()
    expect(tip).to_be_hidden()


def test_curves_are_toggled(page, linked):
    """Another metric, and without the default's curve."""
    load(page, linked)
    page.wait_for_selector("#quality-chart > svg .trace")
    title = page.locator("#quality-chart .ytitle")
    assert "InSE-NET" in title.text_content()
    lines = page.locator("#quality-chart > svg .trace").count()
    page.get_by_label("ViSQOL").check()
    expect(title).to_contain_text("ViSQOL")
    page.locator("#curve-parts input[value=default]").uncheck()
    assert page.locator("#quality-chart > svg .trace").count() < lines


def test_a_command_is_copied(page, linked):
    load(page, linked)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#winners button.copy").first.click()
    expect(page.locator("#winners button.copy").first).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "ffmpeg -i 'in put.wav' 1.m4a"


def test_axe_finds_nothing_serious(opened, axe):
    """With a clip and every list opened."""
    page = opened
    page.eval_on_selector_all("details", "all => all.forEach((each) => { each.open = true })")
    assert axe(page) == []


def test_a_phone_scrolls_down_only(browser, linked):
    # Loaded at its size: charts are drawn once.
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    load(page, linked)
    listen(page)
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    context.close()


def test_nothing_is_cut_off_on_paper(browser, linked):
    """A4 with the page's margins; every list opened, a clip, too."""
    context = browser.new_context(viewport={"width": 688, "height": 1000})
    page = context.new_page()
    load(page, linked)
    listen(page)
    page.eval_on_selector_all("details", "all => all.forEach((each) => { each.open = true })")
    page.emulate_media(media="print")
    beyond = """all => all.filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
        .map((each) => each.outerHTML.slice(0, 120))"""
    assert page.eval_on_selector_all("main table, main td, main th, main pre", beyond) == []
    context.close()
