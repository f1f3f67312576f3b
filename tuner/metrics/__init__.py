"""Metrics as plug-ins, one a file. `registry` finds them; `tuner.metric` is their protocol."""
