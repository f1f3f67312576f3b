"""Sound: files read and checked, clips, alignment, loudness, synthetic sounds."""
