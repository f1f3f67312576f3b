"""The search: settings, rate matching, trials, validation."""
