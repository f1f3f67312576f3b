"""Which metrics the shipped quality model learned from; their agreement with it is no new evidence.

To be changed with the weights.
"""

TAUGHT_THE_MODEL = frozenset({"visqol", "zimtohrli"})
