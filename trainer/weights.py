"""Weights that a net starts from, and which of them it keeps.

O. M. Parkhi, A. Vedaldi, A. Zisserman. "Deep Face Recognition." BMVC 2015 (VGG-Face).
G. Kyritsis, "Deep Models and Transfer Learning for Facial Emotion Recognition", master thesis,
EPFL; chapter 5 and section 7.10.

Files hold tensors only and are read with weights_only=True, or are safetensors: one from a stranger
cannot run code.
"""

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from ferdesk.core.labels import EXPRESSIONS
from trainer.bundle_weights import bundle_tensors, named_bundle
from trainer.errors import TrainError
from trainer.imagenet import imagenet_file
from trainer.matconvnet import read_matconvnet
from trainer.nets import ng2015
from trainer.nets.ali2020 import DeGanNet
from trainer.nets.face_resnet import EMBEDDING, LAST, FaceResNet, with_statistics
from trainer.nets.pretrained import VGG16_CONVOLUTIONS, VGG16_HIDDEN, BlockNet, EnlargedNet
from trainer.nets.residual import WideResNet
from trainer.recipes import Recipe
from trainer.recipes.ali2020 import GanRecipe
from trainer.registry import nearest
from trainer.runs import RunFolder

IMAGENET: Final = "imagenet"
_MAX_BYTES: Final = 4_000_000_000
_ENCODER: Final = "encoder."  # where a DeGanNet, and a GAN's generator, have theirs
_INNER: Final = "net."  # where an EnlargedNet has torchvision's module
_COUNTER: Final = "num_batches_tracked"  # older files lack it, and nothing here depends on it
_AUXILIARY: Final = "AuxLogits."  # Inception's extra classifier, which this trainer leaves out
_LEVELS: Final = 255 * (0.229 + 0.224 + 0.225) / 3  # a spread of 1 after ImageNet's normalisation
_FACE_NAME: Final = re.compile(r"(?:conv_?(\d)_(\d)|fc([678]))\.(weight|bias)")

Tensors = dict[str, Tensor]


def load_weights(net: nn.Module, weights: str, name: str) -> list[str]:
    """Fill a net with weights from elsewhere.

    A first convolution for another number of channels, and a last layer for other classes, do not
    fit and stay as they are. All else has to fit, or nothing is changed. Of DE-GAN's net with local
    CNNs only the encoder is filled; a Wide ResNet may start from a shallower one.

    Args:
        net: what is filled.
        weights: "imagenet" for torchvision's, fetched by torch.hub where they are not there yet, or
            for EfficientNet-Lite0 those of a package that has them; else a file (.safetensors, .pt
            or .pth with a plain state dict, or .mat of MatConvNet; VGG-Face's names included), a
            run's folder or checkpoint, of which the averaged weights are taken, or a bundle by name
            or folder (`trainer.bundle_weights`).
        name: the net's, for messages.

    Returns:
        The names of the weights that were left fresh.

    Raises:
        TrainError: no such file, not readable as weights, or of another net.
        DataError: a .mat file is damaged, or too large once unpacked.
    """
    bundle = starting_bundle(weights)
    if bundle is not None:
        return _fill(net, bundle_tensors(net, bundle), bundle, name)
    path = imagenet_file(net, name) if weights == IMAGENET else Path(weights).expanduser()
    if isinstance(net, DeGanNet):
        found = read_tensors(path)
        inner = {k.removeprefix(_ENCODER): v for k, v in found.items() if k.startswith(_ENCODER)}
        return _fill(net.encoder, inner, path, f"{name}'s encoder")
    found = _named_as(net, read_tensors(path))
    return _fill(net, found, path, name)


def starting_bundle(weights: str) -> Path | None:
    """The folder of the bundle that `weights` names; None where it names something else."""
    path = Path(weights).expanduser()
    if weights in ("", IMAGENET) or path.is_file():
        return None
    return named_bundle(str(path))


def read_tensors(path: Path) -> Tensors:
    """The tensors of a weights file by their names, on the CPU.

    Args:
        path: .safetensors, .pt, .pth or .mat, or a run's folder.

    Raises:
        TrainError: missing, too large, damaged, or it holds more than tensors.
        DataError: the same of a .mat file.
    """
    if path.is_dir():
        path = path / "best.pt"
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES or (zipfile.is_zipfile(path) and _unpacked(path) > _MAX_BYTES):
            raise TrainError(f"{path} is larger than {_MAX_BYTES:,} bytes; no net here is.")
        content = _read(path)
    except FileNotFoundError as error:
        raise TrainError(
            f"There are no weights in {path}: no such file or bundle. Name one with --weights FILE."
        ) from error
    except (OSError, zipfile.BadZipFile) as error:
        raise TrainError(f"Cannot read {path}: {error}.") from error
    if isinstance(content, dict) and content.get("kind") in ("weights", "state"):
        content = content.get("ema")  # a checkpoint of this trainer
    plain = isinstance(content, dict) and all(isinstance(key, str) for key in content)
    if not plain or not all(isinstance(value, Tensor) for value in content.values()):
        raise TrainError(
            f"{path} is no plain state dict: expected tensors by name, found {_kind(content)}."
        )
    return dict(content)


def start_from(net: nn.Module, recipe: Recipe, *, resume: bool = False) -> list[str]:
    """Give a fresh net the weights that its recipe starts from, and freeze what it keeps.

    Args:
        net: changed.
        recipe: names weights and the last frozen block, or neither.
        resume: the weights come from a checkpoint; only freeze.

    Returns:
        The names of the weights that were left fresh although the recipe names a file.

    Raises:
        TrainError: as `load_weights` and `freeze_until`, or there is nothing worth freezing.
    """
    if recipe.freeze and not recipe.weights:
        raise TrainError(
            f"freeze={recipe.freeze} would keep fresh weights for ever: say --weights FILE too."
        )
    fresh: list[str] = []
    if recipe.weights and isinstance(net, DeGanNet):
        check_seen(recipe)
    if recipe.weights and not resume:
        fresh = load_weights(net, recipe.weights, recipe.net)
    if recipe.freeze:
        freeze_until(net, recipe.freeze)
    return fresh


def check_seen(recipe: Recipe) -> None:
    """Refuse an encoder whose GAN may have seen the people that a fold is judged on.

    Raises:
        TrainError: it learnt from the same set, but not from the same train part.
    """
    run = RunFolder(Path(recipe.weights))
    theirs = run.read_any_recipe() if run.recipe.is_file() else None
    if not isinstance(theirs, GanRecipe) or theirs.dataset != recipe.dataset:
        return
    if (theirs.protocol, theirs.fold) != (recipe.protocol, recipe.fold):
        raise TrainError(
            f"{recipe.weights} learnt from {theirs.dataset}, protocol {theirs.protocol!r}, fold "
            f"{theirs.fold}; its encoder may know the people of {recipe.protocol!r}, fold "
            f"{recipe.fold}."
        )


def freeze_until(net: nn.Module, block: str) -> None:
    """Let the first blocks of a net keep their weights, the named one included.

    The thesis freezes VGG16 up to conv3_3 or up to conv4_3 (section 7.10.2, figure 7.6).

    Args:
        net: one that names its blocks.
        block: the last one to freeze.

    Raises:
        TrainError: the net names none, or not this one.
    """
    if not isinstance(net, BlockNet):
        raise TrainError(f"freeze={block}: this net names no blocks to freeze; set freeze= empty.")
    blocks = net.blocks()
    if block not in blocks:
        raise TrainError(f"freeze={block}: there is no such block. {nearest(block, blocks)}")
    for name, modules in blocks.items():
        for module in modules:
            module.requires_grad_(False)
        if name == block:
            return


def train_mode(net: nn.Module) -> None:
    """Put a net into training mode, but leave frozen normalisation layers as they are.

    In training mode they would go on averaging the statistics of what they see, and so change a
    block that is meant to stay.
    """
    net.train()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            scales = list(module.parameters(recurse=False))
            if scales and not any(scale.requires_grad for scale in scales):
                module.eval()


def face_names(found: Tensors) -> Tensors:
    """VGG-Face's weights under torchvision's names for VGG16, for patches of unit variance.

    VGG-Face was trained on grey levels less their mean, a net here on patches of unit variance; so
    its first convolution, and nothing else, is multiplied by the levels that such a unit stands for
    in ImageNet's normalisation.

    Args:
        found: the weights by VGG-Face's names, "conv1_1.weight" or "conv_1_1.weight" to "fc8.bias".

    Returns:
        Those whose names were understood, renamed; the rest under its own names.
    """
    renamed: Tensors = {}
    for key, value in found.items():
        match = _FACE_NAME.fullmatch(key)
        if match is None:
            renamed[key] = value
            continue
        block, number, hidden, kind = match.groups()
        if hidden:
            renamed[f"classifier.{VGG16_HIDDEN[f'fc{hidden}']}.{kind}"] = value
            continue
        place = VGG16_CONVOLUTIONS.get(f"conv{block}_{number}")
        renamed[key if place is None else f"features.{place}.{kind}"] = value
        if (block, number, kind) == ("1", "1", "weight"):
            renamed[f"features.{place}.{kind}"] = value * _LEVELS
    return renamed


def _read(path: Path) -> Any:
    if path.suffix == ".mat":
        return read_matconvnet(path)
    if path.suffix == ".safetensors":
        import safetensors  # only those who have such a file need it
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except safetensors.SafetensorError as error:
            raise TrainError(f"{path} cannot be read as safetensors: {error}.") from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (
        RuntimeError,
        MemoryError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        pickle.UnpicklingError,
    ) as error:
        raise TrainError(
            f"{path} cannot be read as weights: it is damaged or holds more than tensors."
        ) from error


def _unpacked(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist())


def _kind(content: object) -> str:
    if isinstance(content, dict):
        return f"entries such as {', '.join(repr(key)[:40] for key in list(content)[:3])}"
    return f"a {type(content).__name__}"


def _named_as(net: nn.Module, found: Tensors) -> Tensors:
    """The weights under the net's own names, where they came under another's."""
    own = net.state_dict().keys()
    is_vgg_m = isinstance(net, ng2015.VggM2048)  # whose fc6 is called like VGG-Face's
    if not is_vgg_m and not own & found.keys() and any(map(_FACE_NAME.fullmatch, found)):
        found = face_names(found)
    if isinstance(net, FaceResNet) and EMBEDDING in found:
        embedding = found[EMBEDDING]  # is the last layer, for people in place of expressions
        found = {key: value for key, value in found.items() if key != EMBEDDING}
        found |= {f"{LAST}.weight": embedding, f"{LAST}.bias": torch.zeros(len(embedding))}
        found = with_statistics(net, found)
    if is_vgg_m and ng2015.FIRST in found:
        found = {**found, ng2015.FIRST: found[ng2015.FIRST] * _LEVELS}  # as in `face_names`
    if isinstance(net, WideResNet):
        found = net.deepened(found)
    if isinstance(net, EnlargedNet) and not own & found.keys():
        found = {_INNER + k: v for k, v in found.items() if not k.startswith(_AUXILIARY)}
    return found


def _fill(net: nn.Module, found: Tensors, path: Path, name: str) -> list[str]:
    """Check everything, then copy what fits; the names of what is left fresh."""
    own = net.state_dict()
    spare = found.keys() - own.keys()
    if spare:
        raise _other(path, name, f"{min(spare)} is not in this net")
    loose = _loose(net)
    fresh: list[str] = []
    for key, ours in own.items():
        if key not in found:
            if key.endswith(_COUNTER):
                continue
            raise _other(path, name, f"it lacks {key}")
        theirs = found[key]
        if theirs.shape == ours.shape:
            continue
        layer = key.rpartition(".")[0]
        free = loose.get(layer)
        if free is None or not _differs_only(ours, theirs, free):
            raise _other(
                path, name, f"{key} is {_shape(theirs)} there and {_shape(ours)} in this net"
            )
        fresh += [k for k in own if k.rpartition(".")[0] == layer and k not in fresh]
    filled = [key for key in own if key in found and key not in fresh]
    for key in filled:
        _check(found[key], own[key], key, path)
    with torch.no_grad():
        for key in filled:
            own[key].copy_(found[key])
    return fresh


def _loose(net: nn.Module) -> dict[str, int]:
    """The layers that need not fit -> in which dimension of their weights.

    They are the first convolution, whose channels are the picture's, and the layers with an output
    for each expression.
    """
    loose: dict[str, int] = {}
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d) and 1 not in loose.values():
            loose[name] = 1
        elif isinstance(module, nn.Linear) and module.out_features == len(EXPRESSIONS):
            loose[name] = 0
    return loose


def _differs_only(ours: Tensor, theirs: Tensor, dim: int) -> bool:
    """Whether two tensors have the same shape apart from one dimension."""
    if ours.ndim != theirs.ndim or ours.ndim <= dim:
        return False
    return all(
        a == b for i, (a, b) in enumerate(zip(ours.shape, theirs.shape, strict=True)) if i != dim
    )


def _check(theirs: Tensor, ours: Tensor, key: str, path: Path) -> None:
    plain = theirs.layout == torch.strided and not theirs.is_quantized and theirs.is_cpu
    if not plain or theirs.is_floating_point() != ours.is_floating_point():
        raise TrainError(f"{path}: {key} is {_type(theirs)}, expected {_type(ours)}.")
    if theirs.is_floating_point() and not bool(torch.isfinite(theirs).all()):
        raise TrainError(f"{path}: {key} holds values that are not finite.")


def _other(path: Path, name: str, why: str) -> TrainError:
    return TrainError(f"{path} is a checkpoint of another net than {name}: {why}.")


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"


def _type(tensor: Tensor) -> str:
    return f"{tensor.layout} {tensor.dtype}".replace("torch.", "")
