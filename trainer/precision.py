"""Which device and number type a net is computed with."""

import torch


def default_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is computed in hardware, so that autocast gains time."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def autocast(device: torch.device, *, enabled: bool = True) -> torch.autocast:
    """bfloat16 for the forward pass where the hardware has it; weights stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled and has_bf16(device))
