"""Stimuli: conditions made equally loud, anchors added, files written under blind names.

Coded signals come aligned and of the reference's length. Each is brought to the reference's
integrated loudness (ITU-R BS.1770-4, by pyloudnorm). Anchors are by definition the reference
low-passed, so their level is left as it is. Then one gain for the whole trial brings its
reference to `LOUDNESS_LUFS`, less where a peak would clip: within a trial nothing but the coding
differs, and no trial startles. Names follow from the plan's secret, and all files of a trial are
padded to one size: a listing of the folder tells nothing.
"""

from __future__ import annotations

import hmac
import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tuner.errors import ClipError, RunError
from tuner.layout import name_layout
from tuner.listening.anchors import anchor
from tuner.listening.plan import (
    ANCHORS,
    PLAN_FILE,
    REFERENCE,
    Kind,
    Plan,
    Question,
    Stimulus,
    Trial,
    write_plan,
)
from tuner.listening.volume import make_tone
from tuner.sound.audio import SAMPLE_RATE, Pcm
from tuner.sound.loudness import HIGHEST_PEAK, loudness_lufs, matching_gain_db, peak_after

#: Programme loudness of EBU R 128; leaves the headroom that most material needs.
LOUDNESS_LUFS = -23.0
#: Signals of a trial, hidden reference and anchors among them (BS.1534-3, 5.3).
MOST_STIMULI = 12
STIMULI_FOLDER = "stimuli"
SECRET_BYTES = 16
#: Where FLAC has its first block; the bit of a block's first byte that marks the last of them; the
#: kind of a PADDING block, and how much it holds, 16 MB (RFC 9639, 8.1 to 8.3).
STREAMINFO, LAST_BLOCK, PADDING_KIND, MOST_PADDING_BYTES = slice(4, 42), 0x80, 1, (1 << 24) - 1


@dataclass(frozen=True, eq=False)
class Material:
    """One clip at one bitrate: what a trial is made of.

    Args:
        clip: the clip's name, for people.
        bitrate_kbps: target bitrate; None where it is not known.
        reference: float32 ``[C, T]`` at 48 kHz.
        coded: condition -> aligned signal of the reference's shape.
        predicted: condition -> the quality model's score.
    """

    clip: str
    bitrate_kbps: float | None
    reference: Pcm = field(repr=False)
    coded: Mapping[str, Pcm] = field(repr=False)
    predicted: Mapping[str, float] = field(default_factory=dict)


def make_test(
    folder: Path,
    materials: Iterable[Material],
    *,
    title: str,
    baseline: str,
    kind: Kind = "mushra",
    repeats: int = 1,
    seed: int = 0,
    secret: str | None = None,
    intro: str = "",
    questions: tuple[Question, ...] = (),
    tone_db: float | None = None,
) -> Plan:
    """Write a test's stimuli and plan.

    Args:
        folder: made; must not hold a test yet.
        materials: taken one after another, so that they need not be in memory together.
        title: what listeners read above the test.
        baseline: the condition that the others are compared with.
        kind: "mushra"; or "abx" between the first two coded conditions of a clip, or between the
            reference and the only one.
        repeats: how often each clip is asked (ABX needs several).
        seed: of the draw of clips, for the plan to tell.
        secret: what blind names and orders follow from; None: a new one.
        intro: Markdown that subjects read, and agree to, before they begin.
        questions: what they answer before they begin.
        tone_db: loudness of the tone by which they set the volume, relative to the clips; None:
            without.

    Raises:
        RunError: the folder holds a test, or cannot be written.
        ClipError: a clip has too few or too many conditions, is too short, or has more than two
            channels.
        StudyError: the tone is out of range.
    """
    import soundfile

    if (folder / PLAN_FILE).exists():
        raise RunError(
            "already contains a test", where=folder, remedy="choose another folder with -o"
        )
    tone = None if tone_db is None else make_tone(tone_db, LOUDNESS_LUFS, channels=2)
    trials: list[Trial] = []
    secret = secret or secrets.token_hex(SECRET_BYTES)
    try:
        (folder / STIMULI_FOLDER).mkdir(parents=True, exist_ok=True)
        for number, material in enumerate(materials):
            if len(material.reference) > 2:
                raise ClipError(
                    f"has {name_layout(len(material.reference))} sound; listening tests play mono"
                    " and stereo only",
                    where=material.clip,
                    remedy="mix it down (tuner run --downmix)",
                )
            sounds = {**_sounds(material), **_anchors(material, kind)}
            if tone_db is not None and number == 0:
                tone = make_tone(tone_db, LOUDNESS_LUFS, len(material.reference))
            gains = level_gains(material.reference, sounds)
            made = []
            for condition, pcm in sounds.items():
                gain_db, total = gains[condition]
                file = f"{STIMULI_FOLDER}/{_blind_name(secret, number, condition)}.flac"
                samples = np.clip(pcm * total, -1.0, 1.0).T
                soundfile.write(folder / file, samples, SAMPLE_RATE, subtype="PCM_24")
                made.append(
                    Stimulus(condition, file, round(gain_db, 3), material.predicted.get(condition))
                )
            _pad([folder / each.file for each in made])
            reference = next(each.file for each in made if each.condition == REFERENCE)
            # ABX: the first two coded conditions, or the only one against the reference.
            pair = made[:2] if len(material.coded) == 1 else made[1:3]
            rated = made if kind == "mushra" else pair
            for _ in range(repeats):
                name = f"{len(trials) + 1:03d}"
                trials.append(
                    Trial(name, material.clip, material.bitrate_kbps, reference, tuple(rated))
                )
    except OSError as error:
        raise RunError(f"cannot be written ({error})", where=folder) from error
    if not trials:
        raise ClipError(
            "no clip to listen to", where=folder, remedy="choose other clips or bitrates"
        )
    plan = Plan(kind, title, seed, baseline, tuple(trials), secret, intro, questions, tone)
    write_plan(plan, folder)
    return plan


def level_gains(reference: Pcm, sounds: Mapping[str, Pcm]) -> dict[str, tuple[float, float]]:
    """What each sound of a trial is multiplied by.

    Args:
        reference: float32 ``[C, T]`` at 48 kHz.
        sounds: condition -> signal, the reference and anchors among them.

    Returns:
        Condition -> (gain in dB to the reference's loudness, factor to the final level).

    Raises:
        ClipError: the clip is too short for its loudness to be measured.
    """
    target = loudness_lufs(reference)
    match: dict[str, float] = {}
    for condition, pcm in sounds.items():
        fixed = condition == REFERENCE or condition in ANCHORS
        match[condition] = 0.0 if fixed else matching_gain_db(target, pcm)
    common = 10 ** ((LOUDNESS_LUFS - target) / 20) if math.isfinite(target) else 1.0
    peak = max(peak_after(pcm, match[condition]) for condition, pcm in sounds.items())
    common = min(common, HIGHEST_PEAK / peak) if peak > 0 else common
    return {c: (gain_db, common * 10 ** (gain_db / 20)) for c, gain_db in match.items()}


def _sounds(material: Material) -> dict[str, Pcm]:
    most = MOST_STIMULI - 1 - len(ANCHORS)
    if not 1 <= len(material.coded) <= most:
        raise ClipError(
            f"{len(material.coded)} coded conditions; a page takes 1 to {most}", where=material.clip
        )
    for condition, pcm in material.coded.items():
        if condition == REFERENCE or condition in ANCHORS:
            raise ClipError(
                f"a coded condition cannot be called {condition!r}", where=material.clip
            )
        if pcm.shape != material.reference.shape:
            raise ClipError(
                f"{pcm.shape} samples, the reference has {material.reference.shape}",
                where=f"{material.clip}, {condition}",
                remedy="align it first",
            )
    return {REFERENCE: material.reference, **material.coded}


def _anchors(material: Material, kind: Kind) -> dict[str, Pcm]:
    if kind == "abx":
        return {}
    return {name: anchor(material.reference, hz) for name, hz in ANCHORS.items()}


def _blind_name(secret: str, trial: int, condition: str) -> str:
    return hmac.digest(secret.encode(), f"{trial} {condition}".encode(), "sha256").hex()[:16]


def _pad(files: Sequence[Path]) -> None:
    """Give all files the largest one's size, by what FLAC has for that."""
    size = max(file.stat().st_size for file in files)
    for file in files:
        flac = file.read_bytes()
        file.write_bytes(_padded(flac, min(size - len(flac), MOST_PADDING_BYTES)))


def _padded(flac: bytes, padding: int) -> bytes:
    """A FLAC file with a PADDING block after STREAMINFO, which is always first (RFC 9639, 8)."""
    kind, rest = flac[STREAMINFO.start], flac[STREAMINFO.stop :]
    info = bytes([kind & ~LAST_BLOCK]) + flac[STREAMINFO.start + 1 : STREAMINFO.stop]
    head = bytes([kind & LAST_BLOCK | PADDING_KIND]) + padding.to_bytes(3, "big")
    return b"".join((flac[: STREAMINFO.start], info, head, bytes(padding), rest))
