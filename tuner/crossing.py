"""Where a curve of quality over bitrate crosses a target.

Quality rises with bitrate, but not at every step: an encoder's decisions change from one value of
its rate parameter to the next. Measurements are therefore taken for a noisy, rising curve and
fitted by isotonic regression (R. Barlow et al., Statistical Inference under Order Restrictions,
1972). The curve is about straight where the logarithm of what is missing to 100 points is drawn
over the logarithm of bitrate (`stretch`), which makes interpolation and secants short.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Rise of `stretch` for e times the bitrate where nothing is measured yet: 1.1 to 2.8 between
#: 48 and 128 kb/s for opus, aac, lame and vorbis.
PRIOR_RISE = 2.0
#: Points nearer together than this tell no slope (natural logarithm of bitrate).
LEAST_WIDTH = 0.03


def stretch(quality: Floats) -> Floats:
    """Quality on the scale on which it is about straight over the logarithm of bitrate.

    Args:
        quality: points; above 100 (a margin over transparency, say) it goes on straight.
    """
    return np.where(quality < 100, -np.log(101.0 - np.minimum(quality, 100)), quality - 100.0)


def find_crossing(kbps: Floats, quality: Floats, target: float) -> float:
    """Where a noisy, rising curve crosses the target, kb/s.

    Outside the measured range it follows the slope between the outermost points, as what lies
    side by side says little of it.

    Args:
        kbps, quality: ``[P]`` each, at least one point, in any order.
        target: quality, points.
    """
    order = np.argsort(kbps)
    rates, fit = np.log(kbps[order]), fit_rising(stretch(quality[order]))
    wanted = float(stretch(np.array(target)))
    above = int(np.searchsorted(fit, wanted))
    if 0 < above < len(fit):
        share = (wanted - fit[above - 1]) / (fit[above] - fit[above - 1])
        place = rates[above - 1] + share * (rates[above] - rates[above - 1])
        return float(math.exp(place))
    end = 0 if above == 0 else -1
    width = float(rates[-1] - rates[0])
    rise = float(fit[-1] - fit[0]) / width if width > LEAST_WIDTH else 0.0
    return float(math.exp(rates[end] + (wanted - fit[end]) / (rise if rise > 0 else PRIOR_RISE)))


def fit_rising(values: Floats) -> Floats:
    """The isotonic regression of values in the order of their bitrates."""
    from scipy.optimize import isotonic_regression

    return np.asarray(isotonic_regression(values).x)
