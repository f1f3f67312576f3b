"""What browser tests share: headless Chromium, pages without errors, and axe."""

from __future__ import annotations

import shutil

import pytest
from axe_playwright_python.sync_playwright import DEFAULT_OPTIONS, Axe
from playwright.sync_api import expect, sync_playwright

#: The longest wait for what a page does: a busy machine takes its time, ms.
PATIENCE_MS = 60_000
#: axe's rules that a colour scheme can break.
COLOURS = {**DEFAULT_OPTIONS, "runOnly": ["color-contrast", "link-in-text-block"]}
FLAGS = [
    # As root in a container there is neither a sandbox, nor a GPU, nor a hand that starts sounds.
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    # It calls nobody, beside what Playwright switches off by itself.
    "--disable-sync",
    "--disable-quic",
]


@pytest.fixture(scope="module")
def browser(lacking):
    chromium = shutil.which("chromium")
    if chromium is None:
        lacking("chromium")
    with sync_playwright() as driver:
        expect.set_options(timeout=PATIENCE_MS)
        opened = driver.chromium.launch(executable_path=chromium, args=FLAGS, timeout=PATIENCE_MS)
        opened.new_context = _patient(opened.new_context)
        yield opened
        opened.close()


def _patient(make):
    """What opens contexts, whose pages wait for what must happen as long as it takes."""

    def make_patiently(**options):
        context = make(**options)
        context.set_default_timeout(PATIENCE_MS)
        return context

    return make_patiently


@pytest.fixture
def page(browser):
    """A page that must stay without errors; `requests` holds the addresses that it asked for."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    problems = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    yield opened
    context.close()
    assert problems == []


@pytest.fixture
def axe():
    """Runs axe on a page; returns its violations of serious and critical kind, shortly told.

    All rules in the light scheme, and in the dark one those of colours: the rest is the same.
    """

    def check(page):
        found = []
        for scheme, options in (("light", DEFAULT_OPTIONS), ("dark", COLOURS)):
            page.emulate_media(color_scheme=scheme)
            found += Axe().run(page, options=options).response["violations"]
        page.emulate_media(color_scheme="light")
        return [
            f"{each['id']} ({each['impact']}): {node['html'][:160]}"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]

    return check
