"""The example package has tests of its own, run where it is installed (`test_example.py`)."""

collect_ignore = ["example_encoder"]
