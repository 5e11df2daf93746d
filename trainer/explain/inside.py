"""The layers of a net, by name: what they answer to pictures.

J. T. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller. "Striving for Simplicity: The All
Convolutional Net." ICLR workshop 2015. Section 3.4 (guided backpropagation).
"""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from ferdesk.core.preprocess import normalise
from trainer.errors import TrainError
from trainer.precision import default_device

AT_ONCE: Final = 64
"""Pictures that go through a net together; the first layers of a large one fill gigabytes."""

_RELUS: Final = frozenset(
    {
        torch.relu,
        torch.relu_,
        functional.relu,
        functional.relu_,
        torch.ops.aten.relu.default,
        torch.ops.aten.relu_.default,
    }
)


class Layer(NamedTuple):
    """One step of a net.

    Attributes:
        name: the module's, such as features.6; of a step that is no module, or of a module that is
            used more than once, the one that tracing gave it, such as relu_1.
        shape: of its answer to one picture: (channels, height, width), or (units,).
    """

    name: str
    shape: tuple[int, ...]

    @property
    def units(self) -> int:
        """How many filters it has; a layer without places has as many of them as units."""
        return self.shape[0]

    def __str__(self) -> str:
        return f"{self.name} ({' x '.join(map(str, self.shape))})"


class Inside:
    """A net whose layers can be asked.

    Args:
        net: from (n, 1, size, size) to logits, or to a tuple that begins with them; its own modules
            are used, in eval mode, with their weights frozen. A traced one, such as a torch
            program's module, is taken as it is.
        size: side of its patches in pixels.

    Attributes:
        size: the same.
        device: where it computes.
        layers: those whose answer has an axis of filters, by name, in the order of the forward
            pass.
    """

    def __init__(self, net: nn.Module, size: int) -> None:
        self.size, self.device = size, default_device()
        traced = net if isinstance(net, fx.GraphModule) else fx.symbolic_trace(net.eval())
        self._net = traced.requires_grad_(False).to(self.device)
        self._names = _named(self._net.graph)
        with torch.inference_mode():
            _, found = self.look(torch.zeros(1, 1, size, size, device=self.device), self._names)
        shapes = {n: tuple(a.shape[1:]) for n, a in found.items() if isinstance(a, Tensor)}
        self.layers: Mapping[str, Layer] = {
            name: Layer(name, shape) for name, shape in shapes.items() if len(shape) in (1, 3)
        }

    def layer(self, name: str | None) -> Layer:
        """A layer by its name.

        Raises:
            TrainError: there is none; the message lists all.
        """
        if name is not None and name in self.layers:
            return self.layers[name]
        said = "Say which layer, with --layer" if name is None else f"There is no layer {name!r}"
        raise TrainError(f"{said}. Layers: {', '.join(map(str, self.layers.values()))}.")

    def look(
        self, x: Tensor, names: Collection[str] = (), *, guided: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits, and the answers of some layers.

        Args:
            x: (n, 1, size, size) float32, normalised, on `device`.
            names: layers that there are.
            guided: let gradients pass a ReLU only where its input and they themselves are above 0.

        Returns:
            (n, 8) logits, and by layer (n, *shape); a layer that a ReLU overwrites in place answers
            as it was before.
        """
        walk = _Walk(self._net, {self._names[name]: name for name in names}, guided=guided)
        output = walk.run(x)
        return output[0] if isinstance(output, tuple) else output, walk.found

    def prepare(self, images: Tensor) -> Tensor:
        """From (n, 1, size, size) grey levels 0..255, of any type, to what the net eats."""
        x: Tensor = normalise(images.to(self.device).float())
        return x


class _Walk(fx.Interpreter):
    """One pass through a net, which keeps the answers of some steps.

    Attributes:
        found: the answers by layer.
    """

    def __init__(self, net: fx.GraphModule, wanted: Mapping[str, str], *, guided: bool) -> None:
        super().__init__(net)
        self._wanted, self._guided = wanted, guided
        self.found: dict[str, Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        """As the step says, but a ReLU never writes over its input."""
        if self._is_relu(n):
            (x, *_), _ = self.fetch_args_kwargs_from_env(n)
            answer = _Guided.apply(x) if self._guided else torch.relu(x)
        else:
            answer = super().run_node(n)
        if n.name in self._wanted:
            self.found[self._wanted[n.name]] = answer
        return answer

    def _is_relu(self, node: fx.Node) -> bool:
        if node.op == "call_module":
            return isinstance(self.fetch_attr(str(node.target)), nn.ReLU)
        if node.op == "call_method":
            return node.target in ("relu", "relu_")
        return node.op == "call_function" and node.target in _RELUS


class _Guided(torch.autograd.Function):
    """A ReLU whose gradient is masked twice (Springenberg et al. 2015, figure 1c)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """The ReLU."""
        ctx.save_for_backward(x)
        return torch.relu(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """What is above 0 of the gradient, where the input was above 0."""
        (x,) = ctx.saved_tensors
        passed: Tensor = gradient.clamp(min=0) * (x > 0)
        return passed


def _named(graph: fx.Graph) -> dict[str, str]:
    """Name of a layer -> name of its node, for all steps that the input has a part in."""
    uses = Counter(str(node.target) for node in graph.nodes if node.op == "call_module")
    reached: set[fx.Node] = set()
    names: dict[str, str] = {}
    for node in graph.nodes:
        if node.op == "placeholder":
            reached.add(node)
        elif node.op.startswith("call_") and reached & set(node.all_input_nodes):
            reached.add(node)
            alone = node.op == "call_module" and uses[str(node.target)] == 1
            names[str(node.target) if alone else node.name] = node.name
    return names
