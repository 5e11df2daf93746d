"""Several processes that train one net: what torchrun starts, and the one process without it.

Every process holds all images and draws the same random numbers; each takes every `world`-th image
of a batch, so that a batch, its order and its augmentation do not depend on the number of
processes. What does differ are batch normalisation, whose statistics are each process's own share,
and the order in which gradients are summed.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from trainer.errors import TrainError


@dataclass(frozen=True, slots=True)
class Team:
    """This process among those that train together.

    Attributes:
        rank: its number, from 0; 0 writes files and messages.
        world: how many there are.
    """

    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share(self, rows: Tensor) -> Tensor:
        """This process's rows of a batch."""
        return rows[self.rank :: self.world]

    def wrap(self, net: nn.Module) -> nn.Module:
        """A view of `net` whose backward pass averages gradients over all processes."""
        if self.world == 1:
            return net
        return DistributedDataParallel(net, broadcast_buffers=True)

    def sum(self, value: Tensor) -> Tensor:
        """The sum of a scalar over all processes."""
        if self.world > 1:
            distributed.all_reduce(value)
        return value

    def agree(self, value: float) -> float:
        """The largest of a number over all processes, so that all act alike."""
        if self.world == 1:
            return value
        shared = torch.tensor(float(value))
        distributed.all_reduce(shared, distributed.ReduceOp.MAX)
        return float(shared)

    def copy_from_leader(self, net: nn.Module) -> None:
        """Give every process the leader's weights and buffers."""
        if self.world > 1:
            for tensor in net.state_dict().values():
                distributed.broadcast(tensor, 0)


def is_leader() -> bool:
    """Whether this process speaks for all: torchrun's first, or the only one."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def team() -> Iterator[Team]:
    """Join the processes that torchrun started; alone where it did not.

    Raises:
        TrainError: torchrun's variables are there, but the processes do not meet.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield Team()
        return
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        # Gloo carries the few numbers of `agree`, which live on the CPU, on every machine.
        distributed.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo")
    except (RuntimeError, ValueError) as error:
        raise TrainError(f"The processes of torchrun do not meet: {error}.") from error
    try:
        yield Team(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
