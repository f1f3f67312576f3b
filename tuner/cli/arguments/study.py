"""The study that a command line describes: a file or a shipped study, and flags laid over it."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping, Sequence
from pathlib import Path

from tuner.errors import StudyError
from tuner.study.files import merge, read_study
from tuner.study.spec import StudySpec, parse_study
from tuner.suggestion import did_you_mean, read_kbps


def resolve_study(study: str | None, flags: dict[str, object]) -> StudySpec:
    """The checked study from a file or a shipped study's name, and flags.

    Raises:
        StudyError: no such study, or anything wrong in it.
    """
    path = _find(study)
    if path is None:
        return parse_study(flags, "command line")
    return parse_study(merge(read_study(path), flags), str(path))


def check_origin(
    study: str | None, spec: StudySpec, flags: Mapping[str, object], digests: Sequence[str]
) -> None:
    """Refuse what the study of a run directory names and this machine does not know.

    Such a run may come from others (`tuner.study.trust`); a study file elsewhere is the
    user's own word.

    Args:
        study: as given.
        spec: what it says, flags laid over it.
        flags: what the command line says.
        digests: of files that may be run.

    Raises:
        RunError: naming what is not known, and its digest.
    """
    from tuner.metrics.registry import is_metric_file
    from tuner.plugins import load_encoder
    from tuner.rundir.folder import IDENTITY_FILE
    from tuner.study.trust import Trust, check_files, load_named

    path = _find(study)
    trust = Trust(spec.binary if "binary" in flags else None, tuple(digests))
    if path is None:
        return
    run = path.parent
    if not any((run / name).exists() for name in (IDENTITY_FILE, "results.json")):
        return
    metrics = [] if "judges" in flags else [*spec.judges]
    metrics += [spec.search.objective_metric]
    check_files([name for name in metrics if is_metric_file(str(name))], run, trust, path)
    if "encoder" not in flags:
        load_named(spec.encoder, spec.binary, run, trust, load_encoder)


def _find(study: str | None) -> Path | None:
    if study is None:
        return None
    path = Path(study)
    return path if path.suffix == ".toml" or path.is_file() else _shipped(study)


def parse_bitrates(text: str) -> list[float]:
    """ "64,96" as kb/s. Raises `StudyError`."""
    from tuner.study.table import BITRATE_RANGE

    low, high = BITRATE_RANGE
    problem = StudyError(
        f"give kb/s from {low:g} to {high:g}, separated by commas, as in 64,96",
        where=f"--bitrates {text}",
    )
    try:
        rates = [read_kbps(part) for part in text.split(",")]
    except ValueError:
        raise problem from None
    if not all(low <= rate <= high for rate in rates):
        raise problem
    return rates


def parse_rate(text: str) -> int | str:
    """ "source", or Hz as a number, as the study has it. Raises `StudyError`."""
    if text == "source":
        return text
    if not (text.isdecimal() and len(text) < 10):
        raise StudyError("give source, or Hz as in 44100", where=f"--rate {text}")
    return int(text)


def parse_qualities(text: str) -> list[float]:
    """ "80,90" as points. Raises `StudyError`."""
    from tuner.study.goal import QUALITY_RANGE

    low, high = QUALITY_RANGE
    try:
        qualities = [float(part) for part in text.split(",")]
    except ValueError:
        qualities = []
    if not qualities or not all(low <= each <= high for each in qualities):
        raise StudyError(
            f"give qualities from {low:g} to {high:g} separated by commas",
            where=f"--target-quality {text}",
        )
    return qualities


def parse_exhibits(text: str) -> int | str:
    """ "3", "all" or "none" as the study has it. Raises `StudyError`."""
    if text in ("all", "none"):
        return "all" if text == "all" else 0
    if not (text.isdecimal() and len(text) < 10):
        raise StudyError("give a number of clips, all or none", where=f"--exhibits {text}")
    return int(text)


def parse_fixed(pairs: Sequence[str]) -> dict[str, str]:
    """name=value pairs. Raises `StudyError`."""
    fixed = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise StudyError("give name=value, as in --fixed joint=true", where=f"--fixed {pair}")
        fixed[name] = value
    return fixed


def _shipped(name: str) -> Path:
    folder = importlib.resources.files("studies")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    if f"{name}.toml" not in names:
        known = [each.removesuffix(".toml") for each in names]
        raise StudyError(
            f"no such file or shipped study{did_you_mean(name, known)}",
            where=name,
            remedy=f"known: {', '.join(known)}",
        )
    return Path(str(folder / f"{name}.toml"))
