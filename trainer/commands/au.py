"""`ferdesk-train au`: action units of data sets."""

from pathlib import Path
from typing import Annotated

import typer

from ferdesk.aus.names import ESTIMATORS, NATIVE_BUNDLE
from trainer.commands.common import Data, Json, SkipBad, part_named, print_json
from trainer.commands.reproduce import RESULTS
from trainer.errors import TrainError

au_app = typer.Typer(help="Action units of data sets.", no_args_is_help=True)

_ALL = "all"


@au_app.callback()
def group() -> None:
    """Action units of data sets."""


@au_app.command("extract")
def extract(
    dataset: Annotated[str, typer.Argument(help="A data set's name; see `datasets`.")],
    data: Data,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The CSV; one that is there is gone on with.")
    ],
    part: Annotated[str, typer.Option("--part", help="train, valid, test, or all.")] = _ALL,
    estimator: Annotated[
        str, typer.Option("--estimator", "-e", help=" or ".join(ESTIMATORS) + ".")
    ] = "native",
    bundle: Annotated[
        str, typer.Option("--bundle", help="The native net: a bundle's name or folder.")
    ] = NATIVE_BUNDLE,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Estimate the units of every picture, a row each; the same command goes on after a stop.

    For example: ferdesk-train au extract ferplus -d ferplus/ -e blendshapes -o aus.csv
    """
    name = next((one for one in ESTIMATORS if one == estimator), None)
    if name is None:
        raise TrainError(f"There is no estimator {estimator!r}. Known: {', '.join(ESTIMATORS)}.")
    from trainer import au_extract

    done = au_extract.run(
        au_extract.Request(
            dataset=dataset,
            data=data,
            part=None if part == _ALL else part_named(part),
            estimator=name,
            bundle=bundle,
            output=output,
            skip_bad=skip_bad,
        )
    )
    for line in done.skipped:
        typer.echo(f"skipped: {line}", err=True)
    if as_json:
        print_json(done.to_dict())
        return
    typer.echo(
        f"{done.table}: {done.rows:,} rows, {done.added:,} new, {done.found:,} of them faces"
    )


@au_app.command("report")
def report(
    bundle: Annotated[str, typer.Argument(help="The bundle of an action-unit net.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder where its page is written.")
    ] = RESULTS,
) -> None:
    """Write the page about a bundle's figures, for example: ferdesk-train au report au-native."""
    from ferdesk.bundles import find_bundle
    from ferdesk.core.au_bundle import AuBundle
    from ferdesk.core.bundle import read_bundle
    from trainer.au_report import write_page

    found = read_bundle(find_bundle(bundle, "action_units"), AuBundle)
    typer.echo(f"{write_page(found, output)}")
