"""Several processes that train one network, started as a group by `torchrun`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist


def join_group() -> str:
    """Join the processes that `torchrun` started, if it did; returns this one's device."""
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = f"cuda:{local}" if torch.cuda.is_available() else "cpu"
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        backend = "nccl" if device != "cpu" else "gloo"
        # The first process may make features for hours.
        dist.init_process_group(backend, timeout=timedelta(days=2))
    return device


@contextmanager
def first_process_first() -> Iterator[None]:
    """The first process goes through alone, then the others, who find what it made."""
    if not is_first():
        dist.barrier()
    yield
    if dist.is_initialized() and is_first():
        dist.barrier()


def is_first() -> bool:
    """Whether this process is the one that reports and writes."""
    return not dist.is_initialized() or dist.get_rank() == 0
