"""codec tuner: finds the best settings of audio encoders by learned quality."""

__version__ = "0.1.0"
