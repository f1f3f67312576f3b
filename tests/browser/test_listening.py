"""Whole listening sessions in headless Chromium: keyboard, mouse, reload, and what is saved."""

import socket
import threading
import time

import numpy as np
import pytest
import uvicorn
from playwright.sync_api import expect

from tuner.listening import Material, make_test, read_plan
from tuner.listening.analysis import analyse
from tuner.listening.answers import read_all_answers, read_answers, store_answer
from tuner.listening.guard import Access
from tuner.listening.invitation import invite
from tuner.listening.plan import REFERENCE
from tuner.listening.plot import write_analysis
from tuner.listening.server import make_app

TOKEN = "wörd&1"
#: A busy machine decodes a page's sounds in seconds, ms.
PATIENCE_MS = 60_000


def make(folder, kind, intro=""):
    rng = np.random.default_rng(0)
    materials = []
    for number in range(2):
        reference = (0.1 * rng.standard_normal((2, 96_000))).astype(np.float32)
        coded = {name: 0.9 * reference for name in ("default", "tuned")}
        materials.append(Material(f"clip {number}", 96.0, reference, coded))
    make_test(
        *(folder, materials), title="Codecs <b>A</b>", baseline="default", kind=kind, intro=intro
    )
    return folder


@pytest.fixture
def serve():
    servers = []

    def start(folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config = uvicorn.Config(
            make_app(folder, Access(TOKEN)), port=port, log_level="error", ws="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        servers.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{port}/?token=w%C3%B6rd%261"

    yield start
    for server, thread in servers:
        server.should_exit = True
        thread.join()


def start(page, address, name="anna"):
    page.goto(address)
    page.fill("#subject", name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#trial:not([hidden])")


def answers(folder, subject):
    return read_answers(folder, read_plan(folder), subject)


def expect_place(page, text):
    expect(page.locator("#place")).to_have_text(text)


def hear_all(page, keys):
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(30)


def test_a_mushra_session_by_keyboard_with_a_reload_in_the_middle(page, serve, tmp_path):
    folder = make(tmp_path / "t", "mushra")
    address = serve(folder)
    start(page, address)
    assert page.text_content("#title") == "Codecs <b>A</b>"
    assert page.is_visible("#training")
    page.keyboard.press("Enter")
    assert page.is_visible("#training"), "a page with nothing heard is not left"

    hear_all(page, "012345")
    for key in "12345":
        page.keyboard.press(key)
        page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect_place(page, "Page 1 of 2")

    hear_all(page, "012345")
    for number, presses in enumerate((["Home"], ["End"], ["PageUp"], ["ArrowLeft"] * 3), start=1):
        page.keyboard.press(str(number))
        for press in presses:
            page.keyboard.press(press)
    page.reload()
    start(page, address)
    assert page.text_content("#place") == "Page 1 of 2"
    shown = page.eval_on_selector_all(".row output", "all => all.map(e => e.textContent)")
    assert shown == ["0", "100", "60", "47", "–"]
    page.keyboard.press("5")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect_place(page, "Page 2 of 2")
    plan = read_plan(folder)
    first = plan.pages("anna")[1]
    given = answers(folder, "anna")[first]["answer"]
    assert [given[s.condition] for s in plan.order("anna", first)] == [0, 100, 60, 47, 0]

    page.reload()
    start(page, address)
    assert page.text_content("#place") == "Page 2 of 2"
    hear_all(page, "012345")
    for key in "12345":
        page.keyboard.press(key)
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#finished:not([hidden])")
    assert set(answers(folder, "anna")) == {"training", "001", "002"}


def test_a_mushra_page_by_mouse(page, serve, tmp_path):
    folder = make(tmp_path / "t", "mushra")
    start(page, serve(folder), "ben")
    for button in page.query_selector_all(".row button"):
        button.click()
    for slider in page.query_selector_all(".row input"):
        box = slider.bounding_box()
        page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2)
    page.click("#next")
    expect_place(page, "Page 1 of 2")
    ratings = answers(folder, "ben")["training"]["answer"].values()
    assert all(70 <= rating <= 80 for rating in ratings)


def test_sounds_stay_in_step_and_one_is_heard(page, serve, tmp_path):
    """After many switches and a new loop, all sources share one start and one gain is 1."""
    start(page, serve(make(tmp_path / "t", "mushra")))
    hear_all(page, "0123451230")
    page.eval_on_selector("#from", "e => { e.value = 0.5; e.dispatchEvent(new Event('change')) }")
    # A switch fades: it is over when one is heard, and no other.
    arrived = """() => { const p = state.player; return [...p.sounds].every(
        ([key, s]) => Math.abs(s.gain.gain.value - (key === p.chosen ? 1 : 0)) < 0.001) }"""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(arrived):
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)
    state = page.evaluate(
        """() => { const p = state.player; return {
            loops: p.sources.map((s) => [s.loopStart, s.loopEnd]),
            position: p.position(), chosen: p.chosen } }"""
    )
    assert state["chosen"] == "reference"
    assert len(state["loops"]) == 6
    assert {tuple(loop) for loop in state["loops"]} == {(1.0, 2.0)}
    assert 1.0 <= state["position"] <= 2.0


#: Plays two sounds, 1 throughout, the one left and the other right; what is heard, as [2, T].
RENDER = """async (apart) => {
  const context = new OfflineAudioContext(2, 48000, 48000);
  const resume = context.resume.bind(context);
  context.resume = () => Promise.resolve();
  const player = new Player({ apart, context });
  for (const side of [0, 1]) {
    const buffer = context.createBuffer(2, 24000, 48000);
    buffer.getChannelData(side).fill(1);
    player.sounds.set(side, { buffer, gain: null });
  }
  [player.duration, player.chosen] = [0.5, 0];
  player.loop(0.1, 0.35);
  await player.play();
  context.suspend(0.12).then(() => { player.choose(1); resume(); });
  const heard = await context.startRendering();
  return [0, 1].map((side) => [...heard.getChannelData(side)]);
}"""


def test_a_switch_is_no_crossfade_and_loops_end_softly(page, serve, tmp_path):
    """BS.1534-3, 5.3: 5 ms down, then 5 ms up, by half a cosine; the same at the loop's ends."""
    page.goto(serve(make(tmp_path / "t", "mushra")))
    left, right = np.array(page.evaluate(RENDER, True))
    assert np.minimum(left, right).max() < 1e-3
    switch = 0.12
    assert left[round((switch - 0.001) * 48_000)] == pytest.approx(1, abs=1e-3)
    assert right[round((switch + 0.012) * 48_000)] == pytest.approx(1, abs=1e-3)
    # In the middle of its fade a half cosine is at one half; blocks of 128 samples shift it.
    halves = [np.flatnonzero(side[4800:8000] < 0.5) for side in (left, 1 - right)]
    assert 0.004 < (halves[1][0] - halves[0][0]) / 48_000 < 0.006
    # It began at 0.02 s, and comes around every 0.25 s.
    for end_s in (0.27, 0.52, 0.77):
        place = round(end_s * 48_000)
        assert right[place - 2 : place + 2].max() < 0.01
        assert right[place - 300] == right[place + 300] == pytest.approx(1, abs=1e-3)
    left, right = np.array(page.evaluate(RENDER, False))
    assert np.minimum(left, right).max() == pytest.approx(0.5, abs=0.05)


def test_an_invited_subject_agrees_rates_and_comments(page, serve, tmp_path):
    """No name is asked for; text is text in the comment, which survives a reload and is stored."""
    folder = make(tmp_path / "t", "mushra", "# Welcome\n\nYou may stop at any time.")
    word = invite(read_plan(folder), "p1")
    address = f"{serve(folder).split('?')[0]}?token={word}"
    page.goto(address)
    expect(page.locator("#intro h1")).to_have_text("Welcome", timeout=PATIENCE_MS)
    expect(page.locator("#name")).to_have_text("p1", timeout=PATIENCE_MS)
    assert page.is_hidden("#subject")
    page.click("form button")
    assert page.is_visible("#welcome") and not (folder / "results").exists()
    page.check("#agree")
    page.click("form button")
    page.wait_for_selector("#trial:not([hidden])", timeout=PATIENCE_MS)
    hear_all(page, "012345")
    page.click("#comment")
    page.keyboard.type("1 b A")
    page.keyboard.press("Enter")
    page.keyboard.type("rings")
    assert page.evaluate("state.player.chosen") == "4", "digits in a comment choose nothing"
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    assert page.evaluate("state.player.chosen") == "0"
    page.reload()
    page.check("#agree")
    page.click("form button")
    page.wait_for_selector("#trial:not([hidden])", timeout=PATIENCE_MS)
    assert page.input_value("#comment") == "1 b A\nrings"
    for key in "12345":
        page.keyboard.press(key)
        page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect_place(page, "Page 1 of 2")
    assert page.input_value("#comment") == ""
    assert page.evaluate("document.querySelector('#progress').value") == 0
    assert answers(folder, "p1")["training"]["comment"] == "1 b A\nrings"
    hear_all(page, "012345")
    for key in "12345":
        page.keyboard.press(key)
        page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect_place(page, "Page 2 of 2")
    assert page.evaluate("document.querySelector('#progress').value") == 0.5


def test_the_analysis_page(browser, tmp_path, axe):
    """Nothing serious for axe; a phone scrolls down only; nothing is asked of any network."""
    folder = make(tmp_path / "t", "mushra")
    plan = read_plan(folder)
    for subject in ("anna", "ben"):
        for name in plan.pages(subject):
            levels = {"reference": 100, "tuned": 80, "default": 60, "anchor70": 40, "anchor35": 20}
            given = [levels[s.condition] for s in plan.order(subject, name)]
            store_answer(folder, plan, subject, name, given, 1.0, "A rings")
    write_analysis(plan, analyse(plan, *read_all_answers(folder, plan)), tmp_path / "a.html")
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "a.html").as_uri())
    assert asked == [(tmp_path / "a.html").as_uri()]
    assert page.locator("figure").count() == 3
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert axe(page) == []
    context.close()


def test_a_lost_server_loses_no_rating(page, serve, tmp_path):
    """The page says so, keeps its sliders, and saves when the server is back."""
    folder = make(tmp_path / "t", "mushra")
    start(page, serve(folder))
    hear_all(page, "012345")
    for key in "12345":
        page.keyboard.press(key)
        page.keyboard.press("End")
    page.evaluate(
        "() => { window.kept = fetch; window.fetch = () => Promise.reject(new Error('gone')) }"
    )
    page.click("#next")
    assert "Not saved yet" in page.text_content("#problem")
    assert page.is_visible("#training")
    page.evaluate("() => { window.fetch = window.kept }")
    page.click("#next")
    expect_place(page, "Page 1 of 2")
    assert page.is_hidden("#problem")
    assert set(answers(folder, "anna")["training"]["answer"].values()) == {100}


def test_a_page_that_cannot_be_loaded_takes_no_ratings(page, serve, tmp_path):
    """The page before is saved once, and its ratings go under no other page's name."""
    folder = make(tmp_path / "t", "mushra")
    address = serve(folder)
    start(page, address)
    hear_all(page, "012345")
    for key in "12345":
        page.keyboard.press(key)
        page.keyboard.press("End")
    page.evaluate(
        """() => { const kept = fetch; window.fetch = (address, ...rest) =>
            address.startsWith("api/audio") ? Promise.reject(new Error("gone"))
            : kept(address, ...rest) }"""
    )
    page.keyboard.press("Enter")
    expect(page.locator("#problem")).to_contain_text("reload")
    page.keyboard.press("Enter")
    page.evaluate("() => next()")
    assert page.is_hidden("#trial")
    start(page, address)
    expect_place(page, "Page 1 of 2")
    assert set(answers(folder, "anna")) == {"training"}


def test_an_abx_session_by_keyboard(page, serve, tmp_path):
    folder = make(tmp_path / "t", "abx")
    start(page, serve(folder))
    for done in range(3):
        hear_all(page, "123")
        page.keyboard.press("b" if done else "a")
        page.keyboard.press("Enter")
        place = f"Page {done + 1} of 2" if done < 2 else ""
        expect_place(page, place)
    stored = answers(folder, "anna")
    assert set(stored) == {"training", "001", "002"}
    plan = read_plan(folder)
    second = plan.order("anna", "002")[1].condition
    assert stored["002"]["answer"]["taken_for"] == second
    assert REFERENCE not in stored["002"]["answer"].values()


def test_a_phone_shows_every_state_without_scrolling_sideways(browser, serve, tmp_path):
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    wide = "document.documentElement.scrollWidth > innerWidth"
    page.goto(serve(make(tmp_path / "t", "mushra")))
    assert not page.evaluate(wide)
    page.fill("#subject", "anna")
    page.click("form button")
    page.wait_for_selector("#trial:not([hidden])")
    assert not page.evaluate(wide)
    small = page.eval_on_selector_all(
        "button, .row input",
        "all => all.filter(e => e.offsetParent && e.getBoundingClientRect().height < 32).length",
    )
    assert small == 0
    context.close()


def test_axe_finds_nothing_serious(page, serve, tmp_path, axe):
    """The greeting, the training page, a page with a rating, and the end."""
    page.goto(serve(make(tmp_path / "t", "mushra")))
    assert axe(page) == []
    page.fill("#subject", "anna")
    page.keyboard.press("Enter")
    page.wait_for_selector("#trial:not([hidden])")
    assert axe(page) == []
    for number in range(3):
        hear_all(page, "012345")
        for key in "12345":
            page.keyboard.press(key)
            page.keyboard.press("Home")
        if number == 1:
            assert axe(page) == []
        place = page.text_content("#place")
        page.keyboard.press("Enter")
        expect(page.locator("#place")).not_to_have_text(place)
    page.wait_for_selector("#finished:not([hidden])")
    assert axe(page) == []
