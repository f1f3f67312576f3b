"""The fast filters are ViSQOL's own, to the bit."""

import numpy as np
import pytest
from visqol.numba_accel import _gammatone_spectrogram_numba as packaged

from tuner.metrics import visqol_filters


@pytest.mark.parametrize("bands", [32, 21])
def test_the_same_bits_as_the_package(bands: int) -> None:
    rng = np.random.default_rng(1)
    numerators = rng.uniform(-0.4, 0.4, (4, bands, 3))
    denominators = np.column_stack(
        [np.ones(bands), rng.uniform(-1, 1, bands), rng.uniform(0, 0.7, bands)]
    )
    signal = rng.standard_normal(9_000)
    arguments = (signal, np.hanning(3840), numerators, denominators, 3840, 960, bands, 6)
    expected = packaged(*arguments)
    assert expected.std() > 0
    np.testing.assert_array_equal(visqol_filters.spectrogram(*arguments), expected)
