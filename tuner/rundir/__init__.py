"""What a run keeps: its folder, identity, status, database, disk space."""
