"""Ready study definitions in TOML, shipped as package data."""
