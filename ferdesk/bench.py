"""The self-benchmark: the time of each stage, and of each engine on each net, on this machine."""

import datetime
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict

from ferdesk.aus.blendshapes import LANDMARKS, BlendshapeEstimator
from ferdesk.aus.native import NativeEstimator
from ferdesk.bundles import find_bundle
from ferdesk.core.errors import SourceError
from ferdesk.core.types import Face, Frame
from ferdesk.cores import usable_cores
from ferdesk.engines import remembered
from ferdesk.engines.machine import Machine, this_machine
from ferdesk.engines.measure import (
    Measured,
    Timing,
    availability,
    measure,
    pick,
    summary,
    thread_counts,
    timed,
)
from ferdesk.engines.net import Net
from ferdesk.engines.remembered import Remembered
from ferdesk.expression import ExpressionNet
from ferdesk.faces.detector import Detector, whole
from ferdesk.faces.landmarks import LandmarkNet
from ferdesk.faces.region import from_face
from ferdesk.faces.store import BLENDSHAPES, FaceModels, load, verify
from ferdesk.pipeline import build_pipeline
from ferdesk.settings import Settings
from ferdesk.sources import open_source

_WARM_UP: Final = 10
"""Frames at the beginning that do not count."""
_MOST_FRAMES: Final = 300

Tell = Callable[[str], None]


class Stage(BaseModel):
    """One stage of the pipeline over a clip's frames."""

    model_config = ConfigDict(frozen=True)

    stage: str
    timing: Timing


class FaceNet(BaseModel):
    """One face net, with what belongs before and after it; openvino runs these, in f32.

    Attributes:
        net: which.
        threads: threads it might use.
        timing: of one face.
    """

    model_config = ConfigDict(frozen=True)

    net: str
    threads: int
    timing: Timing


class Report(BaseModel):
    """All that was measured. Times are wall clock.

    Attributes:
        machine: where.
        source: which clip.
        settings: how the stages ran.
        stages: the pipeline's stages and their sum, a frame each.
        nets: the bundles' nets, by every engine that is here.
        face_nets: the face models' nets.
        chosen: what `auto` takes from now on, a bundle each.
        missing: engines that cannot run here, and why.
    """

    model_config = ConfigDict(frozen=True)

    machine: Machine
    source: str
    settings: Settings
    stages: tuple[Stage, ...]
    nets: tuple[Measured, ...]
    face_nets: tuple[FaceNet, ...]
    chosen: tuple[Remembered, ...]
    missing: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Seen:
    stages: tuple[Stage, ...]
    frame: Frame
    face: Face | None


def run(settings: Settings, source: str = "demo", tell: Tell = lambda what: None) -> Report:
    """Measure everything, and remember the fastest engine of each net.

    That takes a while. The engines are measured in every way, whatever the settings say of them.

    Args:
        settings: which nets, and how the stages run.
        source: a video or pictures.
        tell: told what is being measured.

    Raises:
        FerdeskError: the source or a net cannot be opened, or the choice cannot be stored.
    """
    tell(f"the stages on {source}")
    seen = _stages(settings, source)
    nets = _nets(settings)
    measured = {net.digest: measure(net, usable_cores(), tell) for net in nets}
    chosen = tuple(
        _remembered(net, best) for net in nets if (best := pick(measured[net.digest])) is not None
    )
    remembered.remember(chosen)
    tell("the face nets")
    return Report(
        machine=this_machine(),
        source=source,
        settings=settings,
        stages=seen.stages,
        nets=tuple(one for found in measured.values() for one in found),
        face_nets=tuple(_face_nets(settings, seen)),
        chosen=chosen,
        missing={name: why for name, (_, why) in availability().items() if why},
    )


def _stages(settings: Settings, spec: str) -> _Seen:
    times: dict[str, list[float]] = {}
    face: Face | None = None
    last: Frame | None = None
    with closing(open_source(spec)) as source, closing(build_pipeline(settings, wait=True)) as made:
        for count in range(_WARM_UP + _MOST_FRAMES):
            frame = source.read()
            if frame is None:
                break
            result = made.process(frame)
            last = frame
            if result.faces:
                face, last = result.faces[0].face, frame
            if count < _WARM_UP:
                continue
            for stage, ms in (*result.stage_ms.items(), ("all", sum(result.stage_ms.values()))):
                times.setdefault(stage, []).append(ms)
    if last is None or not times:
        raise SourceError(f"{spec} has too few pictures to measure with: {_WARM_UP + 1} at least.")
    stages = tuple(Stage(stage=name, timing=summary(values)) for name, values in times.items())
    return _Seen(stages, last, face)


def _nets(settings: Settings) -> list[Net]:
    """The nets that a choice of engine is about."""
    expression = ExpressionNet(find_bundle(settings.bundle))
    expression.close()
    found = [expression.net]
    if settings.aus == "native":
        estimator = NativeEstimator(find_bundle(settings.au_bundle, "action_units"))
        estimator.close()
        found.append(estimator.net)
    return found


def _remembered(net: Net, best: Measured) -> Remembered:
    if best.timing is None or best.difference is None:
        raise ValueError("only what has run can be remembered")
    return Remembered(
        bundle=net.name,
        digest=net.digest,
        machine=this_machine().key,
        plan=best.plan,
        median_ms=best.timing.median_ms,
        difference=best.difference,
        measured=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _face_nets(settings: Settings, seen: _Seen) -> Iterator[FaceNet]:
    if settings.faces == "mediapipe" or seen.face is None:
        return
    models = load(settings.faces)
    for threads in thread_counts(usable_cores()):
        yield from _face_nets_with(models, threads, seen.frame, seen.face)
    if verify(BLENDSHAPES) is None and models.points > max(LANDMARKS):
        for threads in thread_counts(usable_cores()):
            yield _blendshape_net(threads, seen.face)


def _blendshape_net(threads: int, face: Face) -> FaceNet:
    with closing(BlendshapeEstimator(threads)) as estimator:
        timing = timed(lambda: estimator.blendshapes([face]))
    return FaceNet(net="blendshapes", threads=threads, timing=timing)


def _face_nets_with(
    models: FaceModels, threads: int, frame: Frame, face: Face
) -> Iterator[FaceNet]:
    image = frame.image
    with closing(Detector(models.detector, threads)) as detector:
        timing = timed(lambda: detector.detect(image, [whole(image)]))
        yield FaceNet(net="detector", threads=threads, timing=timing)
    with closing(LandmarkNet(models.landmarks, models.points, threads)) as net:
        timing = timed(lambda: net.locate(image, [from_face(face)]))
        title = f"{models.points} landmarks"
        yield FaceNet(net=title, threads=threads, timing=timing)
