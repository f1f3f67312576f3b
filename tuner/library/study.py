"""`tuner.Study`: the command `tuner run` for notebooks and scripts."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from tuner.errors import StudyError
from tuner.library.run import Run
from tuner.study.files import locate_paths, merge, read_study
from tuner.study.spec import StudySpec, parse_study


class Study:
    """What is to be searched: checked at once, run by `run`.

    Args:
        encoder: an adapter's name, or its TOML file.
        clips: folder of sound files, or the whole table [clips] of a study file.
        bitrates: target bitrates, kb/s.
        trials: most trials per bitrate.
        hours: most hours of search in all.
        more: other keys of a study file (`docs/study.md`), tables as mappings:
            ``search={"prune": False}``, ``fixed={"joint": True}``, ``seed=1``.

    Raises:
        StudyError: listing all that is wrong.
    """

    def __init__(
        self,
        encoder: str | Path,
        clips: str | Path | Mapping[str, object],
        bitrates: float | Sequence[float],
        *,
        trials: int | None = None,
        hours: float | None = None,
        **more: object,
    ) -> None:
        given = {
            "encoder": str(encoder),
            "clips": dict(clips) if isinstance(clips, Mapping) else {"folder": str(clips)},
            "bitrates_kbps": [bitrates] if isinstance(bitrates, int | float) else list(bitrates),
            "trials": trials,
            "hours": hours,
        }
        if twice := sorted(given.keys() & more.keys()):
            raise StudyError(
                "given twice, as bitrates and by key", where=f"Study: {', '.join(twice)}"
            )
        self.spec: StudySpec = _parse({**given, **more}, {})

    @classmethod
    def read(cls, path: str | Path, **changes: object) -> Study:
        """A study file, with changes laid over it as flags are.

        Raises:
            StudyError: it cannot be read, or listing all that is wrong.
        """
        study = cls.__new__(cls)
        study.spec = _parse(changes, read_study(Path(path).expanduser()))
        return study

    def __repr__(self) -> str:
        rates = ", ".join(f"{kbps:g}" for kbps in self.spec.bitrates_kbps)
        return f"<tuner.Study of {self.spec.encoder} at {rates} kb/s>"

    def run(self, out: str | Path | None = None) -> Run:
        """Search, validate and write the report, as `tuner run` does; progress goes to stderr.

        A run that was stopped is resumed, one that has finished gets more trials. A script needs
        ``if __name__ == "__main__":`` around this, as workers are processes that import it.

        Args:
            out: the run directory; None for one under ``runs`` that is named after the study.

        Raises:
            KeyboardInterrupt: it was stopped; what was finished is kept.
            TunerError: whatever ends a run, in words.
        """
        from tuner.cli.commands.run import assemble, default_folder
        from tuner.cli.running import Stopped, search_and_report
        from tuner.study.trust import remember

        spec = self.spec
        given = Path(out).expanduser() if out is not None else None
        parts = assemble(spec, given)
        folder = given or default_folder(spec, parts.encoder)
        remember(spec.encoder, spec.binary, parts.encoder)
        command = ["tuner", "run", str(folder / "study.toml"), "--out", str(folder)]
        try:
            search_and_report(parts, folder, shlex.join(command))
        except Stopped:
            raise KeyboardInterrupt from None
        return Run(folder)


def _parse(given: Mapping[str, object], below: Mapping[str, object]) -> StudySpec:
    flags = {name: _plain(value) for name, value in given.items() if value is not None}
    return parse_study(merge(below, locate_paths(flags, Path())), "Study")


def _plain(value: object) -> object:
    """Paths as texts, tuples as lists, as a study file has them."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
