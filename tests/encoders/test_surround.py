"""More than two channels come back in the order that they went in, through each real codec."""

from __future__ import annotations

import numpy as np
import pytest

from encoders.aac import Aac
from encoders.ac3 import Ac3
from encoders.command import BinaryEncoder
from encoders.eac3 import Eac3
from encoders.lame_ffmpeg import LameFfmpeg
from encoders.opus import Opus
from encoders.opus_ffmpeg import OpusFfmpeg
from encoders.vorbis import Vorbis
from encoders.vorbis_ffmpeg import VorbisFfmpeg
from tuner.encoder import default_settings
from tuner.errors import EncoderMissing, SettingsError
from tuner.layout import LAYOUTS
from tuner.sound.audio import Pcm, align

RATE = 48_000
#: A tone for every speaker; AC-3's LFE holds nothing above 120 Hz.
TONES = {
    "FL": 500, "FR": 700, "FC": 900, "LFE": 60, "BL": 1300, "BR": 1700, "BC": 1500, "SL": 2100,
    "SR": 2500,
}  # fmt: skip
CARRIERS: tuple[BinaryEncoder, ...] = (
    Ac3(), Eac3(), Opus(), OpusFfmpeg(), Aac(), Vorbis(), VorbisFfmpeg(),
)  # fmt: skip
CASES = [
    pytest.param(encoder, channels, id=f"{encoder.name}-{LAYOUTS[channels].name}")
    for encoder in CARRIERS
    for channels in LAYOUTS
    if channels > 2
]


def tones(channels: int) -> Pcm:
    time_s = np.arange(RATE) / RATE
    speakers = LAYOUTS[channels].speakers
    return np.stack([0.1 * np.sin(2 * np.pi * TONES[s] * time_s) for s in speakers]).astype("f4")


def loudest(pcm: Pcm) -> list[int]:
    """The loudest frequency of each channel, Hz."""
    return [2 * int(np.abs(np.fft.rfft(row[12_000:36_000])).argmax()) for row in pcm]


@pytest.mark.parametrize(("encoder", "channels"), CASES)
def test_every_channel_comes_back_in_its_place(encoder: BinaryEncoder, channels: int) -> None:
    """Through the codec's own order and back; or the layout is refused by its name."""
    pcm, settings = tones(channels), default_settings(encoder)
    mode = encoder.rate_modes[0]
    knob = mode.snap(448 if mode.nominal else 5)
    if channels not in encoder.channels:
        with pytest.raises(SettingsError, match=f"does not encode {LAYOUTS[channels].name}, only"):
            encoder.encode(pcm, RATE, settings, knob)
        return
    try:
        encoded = encoder.encode(pcm, RATE, settings, knob)
    except EncoderMissing as error:
        pytest.skip(str(error))
    decoded, rate = encoder.decode(encoded)
    assert rate == RATE
    aligned, _ = align(pcm, decoded)
    assert loudest(aligned) == [TONES[speaker] for speaker in LAYOUTS[channels].speakers]
    power = np.square(pcm[:, 4800:-4800]).mean(axis=1)
    noise = np.square((aligned - pcm)[:, 4800:-4800]).mean(axis=1)
    # -10 dB: Opus codes tones near the bounds of bands with some noise; a wrong place gives +3 dB.
    assert (noise < 0.1 * power).all()


def test_stereo_codecs_refuse_surround() -> None:
    """With what to do."""
    settings = default_settings(LameFfmpeg())
    with pytest.raises(SettingsError, match=r"only mono, stereo; mix it to stereo .*ffmpeg"):
        LameFfmpeg().encode(tones(6), RATE, settings, 128)
