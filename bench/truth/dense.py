"""Dense mixes: how far the model is from the fused label, and AAC's two-loop VBR against ABR."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bench.truth.listening import Listening
from bench.truth.matched import code, consensus, match, means, scores
from bench.truth.mixes import dense_mixes
from bench.truth.references import Reference
from bench.truth.table import NONE, Row
from tuner.encoder import Settings, default_settings
from tuner.errors import EncoderError
from tuner.plugins import load_encoder
from tuner.training.labels import label
from tuner.training.opinions import opinions
from tuner.training.recipes import Recipe

#: Encoder -> kb/s of its default on mixes and on single recordings.
ENCODERS = {"aac": 64.0, "lame-ffmpeg": 96.0, "opus": 64.0, "vorbis": 80.0, "twolame": 128.0}
#: Single recordings that are compared.
SINGLES = 6
VBR_KBPS = (48.0, 64.0, 96.0)


def dense(references: Sequence[Reference], listening: Listening) -> list[Row]:
    """Rows of the errors by encoder, and of VBR against ABR at each bitrate."""
    mixes = dense_mixes(references)
    stereo = [r for r in references if r.side != "synthetic" and r.pcm.shape[0] == 2]
    singles = [stereo[n] for n in np.linspace(0, len(stereo) - 1, SINGLES).round().astype(int)]
    return [*_errors(mixes, singles, listening), *_two_loop(mixes, listening)]


def _errors(
    mixes: Sequence[Reference], singles: Sequence[Reference], listening: Listening
) -> Iterator[Row]:
    for name, kbps in ENCODERS.items():
        encoder = load_encoder(name)
        told = []
        for sounds in (mixes, singles):
            knob = match(encoder, default_settings(encoder), kbps, sounds)
            if knob is None:
                break
            errors = []
            for sound in sounds:
                try:
                    coded = code(encoder, default_settings(encoder), knob, sound.pcm)
                except EncoderError as error:
                    print(f"{name}: {sound.name}: left out: {error}")
                    continue
                made = label(
                    sound.pcm, coded, Recipe(({"kind": "anchor", "hz": 0.0},)), apart=False
                )
                errors.append(listening.listen(sound, coded)[0].mean - opinions(made).fused)
            told.append(np.array(errors))
        if len(told) == 2:
            said = [f"{np.abs(e).mean():.1f} (mean {e.mean():+.1f})" for e in told]
            yield Row(
                f"{name}@{kbps:g}: error against the fused label, dense mixes; single recordings",
                "no larger on mixes",
                ("; ".join(said),),
            )


def _two_loop(mixes: Sequence[Reference], listening: Listening) -> Iterator[Row]:
    encoder = load_encoder("aac")
    abr = default_settings(encoder)
    known = default_settings(encoder, "vbr").as_dict()
    vbr = Settings.of("vbr", {**known, "coder": "twoloop"})
    for kbps in VBR_KBPS:
        found = [scores(encoder, each, kbps, mixes, listening) for each in (abr, vbr)]
        if found[0] is None or found[1] is None:
            yield Row(f"aac@{kbps:g}: two-loop VBR less ABR", "not reached", (NONE,))
            continue
        moved = means(found[1]) - means(found[0])
        agreed = consensus(found[1]) - consensus(found[0])
        yield Row(
            f"aac@{kbps:g}: two-loop VBR less ABR on mixes (consensus {agreed:+.1f})",
            "no gain where 2f-model loses and the fused label does not gain",
            tuple(f"{points:+.1f}" for points in moved),
        )
