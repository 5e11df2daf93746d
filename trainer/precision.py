"""Which device and number type a net is computed with."""

import importlib.util

import torch
from torch import nn


def default_device() -> torch.device:
    """CUDA where there is one, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def low_precision(device: torch.device) -> torch.dtype | None:
    """The half-width type that this device computes in hardware, so that autocast gains time.

    bfloat16 where there is one; float16 on older CUDA cards, whose gradients have to be scaled.
    """
    if device.type == "cuda":
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if bf16 else torch.float16
    if device.type == "cpu" and torch.cpu.get_capabilities().get("avx512_bf16", False):
        return torch.bfloat16
    return None


def autocast(device: torch.device, *, enabled: bool = True) -> torch.autocast:
    """The forward pass in `low_precision` where there is one; weights stay float32."""
    dtype = low_precision(device)
    return torch.autocast(
        device.type, dtype or torch.bfloat16, enabled=enabled and dtype is not None
    )


def gradient_scaler(device: torch.device) -> torch.amp.GradScaler:
    """Keeps small float16 gradients from vanishing; does nothing with other types."""
    return torch.amp.GradScaler(device.type, enabled=low_precision(device) is torch.float16)


def compiled(net: nn.Module, device: torch.device) -> nn.Module:
    """A view of `net` whose steps are compiled, where that pays: on CUDA with Triton.

    On a CPU it does not: for the compact net, one thread of an AMD EPYC at 2.6 GHz made 206 images
    a second compiled and 232 as written, after three and a half minutes of compiling.
    """
    if device.type == "cuda" and importlib.util.find_spec("triton") is not None:
        return torch.compile(net)  # type: ignore[return-value]
    return net
