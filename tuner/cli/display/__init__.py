"""What a terminal shows: progress, tables, the live display, interrupts."""
