"""The options about live outputs, and the command that runs them without a window."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel, ConfigDict

from ferdesk.commands.options import (
    DEFAULT,
    AuBundleOption,
    AusOption,
    BundleOption,
    DisambiguateOption,
    EngineOption,
    FacesOption,
    JsonOption,
    MaxFacesOption,
    MinFaceOption,
    NeutralOption,
    PrecisionOption,
    SmoothingOption,
    T2Option,
    T3Option,
    ThreadsOption,
    chosen,
    preferences,
    print_json,
)
from ferdesk.core.errors import FerdeskError, OutputError
from ferdesk.streams.choice import (
    OSC_HOST,
    OSC_PORT,
    WEBSOCKET_HOST,
    WEBSOCKET_PORT,
    StreamChoice,
    open_outputs,
)

if TYPE_CHECKING:
    from ferdesk.live.capture import SourceState
    from ferdesk.live.watch import Watch
    from ferdesk.pipeline import Pipeline
    from ferdesk.preferences.model import Preferences
    from ferdesk.streams.hub import StreamHub

LslOption = Annotated[
    bool | None, typer.Option("--lsl/--no-lsl", help="Lab Streaming Layer streams.")
]
OscOption = Annotated[
    bool | None,
    typer.Option("--osc/--no-osc", help=f"OSC to {OSC_HOST}:{OSC_PORT}, or as in your settings."),
]
OscToOption = Annotated[
    str | None, typer.Option("--osc-to", metavar="HOST:PORT", help="OSC to this address instead.")
]
WebSocketOption = Annotated[
    bool | None,
    typer.Option(
        "--websocket/--no-websocket",
        help=f"A WebSocket on {WEBSOCKET_HOST}:{WEBSOCKET_PORT}, or the port of your settings.",
    ),
]
PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="The WebSocket's port; 0: any.")
]
HostOption = Annotated[
    str, typer.Option("--host", help="Address that the WebSocket listens on; unencrypted!")
]
TokenOption = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="FERDESK_TOKEN",
        help="What WebSocket clients must know; by default a new one is made and printed.",
    ),
]
OriginOption = Annotated[
    list[str] | None,
    typer.Option("--origin", help="Let pages of this origin in, e.g. https://lab.example."),
]
VirtualCameraOption = Annotated[
    bool | None,
    typer.Option("--virtual-camera/--no-virtual-camera", help="The annotated picture as a webcam."),
]


class OutputSummary(BaseModel):
    """What became of one live output.

    Attributes:
        name: the output's name.
        status: how it went, for people.
        trouble: whether it was switched off, or hung.
        sent: results passed on.
        dropped: results that it was too slow for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    status: str
    trouble: bool
    sent: int
    dropped: int


class StreamSummary(BaseModel):
    """What a run of `ferdesk stream` came to.

    Attributes:
        source: the camera's or file's name, the stream's host.
        frames: how many were analysed.
        seconds: how long it ran, from the first frame on.
        fps: frames analysed a second.
        dropped: frames that came too fast for the analysis.
        outputs: the live outputs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    frames: int
    seconds: float
    fps: float
    dropped: int
    outputs: tuple[OutputSummary, ...]


def stream_choice(
    given: "Preferences | None" = None,
    *,
    lsl: bool | None,
    osc: bool | None,
    osc_to: str | None,
    websocket: bool | None,
    host: str,
    port: int | None,
    token: str,
    origins: list[str] | None,
    virtual_camera: bool | None,
) -> StreamChoice:
    """The live outputs that a command line names; the preferences say what it does not.

    Args:
        given: the preferences, where they were read already.
        lsl: as in `StreamChoice`; None, here and below, for what was not given.
        osc: the same.
        osc_to: HOST:PORT; switches OSC on.
        websocket: as in `StreamChoice`.
        host: the WebSocket's.
        port: the same.
        token: the same.
        origins: the same.
        virtual_camera: as in `StreamChoice`.

    Raises:
        FerdeskError: an address is none, or an option belongs to an output that is off.
    """
    usual = (given if given is not None else preferences()).streams()
    if osc_to:
        osc_host, osc_port = _host_and_port(osc_to)
        usual = replace(usual, osc_host=osc_host, osc_port=osc_port)
    choice = replace(
        usual,
        lsl=_said(lsl, usual.lsl),
        osc=bool(osc_to) or _said(osc, usual.osc),
        websocket=_said(websocket, usual.websocket),
        websocket_host=host,
        websocket_port=usual.websocket_port if port is None else port,
        token=token,
        origins=tuple(origins or ()),
        virtual_camera=_said(virtual_camera, usual.virtual_camera),
    )
    named = {"--port": port not in (None, WEBSOCKET_PORT), "--host": host != WEBSOCKET_HOST}
    named["--origin"] = bool(origins)
    for option, is_given in named.items():
        if is_given and not choice.websocket:
            raise FerdeskError(f"{option} belongs to --websocket: add that, or leave it out.")
    return choice


def stream_command(
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            "-s",
            help="A camera's number or name, a video, picture or folder, an address, or demo; by "
            "default that of your settings, else demo.",
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.0, help="End after so long; 0: with the source.")
    ] = 0.0,
    loop: Annotated[bool, typer.Option("--loop", help="Begin a video again at its end.")] = False,
    lsl: LslOption = None,
    osc: OscOption = None,
    osc_to: OscToOption = None,
    websocket: WebSocketOption = None,
    port: PortOption = None,
    host: HostOption = WEBSOCKET_HOST,
    token: TokenOption = "",
    origin: OriginOption = None,
    virtual_camera: VirtualCameraOption = None,
    as_json: JsonOption = False,
    faces: FacesOption = DEFAULT.faces,
    bundle: BundleOption = DEFAULT.bundle,
    max_faces: MaxFacesOption = DEFAULT.max_faces,
    min_face: MinFaceOption = DEFAULT.min_face,
    aus: AusOption = DEFAULT.aus,
    au_bundle: AuBundleOption = DEFAULT.au_bundle,
    disambiguate: DisambiguateOption = DEFAULT.disambiguate,
    t2: T2Option = DEFAULT.t2,
    t3: T3Option = DEFAULT.t3,
    neutral: NeutralOption = DEFAULT.neutral,
    smoothing: SmoothingOption = DEFAULT.smoothing_s,
    precision: PrecisionOption = DEFAULT.precision,
    engine: EngineOption = DEFAULT.engine,
    threads: ThreadsOption = DEFAULT.threads,
) -> None:
    """Analyse without a window and let other programs listen (docs/streams.md).

    What is not said here is as in your settings (ferdesk settings).

    Example: ferdesk stream --source 0 --websocket --osc
    """
    preferred = preferences()
    choice = stream_choice(
        preferred,
        lsl=lsl,
        osc=osc,
        osc_to=osc_to,
        websocket=websocket,
        host=host,
        port=port,
        token=token,
        origins=origin,
        virtual_camera=virtual_camera,
    )
    if not choice.any:
        raise FerdeskError(
            "Nobody would hear this: add --lsl, --osc, --websocket or --virtual-camera."
        )
    settings = chosen(
        preferred,
        faces=faces,
        bundle=bundle,
        max_faces=max_faces,
        min_face=min_face,
        aus=aus,
        au_bundle=au_bundle,
        disambiguate=disambiguate,
        t2=t2,
        t3=t3,
        neutral=neutral,
        smoothing_s=smoothing,
        precision=precision,
        engine=engine,
        threads=threads,
    )
    from ferdesk.live.watch import Watch
    from ferdesk.pipeline import build_pipeline

    opened = partial(
        Watch,
        source or preferred.source.default or "demo",
        loop=loop,
        paced=True,
        report=_tell,
        opener=preferred.source.opener(),
    )
    with ExitStack() as stack:
        pipeline = build_pipeline(settings)
        stack.callback(pipeline.close)
        summary = _stream(opened, seconds, pipeline, choice, quiet=as_json)
    if as_json:
        print_json([summary.model_dump(mode="json")], single=True)
    else:
        _show(summary)
    if all(output.trouble for output in summary.outputs):
        raise OutputError("No output was left: " + "; ".join(o.status for o in summary.outputs))


def _stream(
    opened: Callable[[], "Watch"],
    seconds: float,
    pipeline: "Pipeline",
    choice: StreamChoice,
    *,
    quiet: bool,
) -> StreamSummary:
    """Run until the source's end, the time's, or a signal."""
    from ferdesk.live.interrupt import stop_on_signals
    from ferdesk.streams.hub import StreamHub

    with ExitStack() as stack:
        outputs = open_outputs(
            choice,
            units=pipeline.units,
            estimator=pipeline.au_estimator,
            bundle=pipeline.bundle,
        )
        hub = StreamHub(outputs)
        stack.callback(hub.close)
        watch = stack.enter_context(opened())
        for warning in choice.warnings():
            typer.echo(f"ferdesk: {warning}", err=True)
        for output in outputs:
            typer.echo(f"{output.name}: {output.address}", err=quiet)
        stack.enter_context(stop_on_signals(watch.stop))
        if seconds:
            timer = threading.Timer(seconds, watch.stop)
            timer.start()
            stack.callback(timer.cancel)
        started = time.monotonic()
        frames = _pass_on(watch, pipeline, hub)
        took = time.monotonic() - started
        statuses = hub.statuses()  # while there are clients to be counted
        hub.close()
        return StreamSummary(
            source=watch.info.name,
            frames=frames,
            seconds=took,
            fps=frames / took if took > 0 else 0.0,
            dropped=watch.dropped,
            outputs=tuple(
                OutputSummary(
                    name=status.name,
                    status=status.text,
                    trouble=status.trouble,
                    sent=count.sent,
                    dropped=count.dropped,
                )
                for status, count in zip(statuses, hub.counts(), strict=True)
            ),
        )


def _pass_on(watch: "Watch", pipeline: "Pipeline", hub: "StreamHub") -> int:
    frames = 0
    while hub.running and (frame := watch.read()) is not None:
        hub.send(pipeline.process(frame))
        frames += 1
    return frames


def _tell(state: "SourceState") -> None:
    """Say what is wrong with the source, such as a camera that was unplugged."""
    if state.message:
        typer.echo(f"ferdesk: {state.message}", err=True)


def _show(summary: StreamSummary) -> None:
    typer.echo(
        f"{summary.source}: {summary.frames} frames in {summary.seconds:.1f} s "
        f"({summary.fps:.1f} a second), {summary.dropped} dropped"
    )
    for output in summary.outputs:
        typer.echo(f"{output.status}; {output.sent} sent")


def _said(given: bool | None, usual: bool) -> bool:
    return usual if given is None else given


def _host_and_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise FerdeskError(f"{text} is no address to send to: HOST:PORT, such as 127.0.0.1:9000.")
    return host, int(port)
