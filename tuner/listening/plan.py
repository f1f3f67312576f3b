"""The plan of a listening test: its trials and stimuli, and in which order a subject gets them.

The plan is ``plan.json`` in the test's folder (`docs/listening.md` describes it). It alone says
which file is which condition; listeners never see it, nor a file's name: they get letters.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from tuner.atomic import atomic_write
from tuner.errors import RunError

PLAN_FILE = "plan.json"
#: Grows with every change of the plan that a reader could trip over. In version 1 there is no
#: secret, and orders follow from the seed; a test under way is finished as it began. Version 3
#: brought questions and the tone.
PLAN_VERSION = 3
READABLE_VERSIONS = (1, 2, 3)
Kind = Literal["mushra", "abx"]

#: Condition of the hidden reference, and of the two low-pass anchors with their cutoff in Hz
#: (ITU-R BS.1534-3, 5.1).
REFERENCE = "reference"
MID_ANCHOR = "anchor70"
ANCHORS = {"anchor35": 3500.0, MID_ANCHOR: 7000.0}
#: Page that comes first and does not count.
TRAINING = "training"


@dataclass(frozen=True)
class Stimulus:
    """One file to be rated.

    Args:
        condition: what it is: `REFERENCE`, one of `ANCHORS`, "default", "tuned" …
        file: its path in the test's folder; the name says nothing.
        gain_db: gain by which it was brought to the reference's loudness.
        predicted: the quality model's score, 0 to 100, where one is stored.
    """

    condition: str
    file: str
    gain_db: float = 0.0
    predicted: float | None = None


@dataclass(frozen=True)
class Trial:
    """One page: a clip at a bitrate, in all its conditions.

    Args:
        name: unique in the plan.
        clip: the clip's name, for people.
        bitrate_kbps: target bitrate; None where it is not known.
        reference: file of the open reference.
        stimuli: MUSHRA: all that is rated, the hidden reference among them; ABX: A and B.
    """

    name: str
    clip: str
    bitrate_kbps: float | None
    reference: str
    stimuli: tuple[Stimulus, ...]


@dataclass(frozen=True)
class Question:
    """A question that a subject answers before the test.

    Args:
        id: its name in results and in ``analyse --by``.
        text: what the subject reads.
        choices: what can be chosen, one of them; empty: a number or free text is asked for.
        range: the least and the highest number; None: free text.
        required: whether it must be answered.
    """

    id: str
    text: str
    choices: tuple[str, ...] = ()
    range: tuple[float, float] | None = None
    required: bool = True


@dataclass(frozen=True)
class Tone:
    """A 1 kHz sine by which subjects set their volume once.

    Args:
        level_db: its loudness relative to the clips'.
        peak_dbfs: its amplitude in each channel, dB of full scale.
    """

    level_db: float
    peak_dbfs: float


@dataclass(frozen=True)
class Plan:
    """A whole test.

    Args:
        kind: "mushra" or "abx".
        title: what listeners read above the test.
        seed: of the draw of clips.
        baseline: the condition that the others are compared with.
        trials: the pages, in order of the plan.
        secret: what names of files and all orders follow from, so that nobody can work them out
            who has not seen the plan. Empty only in version 1.
        intro: Markdown that subjects read, and agree to, before they begin; may be empty.
        questions: what subjects answer before they begin.
        tone: by which they set their volume before they begin; None: without.
        version: see `PLAN_VERSION`.
    """

    kind: Kind
    title: str
    seed: int
    baseline: str
    trials: tuple[Trial, ...]
    secret: str = field(default="", repr=False)
    intro: str = ""
    questions: tuple[Question, ...] = ()
    tone: Tone | None = None
    version: int = PLAN_VERSION

    def trial(self, name: str) -> Trial | None:
        """The trial called `name`; `TRAINING` is the first one, heard without being counted."""
        if name == TRAINING and self.trials:
            return self.trials[0]
        return next((trial for trial in self.trials if trial.name == name), None)

    def pages(self, subject: str) -> list[str]:
        """Names of the trials in this subject's order, training first."""
        names = [trial.name for trial in self.trials]
        self._random(subject, "pages").shuffle(names)
        return [TRAINING, *names]

    def order(self, subject: str, page: str) -> list[Stimulus]:
        """What stands behind this subject's letters on a page.

        MUSHRA: the stimuli shuffled. ABX: A and B shuffled, then X, which is one of them.
        """
        trial = self.trial(page)
        assert trial is not None
        chance = self._random(subject, page)
        stimuli = list(trial.stimuli)
        chance.shuffle(stimuli)
        return [*stimuli, chance.choice(stimuli)] if self.kind == "abx" else stimuli

    def _random(self, subject: str, what: str) -> random.Random:
        """The same for the same secret, subject and page: a reload finds its order again."""
        text = json.dumps([self.secret or self.seed, subject, what])
        return random.Random(hashlib.sha256(text.encode()).digest())


class _Head(msgspec.Struct):
    """What tells whether the rest can be read."""

    version: object = None


def write_plan(plan: Plan, folder: Path) -> None:
    """Write the plan into the test's folder."""
    text = json.dumps(dataclasses.asdict(plan), indent=1, allow_nan=False)
    atomic_write(folder / PLAN_FILE, text + "\n")


def read_plan(folder: Path) -> Plan:
    """Read and check a test's plan.

    Raises:
        RunError: naming the file, if it is missing, damaged, or of another version.
    """
    path = folder / PLAN_FILE
    try:
        raw = path.read_bytes()
        version = msgspec.json.decode(raw, type=_Head).version
    except FileNotFoundError:
        raise RunError(
            "not found", where=path, remedy="make a test with `tuner listen make`"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"cannot be read ({error})", where=path) from error
    if version not in READABLE_VERSIONS:
        raise RunError(f"version {version}, this program reads up to {PLAN_VERSION}", where=path)
    try:
        plan = msgspec.json.decode(raw, type=Plan)
        _check(plan)
    except ValueError as error:
        raise RunError(f"damaged ({error})", where=path, remedy="make the test again") from error
    return plan


def _check(plan: Plan) -> None:
    if plan.version > 1 and not plan.secret:
        raise ValueError("no secret")
    names = [trial.name for trial in plan.trials]
    if not names or len(set(names)) < len(names) or TRAINING in names:
        raise ValueError("there must be trials, each with its own name")
    for trial in plan.trials:
        conditions = [stimulus.condition for stimulus in trial.stimuli]
        if len(set(conditions)) < len(conditions) or len(conditions) < 2:
            raise ValueError(f"{trial.name}: needs at least two stimuli of different conditions")
        if plan.kind == "mushra" and REFERENCE not in conditions:
            raise ValueError(f"{trial.name}: no hidden reference")
        for file in (trial.reference, *(stimulus.file for stimulus in trial.stimuli)):
            if Path(file).is_absolute() or ".." in Path(file).parts:
                raise ValueError(f"{file}: is outside the test's folder")
