"""Every byte that a browser gets: nothing in it tells which version is which."""

import hashlib
import io
import json

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

from tuner.listening.plan import read_plan
from tuner.listening.server import make_app
from tuner.listening.stimuli import make_test

HERE = "http://127.0.0.1:8765"


def listen(folder, subject="anna"):
    """All that a browser gets in a whole test: words, and page -> letter -> sound."""
    plan = read_plan(folder)
    with TestClient(make_app(folder), base_url=HERE) as client:
        words = [client.get("/"), client.get(f"/api/session/{subject}"), client.get("/api/test")]
        sounds = {}
        for page in words[1].json()["pages"]:
            letters = [*map(str, range(page["letters"])), "reference"]
            sounds[page["name"]] = {
                letter: client.get(f"/api/audio/{subject}/{page['name']}/{letter}")
                for letter in letters
            }
            answer = 0 if plan.kind == "abx" else [50] * page["letters"]
            address = f"/api/answer/{subject}/{page['name']}"
            words.append(client.post(address, json={"answer": answer, "seconds": 1}))
        words += [client.get(f"/api/session/{subject}"), client.get("/api/audio/anna/001/99")]
    assert all(response.status_code == 200 for response in words[:-1])
    return words, sounds


@pytest.mark.parametrize("kind", ["folder", "abx_folder"])
def test_sizes_heads_and_digests_are_alike_or_unlike_for_all(request, kind):
    """On a page all sizes and heads are one; in the whole test no two sounds are the same bytes."""
    _, sounds = listen(request.getfixturevalue(kind))
    digests = []
    for letters in sounds.values():
        heads = {tuple(sorted(one.headers.items())) for one in letters.values()}
        assert len(heads) == 1
        assert not {"etag", "last-modified", "content-disposition"} & set(dict(*heads))
        assert len({one.content[:44] for one in letters.values()}) == 1
        digests += [hashlib.sha256(one.content).hexdigest() for one in letters.values()]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("kind", ["folder", "abx_folder"])
def test_no_word_of_the_plan_gets_out(request, kind):
    """Conditions, clips, files, predictions, the secret: in no head, no page and no sound."""
    folder = request.getfixturevalue(kind)
    plan = read_plan(folder)
    secret = {plan.secret, str(folder), "anchor", "tuned", "predicted", "gain_db", "plan.json"}
    for trial in plan.trials:
        secret |= {trial.clip, trial.reference.split("/")[1].split(".")[0]}
        secret |= {stimulus.file.split("/")[1].split(".")[0] for stimulus in trial.stimuli}
    words, sounds = listen(folder)
    everything = [*words, *(one for letters in sounds.values() for one in letters.values())]
    for response in everything:
        got = response.content + json.dumps(dict(response.headers)).encode()
        assert not [word for word in secret if word.encode() in got]
    # The page's own code asks for "default-src"; what the server tells must not.
    assert not [response for response in words[1:] if b"default" in response.content]


def test_a_reload_gets_the_same_bytes(folder):
    """Else a listener could take the mean of many, and the noise away."""
    assert listen(folder)[1]["001"]["0"].content == listen(folder)[1]["001"]["0"].content


def test_x_is_not_the_bytes_of_a_or_b(abx_folder):
    """But their samples, within the last bit."""
    a, b, x = (listen(abx_folder)[1]["001"][letter].content for letter in "012")
    assert len({len(a), len(b), len(x)}) == len({a, b, x}) / 3 == 1
    heard = [soundfile.read(io.BytesIO(sound), dtype="int32")[0] for sound in (a, b, x)]
    furthest = [np.abs(heard[2] - other).max() >> 8 for other in heard[:2]]
    assert min(furthest) <= 2 < max(furthest)


def test_names_and_orders_do_not_follow_from_the_seed(tmp_path, make_materials):
    """Two tests of the same clips and seed share neither; a listener cannot make a third."""
    plans = []
    for name in ("one", "two"):
        folder = tmp_path / name
        plans.append(make_test(folder, make_materials(), title="t", baseline="default", seed=0))
    files = [{s.file for trial in plan.trials for s in trial.stimuli} for plan in plans]
    assert not files[0] & files[1]
    orders = [
        [[s.condition for s in plan.order(f"s{n}", "001")] for n in range(20)] for plan in plans
    ]
    assert orders[0] != orders[1]


def test_files_of_a_page_have_one_size(folder):
    """What a listing shows, as of the folder that webMUSHRA serves."""
    for trial in read_plan(folder).trials:
        assert len({(folder / s.file).stat().st_size for s in trial.stimuli}) == 1


def test_a_test_of_version_1_goes_on_as_it_began(folder):
    """Its orders follow from its seed, as they did."""
    raw = json.loads((folder / "plan.json").read_text())
    del raw["secret"]
    (folder / "plan.json").write_text(json.dumps({**raw, "version": 1}))
    plan = read_plan(folder)
    order = [s.condition for s in plan.order("anna", "001")]
    assert order == ["anchor35", "tuned", "default", "reference", "anchor70"]
