"""The report: reads stored results, never recomputes."""
