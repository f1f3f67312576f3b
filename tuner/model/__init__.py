"""The quality model: front end, InSE-NET, windows, weights."""
