"""Which metrics the shipped quality model learned from; their agreement with it is no new evidence.

The same as in the shipped weights' metadata, which a test holds.
"""

TAUGHT_THE_MODEL = frozenset({"visqol", "zimtohrli", "peaq", "2f"})
