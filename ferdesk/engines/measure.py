"""How fast each engine runs a net on this machine, and which of them to take."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from ferdesk.core.errors import EngineError, FerdeskError
from ferdesk.engines.base import EngineName, Precision
from ferdesk.engines.choice import ENGINES, open_plan, plans
from ferdesk.engines.net import Net
from ferdesk.engines.reference import PARITY, Reference
from ferdesk.engines.remembered import Device, Plan

_WARM_UP: Final = 5
_SECONDS: Final = 0.5
_FEWEST, _MOST = 20, 500
_CLEARLY: Final = 0.9
"""A way that comes later in the order is taken only where it needs less than this part of the
time: what ships with ferdesk, and fewer threads, are worth a tenth, and timings are no better."""


class Timing(BaseModel):
    """Times of the same work done n times, in milliseconds of wall clock.

    Attributes:
        median_ms: half of them were shorter.
        p95_ms: 95 of 100 were shorter.
        n: how many there were.
    """

    model_config = ConfigDict(frozen=True)

    median_ms: float
    p95_ms: float
    n: int


class Measured(BaseModel):
    """One way to run one net.

    Attributes:
        net: the bundle's name.
        plan: how it ran.
        name: what the engine calls itself; empty where it did not run.
        timing: of one row; None where it did not run.
        difference: how far its answers are from the bundle's reference, at most; None where that
            is not known.
        trouble: why it did not run, or may not be taken; empty where all is well.
    """

    model_config = ConfigDict(frozen=True)

    net: str
    plan: Plan
    name: str = ""
    timing: Timing | None = None
    difference: float | None = None
    trouble: str = ""


def summary(times_ms: Sequence[float]) -> Timing:
    """Median and 95th percentile of n >= 1 times."""
    median, p95 = np.percentile(times_ms, (50, 95))
    return Timing(median_ms=round(float(median), 4), p95_ms=round(float(p95), 4), n=len(times_ms))


def timed(work: Callable[[], object], seconds: float = _SECONDS) -> Timing:
    """Do something over and over for about that long, at least 20 times after 5 to warm up."""
    for _ in range(_WARM_UP):
        work()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < _FEWEST or (time.perf_counter() < end and len(times) < _MOST):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1e3)
    return summary(times)


def thread_counts(cores: int) -> tuple[int, ...]:
    """The numbers of threads to try: 1, 2, 4 and so on, as far as there are cores for them."""
    return tuple(1 << power for power in range(max(cores, 1).bit_length()))


def ways(engine: EngineName, cores: int) -> Iterator[Plan]:
    """All ways to run a net by an engine here, the one to prefer first.

    Raises:
        EngineError: the engine is not installed, or cannot run here.
    """
    for plan in plans(engine):
        for precision in _precisions(engine, plan.device):
            for threads in thread_counts(cores) if plan.device == "CPU" else (0,):
                yield plan.model_copy(update={"precision": precision, "threads": threads})


def measure(
    net: Net,
    cores: int,
    report: Callable[[str], None] = lambda what: None,
    seconds: float = _SECONDS,
) -> list[Measured]:
    """Run a net in every way there is, one row at a time.

    Args:
        net: which.
        cores: how many there are for us.
        report: told what is being measured.
        seconds: for each way.

    Raises:
        BundleError: the bundle has no sound reference.
    """
    reference = Reference.read(net)
    found: list[Measured] = []
    for engine in ENGINES:
        try:
            wanted = list(ways(engine, cores))
        except EngineError:
            continue  # who asks what is missing and why: availability()
        for plan in wanted:
            report(f"{net.name}: {plan.engine} {plan.device}")
            one = _measured(reference, plan, seconds, report)
            # Where a processor has no faster precision, auto is f32 and measured already; and an
            # engine that cannot run a net says so once.
            if not any(_alike(one, other) for other in found):
                found.append(one)
    return found


def pick(found: Sequence[Measured]) -> Measured | None:
    """The way to take: the first that gives the reference and is about as fast as the fastest."""
    sound = [(one, one.timing.median_ms) for one in found if one.timing and not one.trouble]
    if not sound:
        return None
    fastest = min(median for _, median in sound)
    return next(one for one, median in sound if median * _CLEARLY <= fastest)


def availability() -> dict[EngineName, tuple[tuple[str, ...], str]]:
    """For each engine the devices it can run on here, and else why it cannot run at all."""
    found: dict[EngineName, tuple[tuple[str, ...], str]] = {}
    for engine in ENGINES:
        try:
            found[engine] = tuple(plan.device for plan in plans(engine)), ""
        except EngineError as error:
            found[engine] = (), str(error)
    return found


def _alike(one: Measured, other: Measured) -> bool:
    if one.timing is None:
        return other.timing is None and one.trouble == other.trouble
    return (one.name, one.plan.threads) == (other.name, other.plan.threads)


def _precisions(engine: EngineName, device: Device) -> tuple[Precision, ...]:
    if engine == "onnxruntime" or (engine == "torch" and device != "CUDA"):
        return ("f32",)
    return ("auto", "f32")


def _measured(
    reference: Reference, plan: Plan, seconds: float, report: Callable[[str], None]
) -> Measured:
    net = reference.net
    try:
        engine = open_plan(net, plan, lambda state: report(f"{net.name}: {plan.engine}: {state}"))
    except FerdeskError as error:
        return Measured(net=net.name, plan=plan, trouble=str(error))
    try:
        off = reference.difference(engine)
        timing = timed(lambda: engine.run(reference.batch[:1]), seconds)
    except FerdeskError as error:
        return Measured(net=net.name, plan=plan, name=engine.name, trouble=str(error))
    finally:
        engine.close()
    return Measured(
        net=net.name,
        plan=plan,
        name=engine.name,
        timing=timing,
        difference=off if np.isfinite(off) else None,
        trouble="" if off <= PARITY else f"{off:.2g} off; {PARITY} is allowed",
    )
