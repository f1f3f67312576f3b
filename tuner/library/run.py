"""`tuner.open_run`: a run directory for notebooks: answers, tables, sounds, trials."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.apply.player import RunPlayer, encoder_of, find_bitrate, find_candidate
from tuner.errors import RunError, StudyError
from tuner.extras import need_extra
from tuner.pcm import SAMPLE_RATE, Pcm
from tuner.records import Answer, Candidate, ClipRecord, Results
from tuner.results import read_run
from tuner.study.trust import Trust

if TYPE_CHECKING:
    import optuna
    import pandas

#: What `Run.to_pandas` gives.
TABLES = ("trials", "winners", "clips", "deltas")


class Run:
    """A run directory. Nothing in it is changed.

    Args:
        folder: the run directory.
        trust: digests of programs that the run names and may use (`docs/trust.md`).
    """

    #: Rate of all samples, Hz.
    sample_rate = SAMPLE_RATE

    def __init__(self, folder: Path, trust: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self._trust = trust

    def __repr__(self) -> str:
        return f"tuner.open_run({str(self.folder)!r})"

    @cached_property
    def results(self) -> Results:
        """All that was found: the content of `results.json` (`docs/results.md`).

        Raises:
            RunError: the run has not finished, or the file is damaged.
        """
        return read_run(self.folder)

    @property
    def report(self) -> Path:
        """The path of its report."""
        return self.folder / "report.html"

    @property
    def bitrates_kbps(self) -> tuple[float, ...]:
        """The target bitrates, ascending, kb/s."""
        return tuple(bitrate.target_kbps for bitrate in self.results.everything)

    @property
    def clips(self) -> list[ClipRecord]:
        """The clips of both sides."""
        return self.results.clips

    def answer(self, kbps: float | None = None) -> Answer:
        """All that is known at a target bitrate: verdict, candidates, trials.

        Args:
            kbps: the target; None where the run has one.

        Raises:
            RunError: the run has no answer there, or several targets and none is named.
        """
        if kbps is None:
            if len(self.bitrates_kbps) != 1:
                known = ", ".join(f"{each:g}" for each in self.bitrates_kbps)
                raise RunError(f"at which bitrate? It has {known} kb/s", where=self.folder)
            kbps = self.bitrates_kbps[0]
        return find_bitrate(self.folder, self.results, kbps)

    def winner(self, kbps: float | None = None) -> Candidate:
        """The settings that the run recommends: values, command line, scores of every clip."""
        answer = self.answer(kbps)
        return answer.recommended

    def sound(
        self, clip: str | ClipRecord, kbps: float | None = None, settings: str = "reference"
    ) -> Pcm:
        """A clip of the run, or a coded version of it, decoded and aligned, as it was scored.

        Args:
            clip: one of `clips`, its name, or the begin of its digest.
            kbps: target bitrate; None where the run has one.
            settings: "reference", "default", "tuned", "winner" or "trial-N".

        Returns:
            float32 ``[C, T]`` at 48 kHz.

        Raises:
            RunError: there is no such clip, bitrate or settings, it is no longer in the cache and
                the encoder is another build, or the run names a program that is not known here.
            EncoderError: it cannot be encoded again or decoded.
        """
        record = self._find_clip(clip)
        reference = self._player.load(record)
        if settings == "reference":
            return reference
        answer = self.answer(kbps)
        if settings == "winner":
            candidate = answer.recommended
        else:
            candidate = find_candidate(self.folder, answer, settings)
        return self._player.coded(record, reference, candidate)

    def to_pandas(self, table: str = "trials") -> pandas.DataFrame:
        """A table of the run; what its columns mean: `docs/results.md`.

        Args:
            table: "trials", one row each; "winners", one a bitrate; "clips", one a bitrate and
                clip, with scores and gains; "deltas", of the Bjøntegaard figures.

        Raises:
            TunerError: pandas is not installed.
            StudyError: there is no such table.
            RunError: the run has not finished, or is damaged.
        """
        from tuner.report.runs import read_runs
        from tuner.report.tables import make_tables

        if table not in TABLES:
            raise StudyError(f"no table {table!r}", remedy=f"there are: {', '.join(TABLES)}")
        rows = list(make_tables(read_runs([self.folder]))[table])
        need_extra("notebook", "to_pandas")
        import pandas

        return pandas.DataFrame(rows)

    def optuna_study(self, kbps: float | None = None) -> optuna.Study:
        """A copy of the Optuna study of a target bitrate, in memory; of a running run, too.

        Raises:
            RunError: there is none, or several and no bitrate is named.
        """
        from tuner.rundir.trials_copy import copy_trials

        studies = copy_trials(self.folder).studies
        if kbps is None and len(studies) == 1:
            return next(iter(studies.values()))
        if kbps not in studies:
            known = ", ".join(f"{each:g}" for each in studies)
            raise RunError(
                f"no Optuna study at {kbps} kb/s", where=self.folder, remedy=f"there are: {known}"
            )
        return studies[kbps]

    @cached_property
    def _player(self) -> RunPlayer:
        encoder = encoder_of(self.folder, Trust(None, self._trust))
        return RunPlayer(self.folder, self.results, encoder)

    def _find_clip(self, clip: str | ClipRecord) -> ClipRecord:
        if isinstance(clip, ClipRecord):
            clip = clip.digest
        found = [c for c in self.clips if clip == c.name or (clip and c.digest.startswith(clip))]
        if len(found) != 1:
            known = ", ".join(c.name for c in self.clips)
            raise RunError(
                f"{len(found)} clips {clip!r}", where=self.folder, remedy=f"there are: {known}"
            )
        return found[0]


def open_run(path: str | Path, *, trust: tuple[str, ...] = ()) -> Run:
    """A run directory, finished or not.

    Args:
        path: the directory.
        trust: digests of programs that it names and may use (`docs/trust.md`).

    Raises:
        RunError: it is no run directory.
    """
    folder = Path(path).expanduser()
    if not any((folder / name).is_file() for name in ("results.json", "study.toml")):
        raise RunError("is no run directory (neither results.json nor study.toml)", where=folder)
    return Run(folder, tuple(trust))
