"""`ferdesk-train svm`: machines that judge action units where a net is unsure."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer.commands.common import (
    Data,
    Json,
    SkipBad,
    load_part,
    need_extra,
    part_named,
    print_json,
    print_table,
)
from trainer.commands.reproduce import RESULTS
from trainer.errors import TrainError
from trainer.labelling import Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ferdesk.core.svm_bundle import SvmResult

svm_app = typer.Typer(help="Machines on action units.", no_args_is_help=True)

Aus = Annotated[Path, typer.Option("--aus", help="The table of its action units (au extract).")]


@svm_app.callback()
def group() -> None:
    """Machines on action units, which are asked where an expression net is unsure."""


@svm_app.command("fit")
def fit(
    data: Data,
    aus: Annotated[Path, typer.Option("--aus", help="Action units of FER+ train (au extract).")],
    valid_aus: Annotated[Path, typer.Option("--valid-aus", help="Action units of FER+ valid.")],
    bundle: Annotated[
        list[str], typer.Option("--bundle", help="Expression bundles to tune for, one each.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle's folder.")],
    photographs: Annotated[
        Path | None,
        typer.Option("--photographs", help="The data set faces, for results at full size."),
    ] = None,
    photograph_aus: Annotated[
        Path | None, typer.Option("--photograph-aus", help="Action units of the photographs.")
    ] = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Fit machines on action units, and tune when they are asked, with cross-fitted results.

    For example: ferdesk-train svm fit -d ferplus/ --aus train.csv --valid-aus valid.csv
    --bundle khorrami2015-ferplus -o FOLDER
    """
    if (photographs is None) != (photograph_aus is None):
        raise TrainError("--photographs and --photograph-aus go together.")
    need_extra()
    from trainer.svm_export import Request, fit_bundle

    made = fit_bundle(
        Request(
            data=data,
            aus=aus,
            valid_aus=valid_aus,
            nets=tuple(bundle),
            output=output,
            photographs=photographs,
            photograph_aus=photograph_aus,
            skip_bad=skip_bad,
        )
    )
    if as_json:
        print_json({"folder": str(output), **made.model_dump(mode="json")})
        return
    typer.echo(f"{output}: {made.notes}")
    print_results(made.results)


@svm_app.command("evaluate")
def evaluate(
    svm: Annotated[str, typer.Argument(help="The machines' bundle: a name or folder.")],
    data: Data,
    aus: Aus,
    bundle: Annotated[str, typer.Option("--bundle", help="The expression bundle.")],
    dataset: Annotated[str, typer.Option("--dataset", help="What lies there.")] = "ferplus",
    part: Annotated[str, typer.Option("--part", help="train, valid, test.")] = "valid",
    protocol: Annotated[
        Protocol | None,
        typer.Option("--protocol", help="What counts as true; plurality where there are votes."),
    ] = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Measure what a bundle's machines do to a net's answers, as the app would ask them.

    For example: ferdesk-train svm evaluate au-svm-native -d ferplus/ --aus valid.csv
    --bundle khorrami2015-ferplus
    """
    need_extra()
    from trainer.evaluate import protocols_for
    from trainer.svm_data import open_net
    from trainer.svm_evaluate import evaluate_machines

    net = open_net(bundle)
    faces = load_part(dataset, data, part_named(part), net.size, skip_bad=skip_bad)
    results = evaluate_machines(svm, net, faces, aus, protocol or protocols_for(faces)[0])
    if as_json:
        print_json([one.model_dump(mode="json") for one in results])
    else:
        print_results(results)


@svm_app.command("report")
def report(
    svms: Annotated[list[str], typer.Argument(help="Bundles of machines: names or folders.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder where the page is written.")
    ] = RESULTS,
) -> None:
    """Write the pages of bundles' results, for example: ferdesk-train svm report au-svm-native."""
    need_extra()
    from ferdesk.bundles import find_bundle
    from ferdesk.core.bundle import read_bundle
    from ferdesk.core.svm_bundle import SvmBundle
    from trainer.svm_results import write_results

    bundles = [read_bundle(find_bundle(name, "au_svm"), SvmBundle) for name in svms]
    write_results(bundles, output / "au-svm")
    typer.echo(f"{output / 'au-svm.md'} and .json written")


def print_results(results: "Sequence[SvmResult]") -> None:
    """Print a table for each net, set of images and way of tuning."""
    from trainer.svm_results import of_what

    heads = ("way", "accuracy", "balanced", "asked", "turned", "p")
    for group in dict.fromkeys(map(of_what, results)):
        typer.echo(group)
        rows = [
            (
                one.algorithm,
                f"{one.accuracy:.2%}",
                f"{one.balanced_accuracy:.2%}",
                f"{one.contested}",
                f"+{one.turned_right} -{one.turned_wrong}",
                f"{one.p:.3f}",
            )
            for one in results
            if of_what(one) == group
        ]
        print_table(heads, rows)
