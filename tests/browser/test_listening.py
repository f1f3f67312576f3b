"""Whole listening sessions in headless Chromium: keyboard, mouse, reload, and what is saved."""

import re
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
from tuner.listening.plan import REFERENCE, Question
from tuner.listening.plot import write_analysis
from tuner.listening.questions import read_replies
from tuner.listening.server import make_app
from tuner.listening.volume import read_volume

TOKEN = "wörd&1"
#: A busy machine decodes a page's sounds in seconds, ms.
PATIENCE_MS = 60_000


QUESTIONS = (
    Question("gear", "With what?", ("headphones", "loudspeakers")),
    Question("age", "How old?", range=(16, 99)),
    Question("room", "Which room?", required=False),
)


def make(folder, kind, intro="", **more):
    rng = np.random.default_rng(0)
    materials = []
    for number in range(2):
        reference = (0.1 * rng.standard_normal((2, 96_000))).astype(np.float32)
        coded = {name: 0.9 * reference for name in ("default", "tuned")}
        materials.append(Material(f"clip {number}", 96.0, reference, coded))
    make_test(
        *(folder, materials),
        title="Codecs <b>A</b>",
        baseline="default",
        kind=kind,
        intro=intro,
        **more,
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


def drag(page, xs, y):
    """Press at the first of two places, move, release at the second."""
    page.mouse.move(xs[0], y)
    page.mouse.down()
    page.mouse.move(sum(xs) / 2, y, steps=3)
    page.mouse.move(xs[1], y, steps=3)
    page.mouse.up()


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
    box = page.locator("#wave").bounding_box()
    drag(page, (box["x"] + box["width"] / 2, box["x"] + 2 * box["width"]), box["y"] + 30)
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


LOOP = "[state.player.from, state.player.to]"


def test_a_loop_is_dragged_and_its_edges_moved(page, serve, tmp_path):
    """A drag loops, a click seeks, outside the loop it ends it; the chosen version plays on."""
    start(page, serve(make(tmp_path / "t", "mushra")))
    page.keyboard.press("2")
    box = page.locator("#wave").bounding_box()
    y = box["y"] + 30

    def x(seconds):
        return box["x"] + seconds / 2 * box["width"]

    drag(page, (x(1.5), x(0.5)), y)
    assert page.evaluate(LOOP) == pytest.approx([0.5, 1.5], abs=0.01)
    expect(page.locator("#span")).to_have_text("Loop 0.5 to 1.5 s")
    drag(page, (x(1.5), x(1.2)), y)
    assert page.evaluate(LOOP) == pytest.approx([0.5, 1.2], abs=0.01)
    drag(page, (x(0.5), x(1.1)), y)
    assert page.evaluate(LOOP) == pytest.approx([0.7, 1.2], abs=0.01), "half a second at least"
    assert page.evaluate("state.player.playing && state.player.chosen") == "1"
    page.keyboard.press(" ")
    page.mouse.click(x(1.0), y)
    assert page.evaluate("state.player.position()") == pytest.approx(1.0, abs=0.01)
    assert page.evaluate(LOOP) == pytest.approx([0.7, 1.2], abs=0.01)
    page.mouse.click(x(1.8), y)
    assert page.evaluate(LOOP) == [0, 2] and page.is_hidden("#whole")
    assert page.evaluate("state.player.position()") == pytest.approx(1.8, abs=0.01)


def test_a_loop_by_keyboard(page, serve, tmp_path):
    start(page, serve(make(tmp_path / "t", "mushra")))
    page.focus("#head")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("i")
    assert page.evaluate(LOOP) == pytest.approx([0.4, 2], abs=0.01)
    page.keyboard.press(".")
    page.keyboard.press("o")
    assert page.evaluate(LOOP) == pytest.approx([0.4, 1.4], abs=0.01)
    page.focus("#to")
    page.keyboard.press("ArrowLeft")
    page.focus("#from")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(LOOP) == pytest.approx([0.5, 1.3], abs=0.01)
    assert page.get_attribute("#from", "aria-valuetext") == "0.5 s"
    page.keyboard.press("l")
    assert page.evaluate(LOOP) == [0, 2]


def test_the_waveform_is_drawn(page, serve, tmp_path):
    """Loud noise between silences is seen as such, and drawn again at another width."""
    folder = tmp_path / "t"
    reference = np.zeros((1, 96_000), np.float32)
    reference[:, 24_000:72_000] = 0.2 * np.random.default_rng(0).standard_normal(48_000)
    material = Material("clip", 96.0, reference, {"default": 0.9 * reference})
    make_test(folder, [material], title="T", baseline="default")
    start(page, serve(folder))
    heights = """() => { const c = document.querySelector("#wave canvas"), p = c.getContext("2d");
        return [0.1, 0.3, 0.6, 0.9].map((share) => {
            const x = Math.round(share * c.width);
            const d = p.getImageData(x, 0, 6, c.height - 24).data;
            let rows = 0;
            for (let y = 0; y < c.height - 24; y += 1)
                rows += [0, 1, 2, 3, 4, 5].some((n) => d[(6 * y + n) * 4 + 3] > 0) ? 1 : 0;
            return rows; }) }"""
    for width in (1280, 700):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        quiet, loud, louder, silent = page.evaluate(heights)
        assert max(quiet, silent) <= 4 and min(loud, louder) > 40


def test_a_finger_loops_rates_and_scrolls(browser, serve, tmp_path):
    """Touch: a drag across the waveform loops, one down it scrolls; a tap on a slider rates."""
    context = browser.new_context(viewport={"width": 390, "height": 700}, has_touch=True)
    page = context.new_page()
    start(page, serve(make(tmp_path / "t", "mushra")))
    touch = context.new_cdp_session(page)
    box = page.locator("#wave").bounding_box()

    def swipe(*places):
        for kind, place in zip(("touchStart", *["touchMove"] * 9), places, strict=False):
            points = [{"x": place[0], "y": place[1]}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    y = box["y"] + 40
    swipe(*[(box["x"] + share * box["width"], y) for share in (0.25, 0.4, 0.6, 0.75)])
    assert page.evaluate(LOOP) == pytest.approx([0.5, 1.5], abs=0.05)
    edge = box["x"] + 0.75 * box["width"]
    swipe((edge + 20, y), (edge + 10, y), (edge - 0.125 * box["width"], y))
    assert page.evaluate(LOOP) == pytest.approx([0.5, 1.25], abs=0.05), "an edge has 44 px"
    x = box["x"] + 0.5 * box["width"]
    swipe(*[(x, y - 20 * n) for n in range(6)])
    page.wait_for_timeout(300)
    assert page.evaluate("scrollY") > 30
    assert page.evaluate(LOOP) == pytest.approx([0.5, 1.25], abs=0.05)
    page.evaluate("scrollTo(0, 0)")
    slider = page.locator(".row input").first.bounding_box()
    page.touchscreen.tap(slider["x"] + 0.8 * slider["width"], slider["y"] + slider["height"] / 2)
    expect(page.locator(".row output").first).to_have_text(re.compile("^8[2-5]$"))
    assert page.evaluate("state.player.chosen") == "0"
    sizes = page.eval_on_selector_all(
        "button, .row input, textarea",
        "all => all.filter(e => e.offsetParent).map(e => e.getBoundingClientRect().height)",
    )
    assert min(sizes) >= 44
    context.close()


def test_questions_and_the_volume_come_first(page, serve, tmp_path, axe):
    """What is required is asked for; replies are stored; the tone is a sine of its level."""
    folder = make(tmp_path / "t", "mushra", questions=QUESTIONS, tone_db=-6.0)
    address = serve(folder)
    plan = read_plan(folder)
    page.goto(address)
    page.fill("#subject", "anna")
    page.click("#begin")
    page.wait_for_selector("#questions:not([hidden])")
    assert axe(page) == []
    page.click("#asked button")
    assert page.is_visible("#questions"), "a required question is open"
    page.get_by_label("loudspeakers").check()
    page.fill("[name=age]", "40")
    page.click("#asked button")
    page.wait_for_selector("#volume:not([hidden])")
    assert read_replies(folder, plan, "anna") == {"gear": "loudspeakers", "age": 40}
    expect(page.locator("#level")).to_contain_text("6 dB quieter")
    page.click("#volume-set", force=True)
    assert page.is_visible("#volume"), "the tone was not heard"
    expect(page.locator("#problem")).to_have_text("Play the tone first.")
    page.click("#tone")
    expect(page.locator("#tone")).to_have_text("Stop the tone")
    assert axe(page) == []
    page.click("#volume-set")
    page.wait_for_selector("#trial:not([hidden])")
    assert read_volume(folder, "anna") == (True,)
    page.reload()
    start(page, address)
    assert read_volume(folder, "anna") == (True,), "a reload changes no volume"


#: Renders the tone and stops it; its samples.
TONE = """async (peak) => {
  const context = new OfflineAudioContext(1, 48000, 48000);
  const resume = context.resume.bind(context);
  context.resume = () => Promise.resolve();
  const tone = new ToneGenerator(context, peak);
  await tone.start();
  context.suspend(0.8).then(() => { tone.stop(); resume(); });
  return [...(await context.startRendering()).getChannelData(0)];
}"""


def test_the_tone_is_a_sine_of_1_khz_at_its_level(page, serve, tmp_path):
    page.goto(serve(make(tmp_path / "t", "mushra")))
    heard = np.array(page.evaluate(TONE, -23.0))
    steady = heard[4800:33_600]
    assert 20 * np.log10(np.abs(steady).max()) == pytest.approx(-23, abs=0.01)
    spectrum = np.abs(np.fft.rfft(steady))
    peak = 1000 * len(steady) // 48_000
    assert spectrum.argmax() == peak and np.delete(spectrum, peak).max() < 1e-3 * spectrum[peak]
    assert np.abs(heard[42_000:]).max() == 0
    assert np.abs(np.diff(heard)).max() < 0.01, "it begins and ends without a click"


def test_an_invited_subject_resumes_on_another_device(browser, serve, tmp_path):
    """The address carries who it is: what was agreed, replied and saved is not asked for again."""
    folder = make(tmp_path / "t", "mushra", "# Hello", questions=QUESTIONS[:1], tone_db=0.0)
    plan = read_plan(folder)
    address = f"{serve(folder).split('?')[0]}?token={invite(plan, 'p7')}"
    for done in (0, 2):
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        expect(page.locator("#name")).to_have_text("p7")
        if not done:
            page.check("#agree")
        else:
            expect(page.locator("#back")).to_have_text("1 of 2 pages are done.")
        page.click("#begin")
        if not done:
            page.get_by_label("headphones").check()
            page.click("#asked button")
        page.wait_for_selector("#volume:not([hidden])")
        page.click("#skip-volume")
        page.wait_for_selector("#trial:not([hidden])")
        expect_place(page, "Page 2 of 2" if done else "Training")
        for name in plan.pages("p7")[:2]:
            store_answer(folder, plan, "p7", name, [1, 2, 3, 4, 5], 1.0)
        context.close()
    assert read_volume(folder, "p7") == (False, False)


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
    page.click("#begin")
    assert page.is_visible("#welcome") and not (folder / "results").exists()
    page.check("#agree")
    page.click("#begin")
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
    expect(page.locator("#name")).to_have_text("p1")
    expect(page.locator("#consent")).to_be_hidden()
    page.click("#begin")
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
        place = f"Page {done + 1} of 2" if done < 2 else "Finished"
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
    page.click("#begin")
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
