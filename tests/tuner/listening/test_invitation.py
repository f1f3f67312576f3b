"""An invitation lets its holder answer under one name, and nobody else make another."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from tuner.errors import RunError
from tuner.listening.guard import Access, access_for
from tuner.listening.invitation import find_invited, invite
from tuner.listening.plan import read_plan
from tuner.listening.server import make_app

INVITED = Access(only_invited=True)


def ask(folder, token, path, access=INVITED, method="GET", **more):
    with TestClient(make_app(folder, access), base_url="http://127.0.0.1") as client:
        return client.request(method, path, params={"token": token} if token else {}, **more)


def test_a_word_is_good_for_one_name_and_one_test(folder):
    plan = read_plan(folder)
    word = invite(plan, "anna")
    assert find_invited(plan, word) == "anna"
    other = replace(plan, secret="another")
    for wrong in ("", "anna", "anna.", f"ben.{word.split('.')[1]}", word[:-1], word + "0", "a/b.é"):
        assert find_invited(plan, wrong) is None
    assert find_invited(other, word) is None


def test_a_test_without_secret_invites_nobody(folder):
    plan = replace(read_plan(folder), secret="", version=1)
    with pytest.raises(RunError, match="make it again"):
        invite(plan, "anna")
    assert find_invited(plan, "anna.") is None


def test_who_is_invited_answers_for_nobody_else(folder):
    """The page is told the name; another one's session, sounds and answers are refused."""
    word = invite(read_plan(folder), "anna")
    assert ask(folder, word, "/api/test").json()["invited"] == "anna"
    assert ask(folder, word, "/api/session/anna").status_code == 200
    assert ask(folder, word, "/api/audio/anna/001/0").status_code == 200
    body = {"answer": [1, 2, 3, 4, 5], "seconds": 1}
    for path in ("/api/session/ben", "/api/audio/ben/001/0"):
        assert ask(folder, word, path).status_code == 403
    for path in ("/api/answer/ben/001", "/api/step/ben/consent"):
        assert ask(folder, word, path, method="POST", json=body).status_code == 403
    assert not (folder / "results").exists()
    assert ask(folder, word, "/api/answer/anna/001", method="POST", json=body).status_code == 200


def test_only_the_invited_get_in(folder):
    """With a general token beside, that one too, under any name."""
    for token in (None, "", "anna", "anna.123"):
        assert ask(folder, token, "/api/session/anna").status_code == 403
    both = Access("word", only_invited=True)
    assert ask(folder, "word", "/api/session/ben", both).status_code == 200
    assert ask(folder, "word", "/api/test", both).json()["invited"] is None


def test_invitations_are_enough_beyond_this_machine():
    assert access_for("0.0.0.0", None, only_invited=True).only_invited
