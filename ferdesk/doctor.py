"""What is here, what is missing, and how to mend it."""

import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from pydantic import BaseModel, ConfigDict

import ferdesk
from ferdesk import resources
from ferdesk.aus.native import NativeEstimator
from ferdesk.bundles import installed_bundles
from ferdesk.core.aus import unit
from ferdesk.core.bundle import ModelBundle, read_bundle
from ferdesk.core.errors import FerdeskError
from ferdesk.core.svm_bundle import SvmBundle, read_svm_bundle
from ferdesk.engines import remembered
from ferdesk.engines.machine import this_machine
from ferdesk.engines.measure import availability
from ferdesk.engines.net import Net
from ferdesk.expression import ExpressionNet
from ferdesk.faces.store import BLENDSHAPES, SETS, find_file, installed, load, verify
from ferdesk.sources import list_cameras
from ferdesk.ui.qt_libs import display_available, explain_missing_platform, explain_qt_import_error

_PACKAGES: Final = (
    "numpy",
    "opencv-contrib-python",
    "openvino",
    "onnxruntime",
    "PySide6-Essentials",
    "av",
    "mediapipe",
    "py-feat",
    "torch",
    "torch-tensorrt",
)


class Finding(BaseModel):
    """One line of the report.

    Attributes:
        area: what it is about.
        ok: whether it works; None for what is only told.
        text: what was found.
        fix: what to do, where something can be done.
    """

    model_config = ConfigDict(frozen=True)

    area: str
    ok: bool | None
    text: str
    fix: str = ""


def examine() -> list[Finding]:
    """Look at everything. Opens no camera and no network connection."""
    return [
        *_versions(),
        *_engines(),
        *_face_models(),
        *_bundles(),
        *_action_units(),
        *_machines(),
        *_cameras(),
        *_window(),
        *_folders(),
    ]


def _versions() -> Iterator[Finding]:
    yield Finding(area="version", ok=None, text=f"ferdesk {ferdesk.__version__}")
    yield Finding(
        area="version",
        ok=None,
        text=f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores",
    )
    for name in _PACKAGES:
        try:
            yield Finding(area="version", ok=None, text=f"{name} {version(name)}")
        except PackageNotFoundError:
            continue


def _engines() -> Iterator[Finding]:
    for name, (devices, why) in availability().items():
        found = f"{name}: {', '.join(devices)}"
        yield Finding(area="engine", ok=True if devices else None, text=found if devices else why)


def _auto(net: Net) -> Finding:
    """What `--engine auto` means for a net."""
    found = remembered.find(net.digest, this_machine().key)
    if found is None:
        text = f"auto runs {net.name} on openvino CPU; whether others are faster: ferdesk bench"
    else:
        plan = found.plan
        text = (
            f"auto runs {net.name} on {plan.engine} {plan.device}: {found.median_ms:.2f} ms a "
            f"face, measured on {found.measured[:10]}"
        )
    return Finding(area="engine", ok=None, text=text)


def _face_models() -> Iterator[Finding]:
    for model_set in SETS:
        troubles = {file: verify(file) for file in model_set.files}
        bad = [f"{file.name} {what}" for file, what in troubles.items() if what]
        if not any(find_file(file) for file in model_set.files):
            yield Finding(area="face models", ok=None, text=f"{model_set.name}: not installed")
        elif bad:
            yield Finding(
                area="face models",
                ok=False,
                text=f"{model_set.name}: {', '.join(bad)}",
                fix="ferdesk models install",
            )
        else:
            yield Finding(area="face models", ok=True, text=f"{model_set.name}: whole")
    if not any(installed(model_set) for model_set in SETS):
        yield Finding(
            area="face models", ok=False, text="no set is complete", fix="ferdesk models install"
        )
        return
    try:
        yield Finding(area="face models", ok=True, text=f"auto takes {load('auto').set_name}")
    except FerdeskError as error:
        yield Finding(area="face models", ok=False, text=str(error))


def _bundles() -> Iterator[Finding]:
    folders = installed_bundles()
    if not folders:
        yield Finding(area="bundle", ok=False, text="none installed", fix="Install ferdesk again.")
    for folder in folders:
        try:
            bundle = read_bundle(folder, ModelBundle)
            net = ExpressionNet(folder)
            net.close()
        except FerdeskError as error:
            yield Finding(area="bundle", ok=False, text=str(error))
            continue
        figures = "; ".join(
            f"{metric.accuracy:.1%} on {metric.dataset} {metric.part} ({metric.protocol})"
            for metric in bundle.metrics
        )
        yield Finding(area="bundle", ok=True, text=f"{bundle.name}: {figures}")
        yield _auto(net.net)


def _action_units() -> Iterator[Finding]:
    folders = installed_bundles("action_units")
    if not folders:
        yield Finding(
            area="action units",
            ok=False,
            text="no net is installed",
            fix="Install ferdesk again, or choose --aus blendshapes.",
        )
    for folder in folders:
        try:
            net = NativeEstimator(folder)
            net.close()
        except FerdeskError as error:
            yield Finding(area="action units", ok=False, text=str(error))
            continue
        units = ", ".join(unit(number).code for number in net.units)
        yield Finding(area="action units", ok=True, text=f"{net.name}: {units}")
        yield _auto(net.net)
    blendshapes = verify(BLENDSHAPES)
    yield Finding(
        area="action units",
        ok=None if blendshapes else True,
        text=f"blendshapes: {blendshapes or 'whole'}",
        fix="ferdesk models install" if blendshapes else "",
    )
    try:
        found = f"py-feat {version('py-feat')}; it fetches its weights at first use"
    except PackageNotFoundError:
        found = 'py-feat: not installed (an extra: pip install "ferdesk[feat]")'
    yield Finding(area="action units", ok=None, text=found)


def _machines() -> Iterator[Finding]:
    """Bundles of SVMs: whose units, and beside which nets."""
    folders = installed_bundles("au_svm")
    for folder in folders:
        try:
            bundle = read_bundle(folder, SvmBundle)
            read_svm_bundle(folder, bundle.estimator)
        except FerdeskError as error:
            yield Finding(area="SVM bundle", ok=False, text=str(error))
            continue
        nets = ", ".join(decision.expression for decision in bundle.decisions) or "no net"
        yield Finding(
            area="SVM bundle",
            ok=True,
            text=f"{bundle.name}: on the units of {bundle.estimator}, beside {nets}",
        )
    if not folders:
        yield Finding(
            area="SVM bundle",
            ok=None,
            text="none installed, so contested expressions stay as they are",
        )


def _cameras() -> Iterator[Finding]:
    cameras = list_cameras()
    for camera in cameras:
        yield Finding(area="camera", ok=True, text=f"{camera.index}: {camera.name}")
    if not cameras:
        yield Finding(
            area="camera",
            ok=None,
            text="none found",
            fix="Plug one in, and allow cameras in the system's privacy settings.",
        )


def _window() -> Iterator[Finding]:
    try:
        import PySide6.QtWidgets  # noqa: F401 - whether it loads is the question
    except ImportError as error:
        yield Finding(
            area="window", ok=False, text="Qt cannot be loaded", fix=explain_qt_import_error(error)
        )
        return
    if trouble := explain_missing_platform():
        yield Finding(area="window", ok=False, text="Qt lacks a library", fix=trouble)
    elif display_available():
        yield Finding(area="window", ok=True, text="a window can be opened")
    else:
        yield Finding(
            area="window",
            ok=None,
            text="no display: files are analysed in the terminal (ferdesk analyze)",
        )


def _folders() -> Iterator[Finding]:
    yield Finding(area="folder", ok=None, text=f"face models: {resources.face_model_folders()[0]}")
    yield Finding(area="folder", ok=None, text=f"own bundles: {resources.bundle_folders()[0]}")
    yield Finding(area="folder", ok=None, text=f"Python: {sys.prefix}")
