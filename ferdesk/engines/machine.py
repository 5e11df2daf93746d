"""What a measured speed depends on besides the net: the processors and the engines' versions."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

import ferdesk
from ferdesk.cores import usable_cores
from ferdesk.engines import openvino_runtime

PACKAGES: Final = ("openvino", "onnxruntime", "torch", "torch-tensorrt", "tensorrt-cu13")
_NVIDIA: Final = Path("/proc/driver/nvidia/gpus")


class Machine(BaseModel):
    """One machine with one set of engines. Nothing here loads an engine besides openvino.

    Attributes:
        cpu: the processor's name.
        gpus: the names of the graphics processors that are known without loading an engine for
            them: Intel's, and on Linux NVIDIA's.
        cores: so many of its logical cores are for us.
        versions: of ferdesk and of each engine's package that is installed.
    """

    model_config = ConfigDict(frozen=True)

    cpu: str
    gpus: tuple[str, ...]
    cores: int
    versions: dict[str, str]

    @property
    def key(self) -> str:
        """One hash for all of it, in lower-case hexadecimal."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


@cache
def this_machine() -> Machine:
    """The machine that this is."""
    core = openvino_runtime.core()
    names = {
        name: str(core.get_property(name, "FULL_DEVICE_NAME")).strip()
        for name in core.available_devices
        if name.partition(".")[0] in ("CPU", "GPU")
    }
    cpu = names.pop("CPU")
    gpus = tuple(sorted((*names.values(), *_nvidia_names())))
    return Machine(cpu=cpu, gpus=gpus, cores=usable_cores(), versions=_versions())


def _versions() -> dict[str, str]:
    found = {"ferdesk": ferdesk.__version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _nvidia_names() -> list[str]:
    """What NVIDIA's driver on Linux calls the cards."""
    try:
        texts = [path.read_text(errors="replace") for path in _NVIDIA.glob("*/information")]
    except OSError:
        return []
    lines = [line.partition(":") for text in texts for line in text.splitlines()]
    return [value.strip() for key, _, value in lines if key.strip() == "Model"]
