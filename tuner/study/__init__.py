"""What is asked: the study, its search space, objective and limits."""
