"""What `tuner compare` is given: two sides as texts, made into adapters with settings.

A side is one of::

    NAME                        an encoder's defaults
    NAME:param=value,…          the same with other values (and `rate_mode=…`)
    NAME=/path/to/binary[:…]    another build of it
    RUN, RUN@96[:tuned]         what a finished run recommends, or its default, tuned, trial-N
    FILE.json                   what `tuner export --format json` wrote, or one
                                {"encoder": …, "rate_mode": …, "values": {…}}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.apply.compare import Subject
from tuner.apply.player import encoder_of, find_bitrate, find_candidate, parse_run
from tuner.encoder import RATE_MODE, Encoder, Settings
from tuner.errors import StudyError
from tuner.study.trust import Trust


@dataclass(frozen=True)
class SubjectSpec:
    """One side before the bitrates are known.

    Args:
        text: as given.
        encoder: the adapter.
        at: gives settings and, if known, the knob at a target bitrate.
        bitrates_kbps: the bitrates that it has settings for; empty: any.
        run: the run directory, if it is one.
    """

    text: str
    encoder: Encoder
    at: Callable[[float], tuple[Settings, float | None]]
    bitrates_kbps: tuple[float, ...] = field(default=())
    run: Path | None = None

    def subject(self, bitrates_kbps: Sequence[float]) -> Subject:
        """The side at these bitrates. Raises `TunerError` where it has no settings there."""
        found = {kbps: self.at(kbps) for kbps in bitrates_kbps}
        return Subject(
            self.text,
            self.encoder,
            {kbps: settings for kbps, (settings, _) in found.items()},
            {kbps: knob for kbps, (_, knob) in found.items() if knob is not None},
        )

    def only_settings(self) -> Settings:
        """The settings, where no bitrate is asked for.

        Raises:
            StudyError: it has others at other bitrates.
        """
        if len(self.bitrates_kbps) > 1:
            known = ", ".join(f"{self.text}@{kbps:g}" for kbps in self.bitrates_kbps)
            raise StudyError(
                "has several bitrates", where=self.text, remedy=f"choose one of {known}"
            )
        return self.at(self.bitrates_kbps[0] if self.bitrates_kbps else 0.0)[0]


def parse_subject(text: str, trust: Trust) -> SubjectSpec:
    """One side from its text.

    Args:
        text: see the module.
        trust: the binary of the encoder, which wins over one in the text, and what else a run,
            or a file, may use.

    Raises:
        StudyError: the text is none of what is known, or a value does not fit.
        TunerError: the run or the encoder cannot be loaded.
    """
    if text.endswith(".json"):
        return _from_file(text, trust)
    run_text, _, name = text.partition(":")
    run, _ = parse_run(run_text)
    if (run / "results.json").is_file():
        return _from_run(text, run_text, name, trust)
    if run.is_dir() or "@" in run_text:
        raise StudyError(f"no finished run (no results.json in {run})", where=text)
    return _from_encoder(text, trust.binary)


def _from_encoder(text: str, binary: str | None) -> SubjectSpec:
    from tuner.plugins import load_encoder
    from tuner.study.files import locate

    head, _, values = text.partition(":")
    name, _, build = head.partition("=")
    build = binary or build
    encoder = load_encoder(locate(name, Path()), locate(build, Path()) if build else None)
    settings = _fill(encoder, _pairs(values, text), text)
    return SubjectSpec(text, encoder, lambda _: (settings, None))


def _from_run(text: str, run_text: str, name: str, trust: Trust) -> SubjectSpec:
    from tuner.results import read_run

    run, only = parse_run(run_text)
    results = read_run(run)

    def at(kbps: float) -> tuple[Settings, float | None]:
        answer = find_bitrate(run, results, kbps if only is None else only)
        found = find_candidate(run, answer, name) if name else answer.recommended
        return found.settings, found.sides["tune"].knob

    known = [b.target_kbps for b in results.bitrates] if only is None else [only]
    return SubjectSpec(text, encoder_of(run, trust), at, tuple(known), run)


def _from_file(text: str, trust: Trust) -> SubjectSpec:
    from tuner.plugins import load_encoder
    from tuner.study.trust import load_named

    try:
        raw = json.loads(Path(text).read_text(encoding="utf-8"))
        encoder = load_named(str(raw["encoder"]), None, None, trust, load_encoder)
        rows: Mapping[float | None, Mapping[str, Any]] = (
            {float(row["target_kbps"]): row for row in raw["bitrates"]}
            if "bitrates" in raw
            else {None: raw}
        )
        settings = {kbps: _fill(encoder, _values(row), text) for kbps, row in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StudyError(
            f"not a settings file ({error!r})",
            where=text,
            remedy="`tuner export RUN --format json` writes one",
        ) from error

    def at(kbps: float) -> tuple[Settings, float | None]:
        found = settings.get(kbps, settings.get(None))
        if found is None:
            known = ", ".join(f"{each:g}" for each in settings if each is not None)
            raise StudyError(
                f"no settings at {kbps:g} kb/s", where=text, remedy=f"available: {known}"
            )
        return found, None

    return SubjectSpec(text, encoder, at, tuple(kbps for kbps in settings if kbps is not None))


def _pairs(values: str, text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in values.split(",")] if values else []
    if not all(name and equals and value for name, equals, value in pairs):
        raise StudyError(
            "give name=value pairs after the colon, as in quality=5,mode=x", where=text
        )
    return {name: value for name, _, value in pairs}


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    mode = {RATE_MODE: row[RATE_MODE]} if RATE_MODE in row else {}
    return {**row.get("values", {}), **mode}


def _fill(encoder: Encoder, values: Mapping[str, Any], text: str) -> Settings:
    """Settings with these values, defaults elsewhere. Raises `StudyError`."""
    from tuner.study.space import make_space

    settings = make_space(encoder, values).defaults()[0]
    if idle := sorted(values.keys() - {RATE_MODE} - settings.as_dict().keys()):
        raise StudyError(
            f"no effect with these settings: {', '.join(idle)}",
            where=text,
            remedy=f"`tuner encoders {encoder.name}` shows what they depend on",
        )
    return settings
