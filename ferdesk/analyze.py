"""Analyses files from end to end: what `ferdesk analyze` does."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from ferdesk.analyze_sinks import SessionPlan, Sink, make_way, open_sinks
from ferdesk.core.errors import FerdeskError, SourceError
from ferdesk.core.types import Frame, FrameResult
from ferdesk.cores import usable_cores
from ferdesk.live.interrupt import stop_on_signals
from ferdesk.outputs.files import make_folder
from ferdesk.outputs.names import ResultFiles, ResultNames
from ferdesk.outputs.table import Table
from ferdesk.pipeline import Located, build_pipeline
from ferdesk.sessions.describe import PipelineFacts
from ferdesk.sessions.readings import VideoMode
from ferdesk.settings import Settings
from ferdesk.sources import Source, open_source
from ferdesk.sources.stream import is_stream, public_name
from ferdesk.summary import Summary

_UNDER_WAY: Final = 4
"""Frames between reading and writing at a time: one for each of the stages that run at once."""


class Progress(Protocol):
    """Is told how the analysis goes on."""

    def begin(self, name: str, frames: int | None) -> None:
        """An input begins; `frames` is about how many it has, None where that is unknown."""
        ...

    def advance(self) -> None:
        """One more frame is done."""
        ...

    def end(self, summary: Summary) -> None:
        """The input is done, or failed."""
        ...


class FramePipeline(PipelineFacts, Protocol):
    """What is needed of `ferdesk.pipeline.Pipeline`."""

    @property
    def thresholds(self) -> tuple[float, float] | None:
        """t2 and t3 of the SVMs; None without them."""
        ...

    def locate(self, frame: Frame) -> Located:
        """The first half of a frame's way."""
        ...

    def judge(self, located: Located) -> FrameResult:
        """The second half."""
        ...

    def reset(self) -> None:
        """Forget all tracks: another source begins."""
        ...

    def close(self) -> None:
        """Let go of the nets."""
        ...


def analyze(
    inputs: Sequence[str],
    out: Path,
    settings: Settings,
    *,
    video: bool = True,
    session: VideoMode | None = None,
    progress: Progress | None = None,
    build: Callable[[Settings], FramePipeline] | None = None,
) -> tuple[Summary, ...]:
    """Analyse inputs one after the other and write the results into a folder.

    For an input `face.mp4` that is `face.csv` and `face_annotated.mp4`; for a picture the latter is
    a PNG, for a folder of pictures a folder of PNGs. Inputs of the same name get "-2" and so on.
    Results of an earlier run are replaced; no input ever is. An input that fails does not keep the
    others from being analysed. Ctrl-C ends the input at the next frame, with its files whole, and
    leaves out those after it.

    Args:
        inputs: see `ferdesk.sources.open_source`.
        out: the folder; made if it is not there.
        settings: how frames are analysed.
        video: whether to write annotated videos and pictures, not the table alone.
        session: what the video of a session shows that is written of each video as well, here
            `face.ferdesk`; None for no sessions. See `ferdesk.analyze_sinks`.
        progress: is told how it goes.
        build: makes the pipeline; the real one by default.

    Returns:
        One summary an input, failures included (`Summary.error`), in the same order; none of those
        that were left out because the user stopped it.

    Raises:
        ModelError, BundleError, ProfileError: there is nothing to analyse with.
        OutputError: the folder cannot be made.
    """
    make_folder(out)
    pipeline = (build or build_for_files)(settings)
    claim = ResultNames(out, inputs).claim
    plan = None if session is None else SessionPlan(session, settings)
    summaries: list[Summary] = []
    stopped = threading.Event()
    try:
        with stop_on_signals(stopped.set):
            for spec in inputs:
                if stopped.is_set():
                    break
                run = _Run(spec, claim, pipeline, video, plan, progress, stopped.is_set)
                summaries.append(run.summary())
    finally:
        pipeline.close()
    return tuple(summaries)


def analyze_input(
    spec: str,
    claim: Callable[[str], ResultFiles],
    pipeline: FramePipeline,
    *,
    video: bool = True,
    session: SessionPlan | None = None,
    progress: Progress | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Summary:
    """Analyse one input with a pipeline that is there already.

    Args:
        spec: see `ferdesk.sources.open_source`.
        claim: gives the files for the results of an input of that name (without its ending).
        pipeline: is reset first; not closed.
        video: whether to write an annotated video or pictures, not the table alone.
        session: how it becomes a session as well; None for no session.
        progress: is told how it goes.
        stopped: asked before each frame whether to end here, with the files whole.

    Returns:
        What it came to, also where it failed (`Summary.error`).
    """
    return _Run(spec, claim, pipeline, video, session, progress, stopped).summary()


def build_for_files(settings: Settings) -> FramePipeline:
    """The pipeline for `analyze_input`: both of its halves run at the same time.

    Raises:
        ModelError, BundleError, ProfileError: there is nothing to analyse with.
    """
    # The expression net runs beside the landmark net, which is the larger one: it gets half of the
    # cores, unless the user said how many threads a net may use.
    judges = 0 if settings.threads else max(1, usable_cores() // 2)
    return build_pipeline(settings, judges, wait=True)


class _Run:
    """The analysis of one input; `summary` does it all."""

    def __init__(
        self,
        spec: str,
        claim: Callable[[str], ResultFiles],
        pipeline: FramePipeline,
        video: bool,
        session: SessionPlan | None,
        progress: Progress | None,
        stopped: Callable[[], bool],
    ) -> None:
        self._spec = spec
        self._claim = claim
        self._pipeline = pipeline
        self._video = video
        self._session = session
        self._progress = progress
        self._stopped = stopped
        self._frames = 0
        self._with_face = 0
        self._most = 0
        self._interrupted = False
        self._ended = False
        self._expected: int | None = None
        self._sums = dict[str, float]()
        self._files = list[Path]()
        self._warning: str | None = None
        self._error: FerdeskError | None = None
        self._shown = spec

    def summary(self) -> Summary:
        started = time.perf_counter()
        try:
            if is_stream(self._spec):
                self._shown = public_name(self._spec)
            self._pipeline.reset()
            with open_source(self._spec, paced=False) as source:
                if self._progress is not None:
                    self._progress.begin(source.info.name, source.info.frames)
                try:
                    self._analyse(source)
                finally:
                    self._warning = source.warning
        except FerdeskError as error:
            self._error = error
        seconds = time.perf_counter() - started
        summary = self._sum_up(seconds)
        if self._progress is not None:
            self._progress.end(summary)
        return summary

    def _analyse(self, source: Source) -> None:
        info = source.info
        self._expected = info.frames
        # Only a file's name has an ending: "v1.2" may well be a folder, "10.0.0.7" a host.
        single = info.kind == "video" or (info.kind == "images" and info.width > 0)
        files = self._claim(Path(info.name).stem if single else info.name)
        if self._session is not None:
            make_way(files.session)
        with ExitStack() as stack:
            table = stack.enter_context(Table(files.table, self._pipeline.units))
            self._files.append(files.table)
            sinks: list[Sink] = []
            opened = open_sinks(
                stack, info, files, self._pipeline, video=self._video, session=self._session
            )
            for path, sink in opened:
                self._files.append(path)
                sinks.append(sink)
            self._loop(source, table, sinks)

    def _loop(self, source: Source, table: Table, sinks: Sequence[Sink]) -> None:
        live_from: int | None = None
        for result in self._results(source):
            processed = time.perf_counter()
            time_s = result.frame.source_time_s
            if source.info.live:
                live_from = result.frame.captured_ns if live_from is None else live_from
                time_s = (result.frame.captured_ns - live_from) / 1e9
            table.write(result, time_s)
            for sink in sinks:
                sink(result, time_s or 0.0)
            self._count(result)
            self._add(result.stage_ms)
            self._add({"write": (time.perf_counter() - processed) * 1e3})
            if self._progress is not None:
                self._progress.advance()

    def _results(self, source: Source) -> Iterator[FrameResult]:
        """Every frame's result, in order; reading, locating and judging are a thread each.

        Where reading fails, the frames before that still come first.
        """
        with ExitStack() as stack:
            readers, locators, judges = (
                stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix=f"ferdesk-{stage}"))
                for stage in ("read", "locate", "judge")
            )
            under_way: deque[Future[FrameResult | None]] = deque()
            while True:
                read = readers.submit(self._read, source)
                located = locators.submit(self._locate, read)
                under_way.append(judges.submit(self._judge, located))
                if len(under_way) < _UNDER_WAY:
                    continue
                result = under_way.popleft().result()
                if result is None:
                    return
                yield result

    def _read(self, source: Source) -> tuple[Frame, float] | None:
        """The next frame and the milliseconds it took; None once there is none, or reading failed.

        Raises:
            SourceError: reading failed.
        """
        if self._ended:
            return None
        self._ended = True
        if self._stopped():
            self._interrupted = True
            return None
        started = time.perf_counter()
        frame = source.read()
        if frame is None:
            return None
        self._ended = False
        return frame, (time.perf_counter() - started) * 1e3

    def _locate(self, read: Future[tuple[Frame, float] | None]) -> Located | None:
        found = read.result()
        if found is None:
            return None
        frame, decode_ms = found
        located = self._pipeline.locate(frame)
        return replace(located, stage_ms={"decode": decode_ms, **located.stage_ms})

    def _judge(self, located: Future[Located | None]) -> FrameResult | None:
        found = located.result()
        return None if found is None else self._pipeline.judge(found)

    def _count(self, result: FrameResult) -> None:
        self._frames += 1
        self._with_face += bool(result.faces)
        self._most = max(self._most, len(result.faces))

    def _add(self, stage_ms: Mapping[str, float]) -> None:
        for stage, ms in stage_ms.items():
            self._sums[stage] = self._sums.get(stage, 0.0) + ms

    def _sum_up(self, seconds: float) -> Summary:
        warning = self._warning
        if self._interrupted:
            expected = f" of {self._expected}" if self._expected else ""
            stop = f"stopped after {self._frames}{expected} frames"
            warning = f"{stop}; {warning}" if warning else stop
        t2, t3 = self._pipeline.thresholds or (None, None)
        return Summary(
            input=self._shown,
            frames=self._frames,
            frames_with_face=self._with_face,
            faces_max=self._most,
            seconds=seconds,
            fps=self._frames / seconds if seconds > 0 else 0.0,
            stage_ms={name: total / max(1, self._frames) for name, total in self._sums.items()},
            faces_backend=self._pipeline.faces_backend,
            engine=self._pipeline.engine,
            bundle=self._pipeline.bundle,
            au_estimator=self._pipeline.au_estimator,
            disambiguator=self._pipeline.disambiguator,
            t2=t2,
            t3=t3,
            neutral=self._pipeline.neutral,
            warning=warning,
            error=None if self._error is None else str(self._error),
            broken_input=isinstance(self._error, SourceError),
            interrupted=self._interrupted,
            files=tuple(str(path) for path in self._files if path.exists()),
        )
