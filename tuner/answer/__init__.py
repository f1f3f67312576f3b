"""The answer: validation, verdict, ablation, checks, diagnosis."""
