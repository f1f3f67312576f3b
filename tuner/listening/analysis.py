"""What a listening test shows: screening, means, comparisons, agreement with the model; ABX.

Only subjects who finished count: a page that was not rated is no rating, and leaving out only
that page would shift means between conditions. Post-screening is ITU-R BS.1534-3's: a subject who
rates the hidden reference under 90 on more than 15 % of the pages is excluded. Intervals and
tests treat subjects and clips as samples (`tuner.listening.crossed`); comparisons are paired with
the baseline and corrected for their number (Holm).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tuner.errors import RunError
from tuner.listening.items import Answers, Comment, ItemMean, find_comments, find_items
from tuner.listening.plan import MID_ANCHOR, REFERENCE, Plan
from tuner.listening.profiles import Profile, group_by
from tuner.listening.ratings import (
    Comparison,
    ConditionMean,
    compare,
    find_cells,
    find_means,
    ratings_of,
)

#: Post-screening (BS.1534-3, 4.1.2): the bound of both rules, a subject's share of pages, and the
#: subjects' share beyond which a page's mid anchor is no test of them.
BOUND, MOST_PAGES, MOST_SUBJECTS = 90, 0.15, 0.25


@dataclass(frozen=True)
class Agreement:
    """The model's stored scores beside the mean ratings, over all coded stimuli.

    Args:
        stimuli: how many have a score.
        pearson, spearman: correlations; None where either side is constant or under three.
        same_sign: share of the pairs on one page whose order both agree on; None without pairs.
        pairs: how many pairs.
    """

    stimuli: int
    pearson: float | None
    spearman: float | None
    same_sign: float | None
    pairs: int


@dataclass(frozen=True)
class AbxResult:
    """Right answers of one subject, or of "all", with the chance of as many by guessing."""

    subject: str
    right: int
    trials: int
    p: float


@dataclass(frozen=True)
class Group:
    """Subjects who gave the same reply to a question.

    Args:
        question: its id.
        reply: what they replied.
        subjects: who.
        means, comparisons: of a MUSHRA test; p is corrected within the group.
        abx: of an ABX test.
    """

    question: str
    reply: str
    subjects: tuple[str, ...]
    means: tuple[ConditionMean, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    abx: AbxResult | None = None


@dataclass(frozen=True)
class Analysis:
    """All that `tuner listen analyse` prints.

    Args:
        kind: "mushra" or "abx".
        subjects: who counts.
        screened: who does not count -> why, in words.
        unfinished: who has pages left -> how many.
        refused: files of answers that cannot be used -> why, in words.
        means, comparisons, agreement, items: of a MUSHRA test.
        abx: of an ABX test, "all" first.
        comments: what anybody wrote, who counts or not.
        profiles: of anybody who began, where they are known.
        groups: the subjects who count, by their replies to a question.
    """

    kind: str
    subjects: tuple[str, ...]
    screened: dict[str, str]
    unfinished: dict[str, int]
    refused: dict[str, str] = field(default_factory=dict)
    means: tuple[ConditionMean, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    agreement: Agreement | None = None
    abx: tuple[AbxResult, ...] = ()
    items: tuple[ItemMean, ...] = ()
    comments: tuple[Comment, ...] = ()
    profiles: tuple[Profile, ...] = ()
    groups: tuple[Group, ...] = ()


class NobodyLeft(RunError):
    """No subject finished the test and passed the screening."""


def analyse(
    plan: Plan,
    answers: Answers,
    refused: Mapping[str, str] | None = None,
    profiles: Sequence[Profile] = (),
    by: str | None = None,
) -> Analysis:
    """Analyse a test's answers, as `tuner.listening.answers.read_all_answers` gives them.

    Args:
        plan: the test's plan.
        answers: checked against it.
        refused: files of answers that cannot be used, to be told beside the rest.
        profiles: of the subjects.
        by: id of a question, to split the subjects by their replies.

    Raises:
        NobodyLeft: there is nobody to analyse.
        StudyError: the subjects cannot be split by that question.
    """
    pages = [trial.name for trial in plan.trials]
    left = {s: sum(page not in given for page in pages) for s, given in answers.items()}
    unfinished = {subject: count for subject, count in left.items() if count}
    finished = {s: given for s, given in answers.items() if not left[s]}
    screened = _screen(finished) if plan.kind == "mushra" else {}
    counted = {s: given for s, given in finished.items() if s not in screened}
    left_out = dict(refused or {})
    if not answers and not left_out:
        raise NobodyLeft(
            "nobody has answered yet", remedy="start the test with `tuner listen serve`"
        )
    if not counted:
        raise NobodyLeft(
            f"no subject to analyse: {len(answers)} started, {len(unfinished)} unfinished,"
            f" {len(screened)} excluded; more people must listen"
            + "".join(f"\n  {file} is excluded: {why}" for file, why in left_out.items())
        )
    groups = group_by(plan, profiles, counted, by) if by is not None else {}
    found = Analysis(
        plan.kind,
        tuple(counted),
        screened,
        unfinished,
        left_out,
        comments=tuple(find_comments(plan, answers)),
        profiles=tuple(profiles),
        groups=tuple(
            _group(plan, by or "", reply, {subject: counted[subject] for subject in subjects})
            for reply, subjects in groups.items()
        ),
    )
    if plan.kind == "abx":
        return replace(found, abx=tuple(_abx(counted)))
    cells = find_cells(plan, counted)
    return replace(
        found,
        means=tuple(find_means(cells)),
        comparisons=tuple(compare(plan.baseline, cells)),
        agreement=_agree(plan, counted),
        items=tuple(find_items(plan, counted)),
    )


def _group(plan: Plan, question: str, reply: str, answers: Answers) -> Group:
    subjects = tuple(answers)
    if plan.kind == "abx":
        return Group(question, reply, subjects, abx=next(_abx(answers)))
    cells = find_cells(plan, answers)
    means, comparisons = tuple(find_means(cells)), tuple(compare(plan.baseline, cells))
    return Group(question, reply, subjects, means, comparisons)


def _screen(answers: Answers) -> dict[str, str]:
    pages = sorted({page for given in answers.values() for page in given})

    def judged(subject: str, condition: str) -> set[str]:
        """Pages on which a subject rates a condition beyond the bound."""
        sign = -1 if condition == REFERENCE else 1
        ratings = {p: line["answer"].get(condition, BOUND) for p, line in answers[subject].items()}
        return {page for page, rating in ratings.items() if sign * (rating - BOUND) > 0}

    high = {subject: judged(subject, MID_ANCHOR) for subject in answers}
    soft = {
        p for p in pages if sum(p in each for each in high.values()) > MOST_SUBJECTS * len(high)
    }
    screened = {}
    for subject, given in answers.items():
        missed = len(judged(subject, REFERENCE)) / len(given)
        fooled = len(high[subject] - soft) / len(given)
        if missed > MOST_PAGES:
            screened[subject] = (
                f"rates the hidden reference below {BOUND} on {missed:.0%} of the pages"
            )
        elif fooled > MOST_PAGES:
            screened[subject] = f"rates the mid anchor above {BOUND} on {fooled:.0%} of the pages"
    return screened


def _agree(plan: Plan, answers: Answers) -> Agreement | None:
    by_page = [
        [
            (stimulus.predicted, float(ratings_of(answers, trial, stimulus.condition).mean()))
            for stimulus in trial.stimuli
            if stimulus.predicted is not None
        ]
        for trial in plan.trials
    ]
    points = [point for page in by_page for point in page]
    if not points:
        return None
    signs = [
        (a[0] - b[0]) * (a[1] - b[1]) > 0
        for page in by_page
        for n, a in enumerate(page)
        for b in page[:n]
        if a[0] != b[0] and a[1] != b[1]
    ]
    pearson, spearman = _correlations(points)
    same = float(np.mean(signs)) if signs else None
    return Agreement(len(points), pearson, spearman, same, len(signs))


def _correlations(points: Sequence[tuple[float, float]]) -> tuple[float | None, float | None]:
    from scipy import stats

    predicted, rated = np.array(points).T
    if len(points) < 3 or np.ptp(predicted) == 0 or np.ptp(rated) == 0:
        return None, None
    return (
        float(stats.pearsonr(predicted, rated).statistic),
        float(stats.spearmanr(predicted, rated).statistic),
    )


def _abx(answers: Answers) -> Iterator[AbxResult]:
    from scipy import stats

    right = {
        subject: [line["answer"]["taken_for"] == line["answer"]["was"] for line in given.values()]
        for subject, given in answers.items()
    }
    everyone = [each for given in right.values() for each in given]
    for subject, given in {"all": everyone, **right}.items():
        p = float(stats.binomtest(sum(given), len(given), 0.5, alternative="greater").pvalue)
        yield AbxResult(subject, sum(given), len(given), p)
