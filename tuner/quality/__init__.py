"""The quality model and the metrics it learns from."""
