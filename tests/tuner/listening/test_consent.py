"""What is read before a test, and that nobody's answer is taken who has not agreed to it."""

import json
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from tuner.errors import RunError
from tuner.listening.consent import has_consented, read_intro, render_intro, store_consent
from tuner.listening.plan import read_plan, write_plan
from tuner.listening.server import make_app

BODY = {"answer": [1, 2, 3, 4, 5], "seconds": 1}


@pytest.fixture
def client(intro_folder):
    with TestClient(make_app(intro_folder), base_url="http://127.0.0.1") as client:
        yield client


def test_no_answer_without_consent(client, intro_folder):
    """Then it is kept, with what was agreed to."""
    assert client.get("/api/session/anna").json()["missing"] == ["consent"]
    refused = client.post("/api/answer/anna/001", json=BODY)
    assert refused.status_code == 422 and "consent" in refused.json()["error"]
    assert not (intro_folder / "results").exists()
    assert client.post("/api/step/anna/consent", json={}).status_code == 200
    assert client.get("/api/session/anna").json()["missing"] == []
    assert client.post("/api/answer/anna/001", json=BODY).status_code == 200
    kept = json.loads((intro_folder / "results" / "anna.consent.json").read_text())
    assert kept["subject"] == "anna" and len(kept["intro_sha256"]) == 64
    assert client.get("/api/session/ben").json()["missing"] == ["consent"]


def test_another_text_is_another_consent(intro_folder):
    plan = read_plan(intro_folder)
    store_consent(intro_folder, plan, "anna")
    changed = replace(plan, intro=plan.intro + "More.")
    assert has_consented(intro_folder, plan, "anna")
    assert not has_consented(intro_folder, changed, "anna")


def test_a_test_without_text_asks_for_nothing(folder):
    assert has_consented(folder, read_plan(folder), "anna")


def test_a_damaged_consent_is_an_error(intro_folder):
    store_consent(intro_folder, read_plan(intro_folder), "anna")
    (intro_folder / "results" / "anna.consent.json").write_text("[]")
    with pytest.raises(RunError, match=r"anna\.consent\.json"):
        has_consented(intro_folder, read_plan(intro_folder), "anna")


def test_markdown_is_rendered_and_html_is_text(client, intro_folder):
    page = client.get("/").text
    assert "<h1>Welcome</h1>" in page and 'href="https://lab.example"' in page
    assert "&lt;b&gt;stop&lt;/b&gt;" in page
    plan = replace(
        read_plan(intro_folder), intro="![x](https://a.example/x.png) {{nonce}} <script>"
    )
    write_plan(plan, intro_folder)
    page = render_intro(plan)
    assert "<img" not in page and "<script" not in page
    with TestClient(make_app(intro_folder), base_url="http://127.0.0.1") as again:
        assert "{{nonce}}" in again.get("/").text


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff", b"x" * 50_001])
def test_texts_that_cannot_be_shown_are_refused(tmp_path, content):
    (tmp_path / "intro.md").write_bytes(content)
    with pytest.raises(RunError, match=r"intro\.md"):
        read_intro(tmp_path / "intro.md")
    with pytest.raises(RunError, match=r"none\.md"):
        read_intro(tmp_path / "none.md")
