"""Built-in encoder adapters, one file each."""
