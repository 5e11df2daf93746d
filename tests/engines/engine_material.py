"""Nets and engines for the tests of engines."""

from pathlib import Path
from typing import Any

import numpy as np

from ferdesk.core.au_bundle import ACTIVATIONS, AuBundle
from ferdesk.core.bundle import LOGITS, MODEL, PROGRAM, REFERENCE, ModelBundle, read_bundle, sha256
from ferdesk.core.types import FloatArray
from ferdesk.engines.net import Net

SIZE = 48


def softmax(logits: FloatArray) -> FloatArray:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)


def shipped_net(folder: Path, task: str) -> Net:
    """A shipped bundle's net; its raw output is what is compared."""
    bundle = read_bundle(folder, ModelBundle if task == "expression" else AuBundle)
    return Net(
        folder=folder,
        name=bundle.name,
        files=bundle.files,
        outputs=tuple(one.name for one in bundle.outputs),
        wanted=LOGITS if task == "expression" else ACTIVATIONS,
        width=len(bundle.labels),
        size=bundle.input.size,
    )


def trained_net(folder: Path) -> Net:
    """A small net as the trainer exports it, as ONNX and as a torch program; seeded, untrained."""
    import torch

    from trainer.deploy import deploy
    from trainer.nets import build_net
    from trainer.onnx_file import write_onnx
    from trainer.program import run_program, write_program

    torch.manual_seed(3)
    deployed = deploy(build_net("khorrami2015", size=SIZE, dropout=0.5), SIZE)
    folder.mkdir(parents=True)
    write_onnx(deployed, folder / MODEL)
    write_program(deployed, folder / PROGRAM)
    x = np.random.default_rng(4).normal(size=(3, 1, SIZE, SIZE)).astype(np.float32)
    found = dict(zip(deployed.names, run_program(folder / PROGRAM, x), strict=True))
    np.savez(folder / REFERENCE, allow_pickle=False, x=x, logits=found[LOGITS])
    files = {name: sha256(folder / name) for name in (MODEL, PROGRAM, REFERENCE)}
    return Net(folder, "small", files, tuple(deployed.names), LOGITS, 8, SIZE, softmax)


def batch_of(n: int) -> FloatArray:
    return np.random.default_rng(n).normal(size=(n, 1, SIZE, SIZE)).astype(np.float32)


class FakeEngine:
    """Gives a constant; knows whether it was closed, and complains where it runs after that."""

    def __init__(self, name: str, value: float = 0.0, width: int = 8, output: str = LOGITS) -> None:
        self.name = name
        self.value, self.width, self.output = value, width, output
        self.closed = 0
        self.runs = 0
        self.running = False

    def run(self, batch: Any) -> dict[str, FloatArray]:
        assert not self.closed, f"{self.name} runs after it was closed"
        self.running = True
        self.runs += 1
        found = np.full((len(batch), self.width), self.value, np.float32)
        self.running = False
        return {self.output: found}

    def close(self) -> None:
        assert not self.running, f"{self.name} is closed while it runs"
        self.closed += 1
