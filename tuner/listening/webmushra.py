"""webMUSHRA (audiolabs): the test as its configuration, and its results read back.

Checked against its source: its reader of YAML takes no mapping in braces over several lines, so
the configuration is written in blocks; names of conditions end up in HTML attributes and in an
unescaped form, so they are plain; what is called "name" or "content" is HTML; it adds the hidden
reference itself, and stores it as "reference"; paths begin at its root folder.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tuner.errors import RunError
from tuner.listening.plan import REFERENCE, TRAINING, Plan, Trial

#: Where webMUSHRA finds the test's ``stimuli`` folder.
RESOURCES = "configs/resources"
#: Question of the last page, and the column of its answers.
LISTENER = "name"
#: Columns of its results; its newer versions write `SESSION`, too.
TEST, PAGE, STIMULUS, RATING = "session_test_id", "trial_id", "rating_stimulus", "rating_score"
SESSION = "session_uuid"
LEAST, MOST = 0, 100

Session = tuple[str, str]
"""A listener's name, and the session's own."""


def export_webmushra(plan: Plan, path: Path) -> None:
    """Write a test as a configuration for webMUSHRA.

    Raises:
        RunError: an ABX test; two conditions that differ in special characters only; or the
            file cannot be written.
    """
    if plan.kind != "mushra":
        raise RunError("webMUSHRA cannot run an ABX test", where=path, remedy="make a MUSHRA test")
    try:
        text = "".join(f"{line}\n" for line in _yaml(_content(plan), 0))
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot be written ({error})", where=path) from error


def webmushra_id(plan: Plan) -> str:
    """The test's name in webMUSHRA's results: no other test's."""
    content = dataclasses.asdict(plan)
    # The id of an older test is the one that it had then.
    if plan.version < 3:
        del content["questions"], content["tone"]
    if plan.version < 2:
        del content["secret"], content["intro"]
    text = json.dumps(content, sort_keys=True)
    return f"tuner-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _content(plan: Plan) -> dict[str, Any]:
    welcome = {
        "type": "generic",
        "id": "welcome",
        "name": html.escape(plan.title),
        "content": "Rate each version against the reference. One of them is the reference itself.",
    }
    finish = {
        "type": "finish",
        "name": "Thank you",
        "content": "Please send your ratings.",
        "popupContent": "Your ratings are saved. Thank you.",
        "showResults": False,
        "writeResults": True,
        "showErrors": True,
        "questionnaire": [{"type": "text", "label": "Your name", "name": LISTENER}],
    }
    training = _page(plan.trials[0], training=True)
    trials = ["random", *(_page(trial, training=False) for trial in plan.trials)]
    return {
        "testname": plan.title,
        "testId": webmushra_id(plan),
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": False,
        "remoteService": "service/write.php",
        "pages": [welcome, training, trials, finish],
    }


def _page(trial: Trial, *, training: bool) -> dict[str, Any]:
    files = {name: each.file for name, each in _by_name(trial).items()}
    del files[REFERENCE]
    return {
        "type": "mushra",
        "id": TRAINING if training else _page_id(trial),
        "name": "Training" if training else "",
        "content": "This page does not count." if training else "",
        "showWaveform": False,
        "enableLooping": True,
        # It would refuse clips of more than 12 s.
        "strict": False,
        "randomize": True,
        "showConditionNames": False,
        "createAnchor35": False,
        "createAnchor70": False,
        "reference": f"{RESOURCES}/{trial.reference}",
        "stimuli": {name: f"{RESOURCES}/{file}" for name, file in files.items()},
    }


def _page_id(trial: Trial) -> str:
    return f"trial{trial.name}"


def _by_name(trial: Trial) -> dict[str, Any]:
    """A trial's stimuli by the names that webMUSHRA can bear."""
    names = {re.sub(r"[^A-Za-z0-9_.-]", "_", each.condition): each for each in trial.stimuli}
    if len(names) < len(trial.stimuli):
        raise RunError(
            "some of these differ only in special characters",
            where=", ".join(each.condition for each in trial.stimuli),
            remedy="give the conditions plainer names",
        )
    return names


def _yaml(value: Mapping[str, Any] | list[Any], depth: int) -> Iterator[str]:
    """Lines of YAML in blocks; what is neither mapping nor list is JSON, which is YAML, too."""
    margin = "  " * depth
    named = value.items() if isinstance(value, Mapping) else ((None, each) for each in value)
    for name, each in named:
        head = f"{margin}-" if name is None else f"{margin}{name}:"
        if isinstance(each, Mapping | list):
            yield head
            yield from _yaml(each, depth + 1)
        else:
            yield f"{head} {json.dumps(each, ensure_ascii=False)}"


def read_webmushra(path: Path, plan: Plan) -> dict[str, dict[str, dict[str, Any]]]:
    """Subject -> page -> line, from webMUSHRA's ``results/…/mushra.csv``, without training.

    Two sessions under one name are two listeners; what tells them apart is added to the name.
    A page that lacks a stimulus is not answered.

    Raises:
        RunError: naming the file and, where it can, the line.
    """
    sessions: dict[Session, dict[str, dict[str, int]]] = {}
    names = {_page_id(trial): _by_name(trial) for trial in plan.trials}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            if missing := {TEST, PAGE, STIMULUS, RATING} - set(reader.fieldnames or ()):
                raise RunError(
                    f"is not webMUSHRA's mushra.csv: no {', '.join(missing)}", where=path
                )
            for row in reader:
                if row[TEST] != webmushra_id(plan) or row[PAGE] == TRAINING:
                    continue
                session = (row.get(LISTENER) or "listener", row.get(SESSION) or "")
                page, stimulus = names[row[PAGE]], row[STIMULUS]
                condition = page[stimulus].condition
                given = sessions.setdefault(session, {}).setdefault(row[PAGE], {})
                if condition in given:
                    raise RunError(
                        f"{session[0]} rates {row[PAGE]}, {stimulus} again",
                        where=f"{path}, line {reader.line_num}",
                        remedy="give two listeners different names",
                    )
                given[condition] = _rating(row[RATING])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"cannot be read ({error})", where=path) from error
    except (KeyError, ValueError, OverflowError) as error:
        place = f"{path}, line {reader.line_num}"
        raise RunError(f"{error} does not belong to this test", where=place) from error
    if not sessions:
        raise RunError(f"contains no ratings of this test (id {webmushra_id(plan)})", where=path)
    return _as_lines(sessions, plan)


def _rating(text: str) -> int:
    rating = round(float(text))
    if not LEAST <= rating <= MOST:
        raise ValueError(f"rating {text!r}")
    return rating


def _as_lines(
    sessions: Mapping[Session, Mapping[str, Mapping[str, int]]], plan: Plan
) -> dict[str, dict[str, dict[str, Any]]]:
    whole = {
        _page_id(trial): (trial.name, {each.condition for each in trial.stimuli})
        for trial in plan.trials
    }
    named = [name for name, _ in sessions]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for (name, session), pages in sessions.items():
        subject = name if named.count(name) == 1 else f"{name} {session[:8]}"
        found[subject] = {
            whole[page][0]: {"answer": dict(answer)}
            for page, answer in pages.items()
            if set(answer) == whole[page][1]
        }
    return found
