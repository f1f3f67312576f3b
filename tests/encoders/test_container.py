"""Coded files in memory: what is decoded is bounded."""

from __future__ import annotations

import pytest

from encoders import container
from encoders.aac import Aac
from tuner.encoder import DecodeFailed, default_settings
from tuner.testing import make_clip


def test_what_decodes_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes may stand for hours of silence; what fits is decoded as it was."""
    encoder = Aac()
    coded = encoder.encode(make_clip(), 48_000, default_settings(encoder), 64).data
    pcm, _ = container.decode(coded)
    monkeypatch.setattr(container, "DECODED_LIMIT", pcm.shape[1] + 2048)
    assert container.decode(coded)[0].shape == pcm.shape
    monkeypatch.setattr(container, "DECODED_LIMIT", pcm.shape[1] // 2)
    with pytest.raises(DecodeFailed, match="decodes to over"):
        container.decode(coded)
