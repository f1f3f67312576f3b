"""What workers do: jobs, their cache, passes over the clips, executors."""
