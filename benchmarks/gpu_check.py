"""For a machine with an NVIDIA GPU: all tests marked gpu, then each engine's time on each net.

    make gpu
    python benchmarks/gpu_check.py compact-ferplus my-own-net

Exits with pytest's code. Nothing is remembered for `--engine auto`; that does `ferdesk bench`.
"""

import argparse
import platform
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ferdesk.bundles import find_bundle
from ferdesk.cores import usable_cores
from ferdesk.engines.choice import open_plan
from ferdesk.engines.measure import Measured, availability, measure, timed
from ferdesk.engines.net import Net
from ferdesk.engines.reference import Reference
from ferdesk.expression import ExpressionNet

ROOT = Path(__file__).resolve().parents[1]
BATCHES = (1, 4, 16)


def expression_net(name: str) -> Net:
    """A bundle's net as engines see it."""
    opened = ExpressionNet(find_bundle(name))
    opened.close()
    return opened.net


def milliseconds(net: Net, one: Measured) -> list[str]:
    """The median of each batch size, for a way that has run already."""
    if one.timing is None:
        return [""] * len(BATCHES)
    row = Reference.read(net).batch[:1]
    engine = open_plan(net, one.plan)
    medians = [timed(lambda n=n: engine.run(row.repeat(n, axis=0))).median_ms for n in BATCHES]
    engine.close()
    return [f"{median:.3f}" for median in medians]


def table(net: Net, console: Console) -> Table:
    """All ways to run a net."""
    found = Table(title=f"{net.name}, median ms for a batch", title_justify="left")
    for title in ("engine", "threads", *(f"n = {n}" for n in BATCHES), "off by", "trouble"):
        found.add_column(title)
    for one in measure(net, usable_cores(), lambda what: console.log(what)):
        off = "" if one.difference is None else f"{one.difference:.1g}"
        name = one.name or f"{one.plan.engine} {one.plan.device}"
        threads = str(one.plan.threads or "")
        found.add_row(name, threads, *milliseconds(net, one), off, one.trouble)
    return found


def main() -> int:
    """Run the tests, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundles", nargs="*", default=["compact-ferplus"])
    args = parser.parse_args()
    print(f"Python {platform.python_version()} on {platform.platform()}")
    for name, (devices, why) in availability().items():
        print(f"{name}: {', '.join(devices) or why}")
    tests = [sys.executable, "-m", "pytest", "-m", "gpu", "-v", str(ROOT / "tests")]
    code = subprocess.run(tests, cwd=ROOT, check=False).returncode
    console = Console()
    for name in args.bundles:
        console.print(table(expression_net(name), console))
    return code


if __name__ == "__main__":
    sys.exit(main())
