"""The search: proposals, rate matching, pruning, trials."""
