"""The study definition: what `tuner run` is asked to do, from TOML and flags.

Everything is checked here at once, before anything runs; all problems are told together,
each with its key and what would be right. Names of parameters are checked against the
encoder's declaration in `tuner.study.space`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, cast

import tomli_w

from tuner.encoder import Value
from tuner.errors import StudyError
from tuner.records import MODEL
from tuner.study.database_url import show_url
from tuner.study.goal import QUALITY_RANGE, SHARE_RANGE, Goal
from tuner.study.limits import Limits
from tuner.study.objective import DEFAULT_OBJECTIVE, OBJECTIVES_IN_WORDS, is_objective
from tuner.study.table import Table

Excerpt = Literal["loudest", "varied", "start"]
Sampler = Literal["tpe", "gp", "cmaes", "nsga2", "random"]

EXCERPTS: tuple[Excerpt, ...] = ("loudest", "varied", "start")
SAMPLERS: tuple[Sampler, ...] = ("tpe", "gp", "cmaes", "nsga2", "random")
EXECUTORS = ("local", "ray")

#: Trials per bitrate when neither trials nor hours are given.
DEFAULT_TRIALS = 60
#: What judges a run unless the study names others: one of each family of metrics.
DEFAULT_JUDGES = ("visqol", "zimtohrli", "2f")
#: Clips of either end of the gains that a report lets people hear, per bitrate.
DEFAULT_EXHIBITS = 3
#: Legal excerpt lengths, s (`tuner.sound.excerpts`).
EXCERPT_RANGE_S = (5.0, 10.0)
#: Most trials of a bitrate, jobs at a time, and clips of a file or to be heard.
MOST_TRIALS, MOST_WORKERS, MOST_CLIPS = 1_000_000, 10_000, 10_000
#: Legal disk budgets of the cache, GB.
CACHE_RANGE_GB = (0.01, 100_000.0)
#: Legal limits of the decoded peak, dBFS, and of the latency, ms.
PEAK_RANGE_DBFS = (-60.0, 20.0)
LATENCY_RANGE_MS = (0.1, 10_000.0)

GroupBy = Literal["recording", "folder"]
GROUPS = ("recording", "folder")


@dataclass(frozen=True)
class ClipsSpec:
    """Which clips: see `tuner.sound.clips`.

    Args:
        folder: folder of WAV and FLAC files.
        manifest: CSV that names sides and excerpts, or None.
        excerpt_s: length of an excerpt in seconds.
        excerpt: how the excerpt is chosen.
        per_file: excerpts per file.
        allow_lossy: take coded files as references, too.
        downmix: mix more than two channels down to stereo.
        group_by: what stays on one side: "recording", or "folder".
        category: only clips of this kind, or None for all.
        per_category: search the clips of each kind apart, as runs of their own.
    """

    folder: str
    manifest: str | None = None
    excerpt_s: float = 8.0
    excerpt: Excerpt = "loudest"
    per_file: int = 1
    allow_lossy: bool = False
    downmix: bool = False
    group_by: GroupBy = "recording"
    category: str | None = None
    per_category: bool = False


@dataclass(frozen=True)
class SearchSpec:
    """How settings are searched: the table [search].

    Args:
        sampler: how settings are proposed (`tuner.search.samplers`).
        objective: what is maximised (`tuner.study.objective`).
        objective_metric: by which metric: the quality model, another's name, or the absolute
            path of a file that declares one.
        two_objectives: minimise encode time beside it; the results get a Pareto set.
        prune: stop trials early that are losing.
        warm_start: run directories whose winners are tried first.
        ablation: put each setting of the tuned candidate back and measure what it is worth.
        max_encode_time, max_peak_dbfs, max_latency_ms: limits (`tuner.study.limits`).
    """

    sampler: Sampler = "tpe"
    objective: str = DEFAULT_OBJECTIVE
    objective_metric: str = MODEL
    two_objectives: bool = False
    prune: bool = True
    warm_start: tuple[str, ...] = ()
    ablation: bool = True
    max_encode_time: float | None = None
    max_peak_dbfs: float | None = None
    max_latency_ms: float | None = None

    @property
    def limits(self) -> Limits:
        """The limits together."""
        return Limits(self.max_encode_time, self.max_peak_dbfs, self.max_latency_ms)

    @property
    def goal(self) -> str:
        """Objective and limits in words: what must not change within a run."""
        goals = [self.objective, *(["encode time"] if self.two_objectives else [])]
        limits = {name: value for name, value in vars(self.limits).items() if value is not None}
        bounds = [f"{name} <= {value:g}" for name, value in limits.items()]
        return ", ".join([" and ".join(goals), *bounds])


@dataclass(frozen=True)
class StudySpec:
    """One study, checked.

    Args:
        encoder: adapter name, or the absolute path of a file that declares one.
        clips: the clip set.
        bitrates_kbps: target bitrates, ascending, kb/s.
        target_quality: qualities that are searched for at the lowest bitrate, ascending, points.
        target_share: of the clips that must reach them, 0 to 1; None: their mean must.
        binary: path of another binary for the adapter, or None.
        trials: most trials per bitrate, or None.
        hours: most hours of search for all bitrates together, over all sessions, or None.
        seed: seed of sampler and bootstrap.
        executor: "local" or "ray".
        address: of a Ray cluster, or None.
        workers: jobs at a time; 0 means all cores.
        scorer_gpu: with Ray, the share of a GPU for each scorer, up to 1; 0 for none.
        storage: URL of a database for the trials, or None for one in the run directory.
        cache_gb: most disk space for the cache, GB (10**9 bytes), or None for no limit.
        rate: at what rate clips are encoded: "source", each at its file's, or Hz, to which all
            are brought.
        exhibits: how many of the clips that gained most and least are kept to be heard, or "all".
        weights: path of the quality model's weights, or None for the shipped ones.
        judges: metrics that the search does not climb, by name or as absolute paths of files.
        search: how settings are searched.
        fixed: (name, value) of parameters that are not searched; may fix `rate_mode`.
    """

    encoder: str
    clips: ClipsSpec
    bitrates_kbps: tuple[float, ...]
    target_quality: tuple[float, ...] = ()
    target_share: float | None = None
    binary: str | None = None
    trials: int | None = DEFAULT_TRIALS
    hours: float | None = None
    seed: int = 0
    executor: str = "local"
    address: str | None = None
    workers: int = 0
    scorer_gpu: float = 1.0
    storage: str | None = field(default=None, repr=False)
    cache_gb: float | None = None
    rate: int | Literal["source"] = "source"
    exhibits: int | Literal["all"] = DEFAULT_EXHIBITS
    weights: str | None = None
    judges: tuple[str, ...] = DEFAULT_JUDGES
    search: SearchSpec = field(default=SearchSpec())
    fixed: tuple[tuple[str, Value], ...] = field(default=())

    def digest(self) -> str:
        """First 16 hex digits of the sha256 of what defines the search, not its budget."""
        definition = [
            self.encoder,
            self.binary,
            self.bitrates_kbps,
            self.seed,
            self.weights,
            self.search.sampler,
            self.search.goal,
            self.search.objective_metric,
            self.rate,
            self.target_quality,
            self.target_share,
            self.fixed,
            vars(self.clips),
        ]
        return hashlib.sha256(json.dumps(definition).encode()).hexdigest()[:16]

    @property
    def clip_rate(self) -> int | None:
        """Hz to which all clips are brought; None: each keeps its file's."""
        return None if self.rate == "source" else self.rate

    @property
    def goals(self) -> list[Goal]:
        """The targets of quality."""
        return [Goal(quality, self.target_share) for quality in self.target_quality]

    @property
    def searches(self) -> int:
        """How many bitrates are searched, those included that a target of quality sets."""
        return len(self.bitrates_kbps) + len(self.target_quality)

    @property
    def shown_storage(self) -> str | None:
        """`storage` without its password."""
        return None if self.storage is None else show_url(self.storage)

    def to_toml(self) -> str:
        """The study as TOML; `parse_study` of it gives an equal spec.

        Only a password in `storage` is left out.
        """
        content = {
            **vars(self),
            "storage": self.shown_storage,
            "target_quality": self.target_quality or None,
            "clips": vars(self.clips),
            "search": _search_table(self.search),
            "fixed": dict(self.fixed),
        }
        return tomli_w.dumps(_without_none(content))


def _search_table(search: SearchSpec) -> dict[str, object]:
    table = dict(vars(search))
    if search.max_encode_time is not None:
        # All digits, and none of them an exponent.
        table["max_encode_time"] = f"{Decimal(repr(search.max_encode_time)):f}x"
    return table


def _without_none(table: Mapping[str, object]) -> dict[str, object]:
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in table.items()
        if value is not None
    }


def parse_study(raw: Mapping[str, object], origin: str) -> StudySpec:
    """Check a raw study.

    Args:
        raw: the content of a study file, flags merged in.
        origin: file name or "command line", for messages.

    Raises:
        StudyError: listing every problem.
    """
    problems: list[str] = []
    if isinstance(raw.get("target_quality"), int | float):
        raw = {**raw, "target_quality": [raw["target_quality"]]}
    top, clips, search = (Table(raw, name, problems) for name in ("", "clips", "search"))
    fixed = Table(raw, "fixed", problems)
    has_budget = top.has("trials") or top.has("hours")
    spec = StudySpec(
        encoder=top.text("encoder") or "",
        bitrates_kbps=top.bitrates("bitrates_kbps", optional=top.has("target_quality")),
        target_quality=top.numbers("target_quality", QUALITY_RANGE, "qualities", optional=True),
        target_share=top.number("target_share", None, *SHARE_RANGE),
        binary=top.text("binary", optional=True),
        trials=top.whole("trials", None if has_budget else DEFAULT_TRIALS, low=1, high=MOST_TRIALS),
        hours=top.number("hours", None, low=0.0, high=10_000.0),
        seed=top.whole("seed", 0, low=0) or 0,
        executor=top.choice("executor", EXECUTORS, "local"),
        address=top.text("address", optional=True),
        workers=top.whole("workers", 0, low=0, high=MOST_WORKERS) or 0,
        scorer_gpu=top.number("scorer_gpu", 1.0, 0.0, 1.0) or 0.0,
        storage=top.database("storage"),
        cache_gb=top.number("cache_gb", None, *CACHE_RANGE_GB),
        rate=top.rate("rate"),
        exhibits=top.whole_or_all("exhibits", DEFAULT_EXHIBITS, high=MOST_CLIPS),
        weights=top.text("weights", optional=True),
        judges=top.texts("judges") if top.has("judges") else DEFAULT_JUDGES,
        clips=ClipsSpec(
            folder=clips.text("folder") or "",
            manifest=clips.text("manifest", optional=True),
            excerpt_s=clips.number("excerpt_s", 8.0, *EXCERPT_RANGE_S) or 8.0,
            excerpt=cast(Excerpt, clips.choice("excerpt", EXCERPTS, "loudest")),
            per_file=clips.whole("per_file", 1, low=1, high=MOST_CLIPS) or 1,
            allow_lossy=clips.flag("allow_lossy", False),
            downmix=clips.flag("downmix", False),
            group_by=cast(GroupBy, clips.choice("group_by", GROUPS, "recording")),
            category=clips.text("category", optional=True),
            per_category=clips.flag("per_category", False),
        ),
        search=_parse_search(search),
        fixed=fixed.values(),
    )
    if spec.target_share is not None and not spec.target_quality:
        top.refuse("target_quality", "set when target_share is", None)
    top.refuse_unknown(also=("clips", "search", "fixed"))
    clips.refuse_unknown()
    search.refuse_unknown()
    if spec.address is not None and spec.executor != "ray":
        problems.append(f"address: {spec.address!r} needs executor ray, not {spec.executor}")
    if problems:
        told = "\n  ".join(["invalid study:", *problems])
        parts = [StudyError(problem, where=origin) for problem in problems]
        raise StudyError(told, where=origin, parts=parts)
    return spec


def _parse_search(table: Table) -> SearchSpec:
    objective = table.text("objective", optional=True) or DEFAULT_OBJECTIVE
    if not is_objective(objective):
        table.refuse("objective", f"one of {OBJECTIVES_IN_WORDS}", objective)
    sampler = cast(Sampler, table.choice("sampler", SAMPLERS, "tpe"))
    two_objectives = table.flag("two_objectives", False)
    if two_objectives and sampler == "cmaes":
        table.refuse("sampler", "tpe, gp, nsga2 or random for two objectives", sampler)
    return SearchSpec(
        sampler=sampler,
        objective=objective,
        objective_metric=table.text("objective_metric", optional=True) or MODEL,
        two_objectives=two_objectives,
        prune=table.flag("prune", True),
        warm_start=table.texts("warm_start"),
        ablation=table.flag("ablation", True),
        max_encode_time=table.times("max_encode_time"),
        max_peak_dbfs=table.number("max_peak_dbfs", None, *PEAK_RANGE_DBFS),
        max_latency_ms=table.number("max_latency_ms", None, *LATENCY_RANGE_MS),
    )
