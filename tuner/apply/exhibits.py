"""Writes a run's exhibits: the clips that gained and lost the most, to be listened to.

Held-out clips, decoded as they were scored; more than two channels are mixed to stereo, as players
and browsers do it in their own ways. Every sound is brought to its reference's loudness,
and all sounds of a clip are turned down together where one would clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from tuner.apply.player import RunPlayer
from tuner.errors import RunError
from tuner.exhibits import FOLDER, Exhibit, Role, write_index
from tuner.records import Answer, ClipRecord, Results, Side
from tuner.sound.audio import SAMPLE_RATE, Pcm
from tuner.sound.loudness import HIGHEST_PEAK, loudness_lufs, matching_gain_db, peak_after
from tuner.sound.surround import downmix

#: How many clips of either end: a number, or all.
Count = int | Literal["all"]

SIDE: Side = "holdout"


def write_exhibits(player: RunPlayer, results: Results, count: Count) -> list[Exhibit]:
    """Write the sounds of a run and their index; what earlier sessions wrote is replaced.

    Args:
        player: gives the run's sounds.
        results: what the run found.
        count: for each bitrate so many clips with the least gain and so many with the most.

    Raises:
        RunError: the folder cannot be written, or the player has lost a sound.
        EncoderError: a clip cannot be decoded.
    """
    wanted = {bitrate.target_kbps: choose_clips(bitrate, count) for bitrate in results.bitrates}
    clips = [c for c in results.clips if any(c.digest in chosen for chosen in wanted.values())]
    folder = player.run / FOLDER
    exhibits: list[Exhibit] = []
    try:
        folder.mkdir(exist_ok=True)
        for clip in clips:
            shown = [b for b in results.bitrates if clip.digest in wanted[b.target_kbps]]
            exhibits += _write_clip(player, clip, shown, folder)
        write_index(exhibits, player.run)
        kept = {exhibit.file for exhibit in exhibits}
        for path in (*folder.glob("*.wav"), *folder.glob("*.wav.js")):
            if path.name.removesuffix(".js") not in kept:
                path.unlink()
    except (OSError, RuntimeError) as error:
        raise RunError(f"cannot be written ({error})", where=folder) from error
    return exhibits


def choose_clips(bitrate: Answer, count: Count) -> set[str]:
    """Digests of the held-out clips with the least and the most gain by what was climbed."""
    if not bitrate.tuned:
        return set()
    sides = [bitrate.candidates[index].sides.get(SIDE) for index in (0, bitrate.tuned)]
    if None in sides:
        return set()
    before, after = (side.scores[side.climbed] for side in sides if side is not None)
    by_gain = sorted(before, key=lambda digest: (after[digest] - before[digest], digest))
    if count == "all" or 2 * count >= len(by_gain):
        return set(by_gain)
    return {*by_gain[:count], *by_gain[len(by_gain) - count :]}


def _write_clip(
    player: RunPlayer, clip: ClipRecord, bitrates: Sequence[Answer], folder: Path
) -> list[Exhibit]:
    """One clip at all bitrates that show it: its sounds share one attenuation."""
    original = player.load(clip)
    reference = downmix(original)
    target = loudness_lufs(reference)
    sounds: list[tuple[Answer, Role, Pcm, float]] = []
    for bitrate in bitrates:
        indices: tuple[tuple[Role, int], ...] = (("default", 0), ("tuned", bitrate.tuned))
        for role, index in indices:
            coded = downmix(player.coded(clip, original, bitrate.candidates[index]))
            sounds.append((bitrate, role, coded, matching_gain_db(target, coded)))
    peak = max(peak_after(pcm, gain_db) for _, _, pcm, gain_db in sounds)
    peak = max(peak, peak_after(reference, 0.0))
    common_db = min(0.0, 20 * float(np.log10(HIGHEST_PEAK / peak))) if peak > 1 else 0.0
    stem = clip.digest[:16]
    _write(folder / f"{stem}.wav", reference, common_db)
    written = [
        Exhibit(clip.digest, bitrate.target_kbps, "reference", f"{stem}.wav", round(common_db, 3))
        for bitrate in bitrates
    ]
    for bitrate, role, pcm, gain_db in sounds:
        name = f"{stem}-{bitrate.target_kbps:g}-{role}.wav"
        _write(folder / name, pcm, gain_db + common_db)
        written.append(
            Exhibit(clip.digest, bitrate.target_kbps, role, name, round(gain_db + common_db, 3))
        )
    return written


def _write(path: Path, pcm: Pcm, gain_db: float) -> None:
    import soundfile

    samples = np.clip(pcm * np.float32(10 ** (gain_db / 20)), -1.0, 1.0).T
    soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_24", format="WAV")
