"""Targets of quality: the lowest bitrate that is good enough, ladders, transparency."""
