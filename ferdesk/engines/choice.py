"""Which engine runs a net: the one that was asked for, or the one that was found fastest here.

Whatever it is, it is trusted only after it gave the answers stored in the bundle.
"""

import logging
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Final, get_args

from ferdesk.core.errors import BundleError, EngineError, FerdeskError
from ferdesk.engines import onnxruntime_engine, openvino_cpu, remembered, tensorrt, torch_program
from ferdesk.engines.base import Engine, EngineChoice, EngineName, Precision
from ferdesk.engines.machine import this_machine
from ferdesk.engines.net import Net
from ferdesk.engines.openvino_cpu import OpenVinoEngine
from ferdesk.engines.reference import PARITY, Reference
from ferdesk.engines.remembered import Plan
from ferdesk.engines.swap import Report, SwappingEngine, shortened

log = logging.getLogger(__name__)

ENGINES: Final[tuple[EngineName, ...]] = get_args(EngineName)

_PACKAGES: Final[Mapping[EngineName, tuple[str, str]]] = {
    "onnxruntime": ("onnxruntime", "ort"),
    "torch": ("torch", "torch"),
    "tensorrt": ("torch_tensorrt", "tensorrt"),
}
"""What has to be installed for an engine, and the extra of ferdesk that installs it."""
_DEVICES: Final[Mapping[EngineName, Callable[[], tuple[str, ...]]]] = {
    "openvino": openvino_cpu.devices,
    "onnxruntime": onnxruntime_engine.devices,
    "torch": torch_program.devices,
    "tensorrt": tensorrt.devices,
}


def plans(engine: EngineName) -> tuple[Plan, ...]:
    """The ways in which an engine can run nets here, the one to take first.

    Raises:
        EngineError: it is not installed, or cannot run here; the message says what to do.
    """
    require(engine)
    return tuple(
        Plan.model_validate({"engine": engine, "device": device}) for device in _DEVICES[engine]()
    )


def require(engine: EngineName) -> None:
    """Make sure that an engine is installed, without loading it.

    Raises:
        EngineError: it is not; the message says which extra to install.
    """
    if engine not in _PACKAGES:
        return
    package, extra = _PACKAGES[engine]
    if find_spec(package) is None:
        raise EngineError(
            f'{engine} is not installed. Install it with: pip install "ferdesk[{extra}]"'
        )


def open_plan(net: Net, plan: Plan, report: Report = lambda state: None) -> Engine:
    """Open a net in one way; its answers are not looked at.

    Args:
        net: what to run.
        plan: how.
        report: told how far it is, where that takes long.

    Raises:
        EngineError: the engine is missing or cannot run the net.
        ModelError: the net's file is refused.
    """
    require(plan.engine)
    match plan.engine:
        case "openvino":
            device: openvino_cpu.Device = "GPU" if plan.device == "GPU" else "CPU"
            return OpenVinoEngine(
                net.model, plan.threads, plan.precision, outputs=(net.wanted,), device=device
            )
        case "onnxruntime":
            return onnxruntime_engine.OnnxRuntimeEngine(net, plan.device, plan.threads)
        case "torch":
            return torch_program.TorchEngine(net, plan.device, plan.threads, plan.precision)
        case "tensorrt":
            return tensorrt.TensorRtEngine(net, plan.precision, report)


def open_checked(reference: Reference, plan: Plan, report: Report = lambda state: None) -> Engine:
    """Open a net in one way, in f32 where the faster precision does not give the reference.

    Raises:
        BundleError: openvino does not give the reference in f32 either, or the net has another
            shape than its bundle says.
        EngineError: another engine does not give it; or as `open_plan`.
        ModelError: as `open_plan`.
    """
    net = reference.net
    tries: tuple[Precision, ...] = ("f32",) if plan.precision == "f32" else ("auto", "f32")
    off = 0.0
    for precision in tries:
        engine = open_plan(net, plan.model_copy(update={"precision": precision}), report)
        try:
            off = reference.difference(engine)
        except BundleError:
            engine.close()
            raise
        if off <= PARITY:
            return engine
        engine.close()
    if plan.engine == "openvino" and plan.device == "CPU":
        raise BundleError(f"{net.folder}: the net does not give the bundle's own reference.")
    raise EngineError(
        f"{plan.engine} on {plan.device} does not give the answers that are stored with "
        f"{net.name}: they are {off:.2g} off, and {PARITY} is allowed. Choose another engine: "
        "--engine openvino."
    )


def open_net(
    net: Net,
    choice: EngineChoice = "auto",
    threads: int = 0,
    precision: Precision = "f32",
    wait: bool = True,
) -> Engine:
    """Open a net with the engine that is wanted.

    In f32 "auto" is always openvino on the CPU, so that the numbers are the same on every machine.
    A net without a torch program runs on openvino also where an engine is wanted that needs one;
    the engine's name says so then.

    Args:
        net: what to run.
        choice: the engine; "auto" takes the one that was found fastest here, else openvino.
        threads: threads it may use on a CPU; 0 leaves that to the engine, or to what was found.
        precision: see `ferdesk.engines.base.Precision`.
        wait: whether to wait for an engine that takes long to build. Otherwise openvino runs until
            it is ready.

    Raises:
        BundleError: no sound reference, or the net does not give it.
        EngineError: the engine that was named is not installed, cannot run here, or gives other
            answers.
        ModelError: the net's file is refused.
    """
    reference = Reference.read(net)
    usual = Plan(engine="openvino", device="CPU", precision=precision, threads=threads)
    found = remembered_plan(net) if precision == "auto" else None
    if choice in ("torch", "tensorrt") and not net.has_program:
        require(choice)
        why = f"{net.name} has no torch program"
        log.warning("%s is not used: %s", choice, why)
        return _Told(open_checked(reference, usual), f"no {choice}: {why}")
    if choice != "auto":
        plan = found if found is not None and found.engine == choice else plans(choice)[0]
        precise = plan.precision if plan is found else precision
        wanted = plan.model_copy(update={"threads": threads or plan.threads, "precision": precise})
        return _open(reference, wanted, usual, wait)
    if found is None:
        return open_checked(reference, usual)
    wanted = found.model_copy(update={"threads": threads or found.threads})
    try:
        return _open(reference, wanted, usual, wait)
    except FerdeskError as error:
        if wanted == usual:
            raise
        log.warning("%s %s is not used: %s", wanted.engine, wanted.device, error)
        engine = open_checked(reference, usual)
        return _Told(engine, f"no {wanted.engine}: {shortened(str(error))}")


def remembered_plan(net: Net) -> Plan | None:
    """How a net was found to be run fastest on this machine; None where nobody has measured."""
    if not remembered.path().is_file():  # the usual case, and the machine need not be looked at
        return None
    found = remembered.find(net.digest, this_machine().key)
    return found.plan if found else None


def _open(reference: Reference, wanted: Plan, usual: Plan, wait: bool) -> Engine:
    if wanted.engine != "tensorrt" or wait:
        return open_checked(reference, wanted)
    return SwappingEngine(
        open_checked(reference, usual),
        wanted.engine,
        lambda report: open_checked(reference, wanted, report),
    )


class _Told:
    """An engine whose name also says why it is not another one."""

    def __init__(self, engine: Engine, why: str) -> None:
        self._engine = engine
        self.name = f"{engine.name} ({why})"
        self.run, self.close = engine.run, engine.close
