"""One whole run, from the study to the results."""
