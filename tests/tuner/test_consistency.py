"""Results that are well-typed and contradict themselves: one message, whoever reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tuner.errors import RunError
from tuner.records import MODEL
from tuner.results import read_results
from tuner.testing import FakeEncoder

#: What is changed in the results, as a statement; `b` is the bitrate, `c` its tuned candidate,
#: `s` that one's tune side, `d` the clip of that side, `r` all results. And what is said.
CHANGES = {
    "b['winner'] = 7": "the winner is candidate 7 of 2",
    "b['winner'] = -1": "the winner is candidate -1 of 2",
    "b['candidates'] = []": "the winner is candidate 1 of 0",
    "b['target_kbps'] = -96.0": "target bitrate <= 0",
    "r['bitrates'].append(b)": "the bitrate 96 kb/s occurs twice",
    "b['pareto'] = [5]": "pareto names trial 5",
    "del b['candidates'][0]['sides']['tune']": "the default has no result on the tuning clips",
    "del c['sides']['holdout']": "a side is missing without a problem",
    "c['command'] = []": "the command is empty",
    "del s['scores'][MODEL]": "no clip is scored",
    "del s['gains'][MODEL]": f"no gains of {MODEL}",
    "s['gains']['x'] = s['gains'][MODEL]": "gains of 'x', which has no scores",
    "s['scores'][MODEL] = {}": "no clip is scored",
    "s['scores'][MODEL]['other'] = 1.0": "which is not on this side",
    "s['scores']['x'] = {d: 1.0}": "metrics differ from the default's",
    "s['scores']['x'] = {}": "scores of x and scores of insenet are of different clips",
    "s['spreads'] = {}": "are of different clips",
    "s['windows'] = {'other': [1.0]}": "windows have clips without a score",
    "s['clip_kbps'] = {'other': 1.0}": "clip_kbps have clips without a score",
    "s['bitrate_kbps'] = 0": "bitrate 0 kb/s",
    "r['clips'] = []": "which is not on this side",
    "r['clips'].append(r['clips'][0])": "occurs twice",
    "r['clips'][0]['side'] = 'holdout'": "which is not on this side",
    "r['clips'][0]['digest'] = '../../evil'": "is not a clip digest",
    "r['clips'][0]['duration_s'] = -1.0": "-1 s from 0 s,",
    "r['clips'][0]['channels'] = 0": "0 channels",
    "s['knob'] = 10**400": "out of range",
}


@pytest.fixture
def run(tmp_path: Path, write_run: Callable[..., Path]) -> Path:
    """A run that is sound."""
    return write_run(tmp_path / "run", FakeEncoder(), {"shaping": 7})


@pytest.mark.parametrize("change", CHANGES)
def test_contradictions_are_told(run: Path, change: str) -> None:
    """With the file, what is wrong and what to do."""
    path = run / "results.json"
    read_results(path)
    r: Any = json.loads(path.read_text())
    b = r["bitrates"][0]
    c = b["candidates"][1]
    s = c["sides"]["tune"]
    exec(change, {"r": r, "b": b, "c": c, "s": s, "d": r["clips"][0]["digest"], "MODEL": MODEL})
    path.write_text(json.dumps(r))
    with pytest.raises(RunError, match=r"results\.json: (inconsistent|damaged)") as caught:
        read_results(path)
    assert CHANGES[change] in str(caught.value)


def test_figures_without_end_are_refused(run: Path) -> None:
    """1e999 is infinite; deep nesting is no record."""
    path = run / "results.json"
    whole = path.read_text()
    path.write_text(whole.replace("96.2", "1e999"))
    with pytest.raises(RunError, match="out of range"):
        read_results(path)
    path.write_text('{"format_version": ' + "[" * 100_000)
    with pytest.raises(RunError, match="cannot be read"):
        read_results(path)
