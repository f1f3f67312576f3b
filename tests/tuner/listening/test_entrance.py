"""Nobody's answer is accepted before the questions and the volume."""

import pytest
from starlette.testclient import TestClient

from tuner.listening.server import make_app

BODY = {"answer": [1, 2, 3, 4, 5], "seconds": 1}
REPLIES = {"gear": "headphones", "age": 40}


@pytest.fixture
def client(asked_folder):
    with TestClient(make_app(asked_folder), base_url="http://127.0.0.1") as client:
        yield client


def step(client, step, body):
    return client.post(f"/api/step/anna/{step}", json=body)


def test_steps_open_the_test_one_after_another(client):
    def missing():
        return client.get("/api/session/anna").json()["missing"]

    assert missing() == ["questions", "volume"]
    refused = client.post("/api/answer/anna/001", json=BODY)
    assert refused.status_code == 422 and "questions, volume" in refused.json()["error"]
    assert step(client, "questions", {"replies": REPLIES}).status_code == 200
    assert missing() == ["volume"]
    assert client.post("/api/answer/anna/001", json=BODY).status_code == 422
    assert step(client, "volume", {"set": False}).status_code == 200
    assert missing() == []
    assert client.post("/api/answer/anna/001", json=BODY).status_code == 200
    assert client.get("/api/session/ben").json()["missing"] == ["questions", "volume"]


def test_the_browser_learns_what_to_ask(client):
    test = client.get("/api/test").json()
    assert [each["id"] for each in test["questions"]] == ["gear", "age", "room"]
    assert test["tone"]["level_db"] == -6.0


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("questions", {"replies": {"gear": "trumpet", "age": 40}}, 422),
        ("questions", {}, 422),
        ("questions", [], 400),
        ("volume", {}, 422),
        ("dance", {}, 422),
    ],
)
def test_what_does_not_fit_is_refused(client, asked_folder, name, body, status):
    assert step(client, name, body).status_code == status
    assert not (asked_folder / "results").exists()
