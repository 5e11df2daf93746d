"""`ferdesk bench`."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from ferdesk.commands.options import DEFAULT, BundleOption, JsonOption, chosen, print_json

if TYPE_CHECKING:
    from ferdesk.bench import Report
    from ferdesk.engines.measure import Measured, Timing

SourceOption = Annotated[
    str, typer.Option("--source", "-s", help="The clip to measure with: a video, or demo.")
]


def bench_command(
    source: SourceOption = "demo",
    bundle: BundleOption = DEFAULT.bundle,
    as_json: JsonOption = False,
) -> None:
    """Measure stages and engines on this machine; from then on --engine auto takes the fastest.

    An engine is taken only if it gives the answers that are stored in the bundle. Do it while
    nothing else runs; it takes a while. What is not said here is as in your settings.

    Example: ferdesk bench --bundle compact-ferplus
    """
    from ferdesk.bench import run

    settings = chosen(bundle=bundle)
    errors = Console(stderr=True)
    with errors.status("Measuring") as status:
        report = run(settings, source, lambda what: status.update(f"Measuring {what}"))
    if as_json:
        print_json([report.model_dump(mode="json")], single=True)
    else:
        _show(Console(), report)


def _show(console: Console, report: "Report") -> None:
    machine = report.machine
    gpus = f"; {', '.join(machine.gpus)}" if machine.gpus else ""
    console.print(f"{machine.cpu}, {machine.cores} cores{gpus}", markup=False)
    stages = _table(f"Stages of a frame of {report.source}, ms", "stage")
    for one in report.stages:
        stages.add_row(one.stage, *_figures(one.timing))
    console.print(stages)
    for name in dict.fromkeys(one.net for one in report.nets):
        console.print(_net_table(report, name))
        for trouble in dict.fromkeys(one.trouble for one in report.nets if one.net == name):
            _say(console, trouble)
    if report.face_nets:
        faces = _table("Face nets in f32 with what belongs to them, ms", "net", "threads")
        for net in report.face_nets:
            faces.add_row(net.net, str(net.threads), *_figures(net.timing))
        console.print(faces)
    for why in report.missing.values():
        _say(console, why)
    for best in report.chosen:
        plan = best.plan
        threads = f", {plan.threads} threads" if plan.threads > 1 else ""
        _say(console, f"--engine auto runs {best.bundle} on {plan.engine} {plan.device}{threads}.")


def _say(console: Console, line: str) -> None:
    if line:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _net_table(report: "Report", name: str) -> Table:
    table = _table(f"{name}, one face, ms", "engine", "threads", last=("off by", ""))
    picked = {best.bundle: best.plan for best in report.chosen}
    for one in report.nets:
        if one.net == name:
            taken = picked.get(name) == one.plan
            table.add_row(*_cells(one, taken), style="bold" if taken else None)
    return table


def _cells(one: "Measured", taken: bool) -> tuple[str, ...]:
    title = one.name or f"{one.plan.engine} {one.plan.device}"
    off = "" if one.difference is None else f"{one.difference:.1g}"
    figures = _figures(one.timing) if one.timing else ("", "", "")
    threads = str(one.plan.threads) if one.plan.threads else ""
    mark = "taken" if taken else "not taken" if one.trouble else ""
    return title, threads, *figures, off, mark


def _table(title: str, *first: str, last: tuple[str, ...] = ()) -> Table:
    table = Table(title=title, title_justify="left")
    for name in first:
        table.add_column(name)
    for name in ("median", "p95", "n"):
        table.add_column(name, justify="right")
    for name in last:
        table.add_column(name)
    return table


def _figures(timing: "Timing") -> tuple[str, str, str]:
    return f"{timing.median_ms:.2f}", f"{timing.p95_ms:.2f}", str(timing.n)
