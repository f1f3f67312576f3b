"""The operating system: child processes, locks, faults of the machine, what programs wrote."""
