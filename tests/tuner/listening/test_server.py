"""The server gives what a subject may hear, saves what a subject says, and nothing else."""

import io
import json
import random

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

from tuner.errors import RunError
from tuner.listening.answers import read_answers
from tuner.listening.guard import Access, access_for
from tuner.listening.plan import read_plan
from tuner.listening.server import make_app, read_page

RATINGS = [90, 10, 20, 60, 100]


HERE = "http://127.0.0.1:8765"


@pytest.fixture
def client(folder):
    with TestClient(make_app(folder), base_url=HERE) as client:
        yield client


def post(client, page="001", answer=RATINGS, subject="anna", seconds=4.0):
    body = {"answer": answer, "seconds": seconds}
    return client.post(f"/api/answer/{subject}/{page}", json=body)


def test_the_page_is_self_contained(client):
    response = client.get("/")
    assert response.status_code == 200
    assert "{{" not in response.text
    assert "http://" not in response.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_a_session_tells_letters_and_no_conditions(client):
    session = client.get("/api/session/anna")
    assert [page["training"] for page in session.json()["pages"]] == [True, False, False]
    assert {page["letters"] for page in session.json()["pages"]} == {5}
    for word in ("anchor", "default", "tuned", "flac", "clip"):
        assert word not in session.text


def test_audio_comes_by_letter(client, folder):
    order = read_plan(folder).order("anna", "001")
    for letter, stimulus in enumerate(order):
        response = client.get(f"/api/audio/anna/001/{letter}")
        given = soundfile.read(io.BytesIO(response.content), dtype="int32")[0]
        stored = soundfile.read(folder / stimulus.file, dtype="int32")[0]
        # Of 24 bits, the last one is noise.
        assert np.abs(given - stored).max() == 1 << 8
    assert client.get("/api/audio/anna/001/reference").headers["content-type"] == "audio/wav"


@pytest.mark.parametrize(
    "path",
    [
        "/api/audio/anna/001/9",
        "/api/audio/anna/009/0",
        "/api/audio/anna/001/..%2F..%2Fplan.json",
        "/api/audio/anna/..%2F..%2F/plan.json",
        "/api/audio/anna/%2e%2e/plan.json",
        "/plan.json",
        "/stimuli/",
        "/results/anna.jsonl",
        "/..%2Fplan.json",
    ],
)
def test_other_paths_lead_nowhere(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("subject", ["..", "%2e%2e%2fplan", "a%2Fb", "-x", "a.b", "é", "x" * 41])
def test_hostile_subjects_are_refused_and_write_nothing(client, folder, subject):
    before = sorted(folder.rglob("*"))
    assert client.get(f"/api/session/{subject}").status_code in (404, 422)
    assert post(client, subject=subject).status_code in (404, 405, 422)
    assert sorted(folder.rglob("*")) == before


def test_an_answer_is_stored_by_condition(client, folder):
    assert post(client).json() == {"saved": "001"}
    line = json.loads((folder / "results" / "anna.jsonl").read_text())
    order = [s.condition for s in read_plan(folder).order("anna", "001")]
    assert line["answer"] == dict(zip(order, RATINGS, strict=True))
    assert (line["version"], line["page"], line["order"]) == (1, "001", order)


def test_a_reload_or_a_restart_in_the_middle_loses_nothing(client, folder):
    post(client, "training")
    post(client, "002")
    for again in (client, TestClient(make_app(folder), base_url=HERE)):
        pages = again.get("/api/session/anna").json()["pages"]
        assert {page["name"] for page in pages if page["done"]} == {"training", "002"}
        assert [page["name"] for page in pages] == read_plan(folder).pages("anna")


def test_subjects_are_apart_and_a_second_answer_replaces(client, folder):
    post(client)
    post(client, subject="ben")
    post(client, answer=[0, 0, 0, 0, 7])
    assert len(read_answers(folder, read_plan(folder), "anna")) == 1
    assert 7 in read_answers(folder, read_plan(folder), "anna")["001"]["answer"].values()
    assert 7 not in read_answers(folder, read_plan(folder), "ben")["001"]["answer"].values()


@pytest.mark.parametrize(
    "answer",
    [[1, 2, 3], [*RATINGS, 1], [101, 0, 0, 0, 0], [-1, 0, 0, 0, 0], [1.5, 0, 0, 0, 0],
     ["9", 0, 0, 0, 0], [True, 0, 0, 0, 0], None, {"default": 100}],
)  # fmt: skip
def test_answers_that_are_no_ratings_are_refused(client, folder, answer):
    response = post(client, answer=answer)
    assert response.status_code == 422
    assert response.json()["error"]
    assert not (folder / "results").exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b'{"answer": 1}',
        b" " * 20_000,
        b"[" * 9_000,
        b'{"answer":' * 900,
        b'{"answer": [], "seconds": 1' + b"0" * 400 + b"}",
        b'{"answer": [], "seconds": 1' + b"0" * 9_000 + b"}",
        b'{"answer": [], "seconds": 1e999}',
        b'{"answer": [], "seconds": NaN}',
        b'{"answer": [], "seconds": true}',
        b'{"answer": [], "seconds": "1"}',
        b'{"answer": [], "seconds": -1}',
        b"\xff\xfe\x00",
        b'"\\ud800"',
    ],
)
def test_bodies_that_are_no_answer_are_refused(client, body):
    headers = {"content-type": "application/json"}
    response = client.post("/api/answer/anna/001", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]


def test_a_comment_is_kept_with_its_page(client, folder):
    """Up to 2,000 characters; without one the line says nothing of it."""
    body = {"answer": RATINGS, "seconds": 1}
    client.post("/api/answer/anna/001", json={**body, "comment": "A <rings>\n" + "é" * 1_900})
    client.post("/api/answer/anna/002", json={**body, "comment": ""})
    lines = read_answers(folder, read_plan(folder), "anna")
    assert lines["001"]["comment"].startswith("A <rings>\né")
    assert "comment" not in lines["002"]
    half = json.dumps({**body, "comment": "\ud800"}).encode()
    headers = {"content-type": "application/json"}
    response = client.post("/api/answer/anna/001", content=half, headers=headers)
    assert response.status_code == 422
    for comment in ("x" * 2_001, 5, None, ["x"]):
        response = client.post("/api/answer/anna/001", json={**body, "comment": comment})
        assert response.status_code == 422


def test_bodies_of_any_kind_are_answered(client, folder):
    """400 for what is no answer, 422 for one that does not fit, and never a fault of ours."""
    chance = random.Random(0)
    pieces = [b'{"answer":', b'"seconds":', b"[", b"]", b"}", b"1", b"1e999", b",", b'"\\ud800"',
              b"-", b"null", b"true", b"\xff", b"\x00", b"NaN", b'"', b"{", b" "]  # fmt: skip
    headers = {"content-type": "application/json"}
    for _ in range(300):
        body = b"".join(chance.choices(pieces, k=chance.randrange(12)))
        response = client.post("/api/answer/anna/001", content=body, headers=headers)
        assert response.status_code in (400, 422)
    assert not (folder / "results").exists()


def test_a_form_of_a_foreign_site_is_refused(client):
    body = json.dumps({"answer": RATINGS, "seconds": 1})
    headers = {"content-type": "text/plain"}
    response = client.post("/api/answer/anna/001", content=body, headers=headers)
    assert response.status_code == 400


def test_a_damaged_results_file_is_told_and_kept(client, folder, caplog):
    """To whoever runs the test: listeners learn no names of files."""
    (folder / "results").mkdir()
    (folder / "results" / "anna.jsonl").write_text("{broken\n")
    response = post(client)
    assert response.status_code == 500
    assert "tell the test's organiser" in response.json()["error"]
    assert "anna.jsonl" not in response.text and "anna.jsonl" in caplog.text
    assert (folder / "results" / "anna.jsonl").read_text() == "{broken\n"


def test_every_route_wants_the_token(folder):
    client = TestClient(make_app(folder, Access("wörd&1")), base_url=HERE)
    for path in ("/", "/api/test", "/api/session/anna", "/api/audio/anna/001/0"):
        assert client.get(path).status_code == 403
        assert client.get(path, params={"token": "word"}).status_code == 403
        assert client.get(path, params={"token": "wörd&1"}).status_code == 200
    assert post(client).status_code == 403
    assert not (folder / "results").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "localhost.example"])
def test_other_hosts_need_a_token(host):
    with pytest.raises(RunError, match="--token"):
        access_for(host, None)
    with pytest.raises(RunError, match="--token"):
        access_for(host, "")
    with pytest.raises(RunError, match="--token"):
        access_for("127.0.0.1", None, ["proxy.example"])
    assert access_for(host, "word").token == "word"
    assert access_for("127.0.0.1", None) == Access()


def test_abx_stores_what_x_was_taken_for(abx_folder):
    client = TestClient(make_app(abx_folder), base_url=HERE)
    a, b, x = read_plan(abx_folder).order("anna", "001")
    heard = [client.get(f"/api/audio/anna/001/{n}").content for n in range(3)]
    heard = [soundfile.read(io.BytesIO(sound), dtype="int32")[0] >> 8 for sound in heard]
    assert np.abs(heard[2] - heard[0 if x is a else 1]).max() <= 2
    post(client, answer=1)
    assert read_answers(abx_folder, read_plan(abx_folder), "anna")["001"]["answer"] == {
        "taken_for": b.condition,
        "was": x.condition,
    }
    assert post(client, answer=2).status_code == 422


def test_the_nonce_is_on_every_script_and_style():
    page = read_page("N0NCE")
    assert page.count("<script") == page.count('<script nonce="N0NCE"') == 1
    assert page.count("<style") == page.count('<style nonce="N0NCE"') == 1
