"""A Ray cluster: how it is reached, and what its machines have.

Ray is an extra and is imported only here, when somebody asks for it.
"""

import importlib
import os
import sys
from typing import Any, Final, NamedTuple

from ferdesk.core.errors import ClusterError

LOCAL: Final = "local"
"""The address that starts a cluster of this machine alone."""


class Machine(NamedTuple):
    """What one machine of the cluster offers."""

    cpus: int
    gpus: int


def import_ray() -> Any:
    """Ray, with its usage reports turned off.

    Raises:
        ClusterError: it is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when it is imported: nothing is reported
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise ClusterError('ray is not installed: pip install "ferdesk[cluster]"') from error


def connect(address: str) -> Any:
    """Ray, connected; whoever asked for it calls its `shutdown`.

    Args:
        address: `LOCAL`, "auto" or HOST:PORT.

    Raises:
        ClusterError: Ray is not installed, does not start or does not answer.
    """
    if address == LOCAL and "ray" not in sys.modules:
        # Its ports are open to the network, and whoever may use them may run what they like. Read
        # when Ray is imported: later, its processes would be asked for what this one does not have.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    ray = import_ray()
    try:
        if address == LOCAL:
            ray.init(
                address=LOCAL,
                include_dashboard=False,
                _node_ip_address="127.0.0.1",
                logging_level="warning",
            )
        else:
            ray.init(address=address, logging_level="warning")
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ClusterError(
            f"Ray does not start, or not answer at {address}: {first_line(error)}"
        ) from error
    return ray


def machines(ray: Any) -> tuple[Machine, ...]:
    """The machines that are there now."""
    sizes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return tuple(Machine(int(one.get("CPU", 0)), int(one.get("GPU", 0))) for one in sizes)


def first_line(error: BaseException) -> str:
    """What an error says, without the traces of other processes that Ray hangs on to it."""
    first, *_ = str(error).splitlines() or [""]
    return first
