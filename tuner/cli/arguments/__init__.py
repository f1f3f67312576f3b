"""What command lines describe, made into objects."""
