"""A finished run on disk, made by hand in no time: what players, exports and encodes read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import optuna
import pytest
import soundfile

from tuner.encoder import Encoder, Settings, Value, default_settings
from tuner.jobs.cache import Cache, encode_key
from tuner.jobs.job import ClipRef, Job
from tuner.jobs.passes import Passes
from tuner.records import (
    MODEL,
    Answer,
    Candidate,
    ClipRecord,
    Estimate,
    Provenance,
    Results,
    Side,
    SideResult,
    Timing,
    Verdict,
)
from tuner.results import write_results
from tuner.rundir.database import close_storage, open_storage
from tuner.search import optuna_parts
from tuner.search.evaluate import Plan, TrialResult, evaluate
from tuner.search.loop import Budget, search
from tuner.search.trials import Trials
from tuner.sound.audio import SAMPLE_RATE, resample, sample_digest
from tuner.study.limits import Limits
from tuner.study.space import make_space
from tuner.study.spec import Sampler
from tuner.testing import AtOnce, FakeEncoder, FakeScorer, make_clip
from tuner.updates import Observer, Update

STUDY = 'encoder = "{encoder}"\nbitrates_kbps = [96]\n[clips]\nfolder = "music"\n'
SIDES: tuple[Side, ...] = ("tune", "holdout")


#: Seconds of each clip: the least that is allowed.
CLIP_S = 2.5


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four files of noise, by turns for tuning and held out."""
    folder = tmp_path_factory.mktemp("music")
    rng = np.random.default_rng(1)
    for level in range(1, 5):
        noise = 0.1 * level * rng.standard_normal(round(CLIP_S * 48_000))
        soundfile.write(folder / f"{level}.wav", np.clip(noise, -0.9, 0.9), 48_000)
    sides = [f"{level}.wav,{side}" for level, side in enumerate(["tune", "holdout"] * 2, start=1)]
    (folder / "manifest.csv").write_text("\n".join(["file,side", *sides]) + "\n")
    return folder


def _write_run(folder: Path, encoder: Encoder, tuned: Mapping[str, Value], winner: int = 1) -> Path:
    (folder / "clips").mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY.format(encoder=encoder.name))
    clips, version, cache = [], encoder.version, Cache(folder / "cache")
    for index, side in enumerate(SIDES):
        pcm = np.round((0.5 + 0.5 * index) * make_clip() * 32767).astype(np.float32) / 32768
        digest = sample_digest(pcm)
        np.save(folder / "clips" / f"{digest}.npy", pcm)
        clips.append(ClipRecord(digest, f"{side}.wav", side, 1.0, 2, f"/music/{side}.wav", 0.0))
    default = default_settings(encoder)
    candidates = []
    for trial, values in enumerate([{}, tuned]):
        settings = Settings.of(default.rate_mode, {**default.as_dict(), **values})
        sides = {}
        for clip in clips:
            knob = 96.0 if clip.side == "tune" else 97.0
            pcm = np.load(folder / "clips" / f"{clip.digest}.npy")
            encoded = encoder.encode(pcm, SAMPLE_RATE, settings, knob)
            key = encode_key(clip.digest, encoder.name, version, settings, knob)
            cache.put_encode(key, encoded)
            gain = Estimate(3.0 * trial, 2.0 * trial, 4.0 * trial)
            sides[clip.side] = SideResult(
                knob, 96.2, {MODEL: {clip.digest: 70.0}}, {clip.digest: 1.0}, {MODEL: gain}
            )
        command = list(encoder.command_line(settings, 96.0, "input.wav", "output" + encoded.suffix))
        candidates.append(Candidate(trial, settings.rate_mode, settings.as_dict(), command, sides))
    verdict = Verdict("confirmed", "Confirmed: it was made up.")
    bitrate = Answer(96.0, verdict, winner, candidates, [], Timing())
    made_by = Provenance(
        "tuner run x", "", 0, {}, encoder.name, version.text, version.binary, version.digest,
        "1", {}, "2026-01-01", "2026-01-01", "a machine", None,
    )  # fmt: skip
    write_results(Results(clips, [bitrate], made_by), folder / "results.json")
    return folder


@pytest.fixture
def write_run() -> Callable[..., Path]:
    """Writes a run of an encoder at 96 kb/s: (folder, encoder, tuned values, winner) -> folder.

    One clip a side, knob 96 on the tune side and 97 on the other; everything is in its cache.
    """
    return _write_run


@pytest.fixture
def clip(tmp_path: Path) -> ClipRef:
    """Half a second of stereo noise up to 11 kHz, as a clip file."""
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 12_000)).astype(np.float32)
    pcm = resample(noise, 24_000)
    path = tmp_path / "clip.npy"
    np.save(path, pcm)
    return ClipRef(sample_digest(pcm), str(path), 2, 0.5)


@pytest.fixture
def job(clip: ClipRef) -> Job:
    """The fake encoder's default settings at 64 kb/s, with one scorer."""
    encoder = FakeEncoder()
    return Job(encoder, default_settings(encoder), 64.0, clip, (FakeScorer(),))


@dataclass
class Rig:
    """A search on fakes in a folder, over clips of a tenth of a second of noise."""

    folder: Path
    encoder: Encoder = field(default_factory=FakeEncoder)
    targets: tuple[float, ...] = (64.0,)
    sampler: Sampler = "random"
    window: int = 2
    count: int = 2
    prune: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)
    #: Whether its trials are kept in memory, which is quicker: for searches of one session.
    memory: bool = False
    #: Laid around the storage: a hook in it.
    wrap: Callable[[Any], Any] = lambda storage: storage

    def __post_init__(self) -> None:
        rng = np.random.default_rng(1)
        noise = [0.1 * rng.standard_normal((1, 4800)) for _ in range(self.count)]
        self.clips = [_write_clip(self.folder, pcm.astype(np.float32)) for pcm in noise]
        self.executor = AtOnce(Cache(self.folder / "cache"))

    def evaluate(self, target_kbps: float, plan: Plan, observer: Observer) -> TrialResult:
        passes = Passes(self.encoder, self.executor, self.clips, observer, target_kbps)
        limits = self.options.get("limits", Limits())
        return evaluate(passes, plan, FakeScorer(), "mean", prune=self.prune, limits=limits)

    @contextmanager
    def open(self) -> Iterator[list[Trials]]:
        with ExitStack() as stack:
            storage: Any = optuna.storages.InMemoryStorage()
            if self.memory:
                plainly = patch.object(optuna_parts, "has_known_parts", lambda: False)
                stack.enter_context(plainly)
            else:
                database = open_storage(self.folder / "optuna.db")
                stack.callback(close_storage, database)
                storage = self.wrap(database)
            space = make_space(self.encoder, {})
            yield [
                Trials(storage, f"t@{t}", space, t, self.sampler, 7, **self.options)
                for t in self.targets
            ]

    def run(self, budget: Budget) -> list[list[TrialResult]]:
        with self.open() as lanes:
            search(lanes, self.evaluate, budget, self.executor, self.window, self.updates.append)
            return [lane.results for lane in lanes]


def _write_clip(folder: Path, pcm: np.ndarray[Any, np.dtype[np.float32]]) -> ClipRef:
    digest = sample_digest(pcm)
    np.save(folder / f"{digest}.npy", pcm)
    return ClipRef(digest, str(folder / f"{digest}.npy"), len(pcm), pcm.shape[1] / SAMPLE_RATE)


@pytest.fixture
def make_rig(tmp_path: Path) -> Callable[..., Rig]:
    """Makes searches, each in a folder of its name; further arguments are `Rig`'s."""

    def make(name: str = "run", **options: Any) -> Rig:
        (tmp_path / name).mkdir(exist_ok=True)
        return Rig(tmp_path / name, **options)

    return make


@pytest.fixture
def make_passes(tmp_path: Path) -> Callable[..., Passes]:
    """Makes passes at 64 kb/s over the same 20 short clips of noise, unlike in colour."""
    rng = np.random.default_rng(5)
    clips = []
    for index in range(20):
        pcm = (0.1 * rng.standard_normal((1, 2400))).astype(np.float32)
        pcm[:, 1:] += index / 20 * pcm[:, :-1]
        clips.append(_write_clip(tmp_path, pcm))

    def make(encoder: Encoder | None = None, count: int = 20) -> Passes:
        executor = AtOnce(Cache(tmp_path / "cache"))
        return Passes(encoder or FakeEncoder(), executor, clips[:count], lambda _: None, 64.0)

    return make
