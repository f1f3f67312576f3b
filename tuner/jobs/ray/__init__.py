"""Jobs in Ray, on one machine or a cluster.

The driver's side is `executor`, and `sending` what it hands to Ray; in Ray's processes run
`sending.run_task` and the GPU's `scoring.ScorerActor`, on nodes that may not see the run
directory (`home`).
"""

from tuner.jobs.ray.executor import RayExecutor

__all__ = ["RayExecutor"]
