"""Listening tests: MUSHRA after ITU-R BS.1534 and ABX, from stimuli to analysis.

`make_test` writes a folder of blind stimuli and a plan, `make_app` serves it to listeners,
`analyse` says what their ratings show. Ratings are 0 to 100, higher is better.
"""

from tuner.listening.analysis import Analysis, analyse
from tuner.listening.plan import ANCHORS, REFERENCE, Plan, read_plan
from tuner.listening.stimuli import Material, make_test

__all__ = [
    "ANCHORS",
    "REFERENCE",
    "Analysis",
    "Material",
    "Plan",
    "analyse",
    "make_test",
    "read_plan",
]
