"""`ferdesk-train explain`: what a net's filters and neurons answer to."""

from pathlib import Path
from typing import Annotated

import typer

from trainer.commands.common import Data, Json, SkipBad, need_extra
from trainer.commands.explain_options import (
    DatasetName,
    Fold,
    LayerName,
    Net,
    Output,
    PartName,
    Protocol,
    Rows,
    Seed,
    classes_of,
    command_line,
    faces_of,
    finish,
    layer_names,
    numbers_of,
)
from trainer.errors import TrainError

explain_app = typer.Typer(
    help="See what a net's filters and neurons answer to.", no_args_is_help=True
)


@explain_app.callback()
def group() -> None:
    """See what a net's filters and neurons answer to."""


@explain_app.command("filters")
def filters(
    net: Net,
    data: Data,
    output: Output,
    layer: LayerName = None,
    dataset: DatasetName = None,
    part: PartName = "train",
    protocol: Protocol = None,
    fold: Fold = None,
    top: Annotated[int, typer.Option("--top", min=1, max=100, help="Faces a filter.")] = 10,
    chosen: Annotated[
        str | None, typer.Option("--filters", help="Which filters, e.g. 3,17,40.")
    ] = None,
    rows: Rows = 10,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Draw what filters answer to, for example: ferdesk-train explain filters RUN -d DATA -o OUT.

    Writes filters.json, filters.png (guided backpropagation) and faces.png (the data's pictures).
    """
    numbers = numbers_of(chosen)
    need_extra()
    from trainer.explain.draw import draw_grid
    from trainer.explain.filters import FilterResult, show_filters
    from trainer.explain.subject import open_subject
    from trainer.tables import make_folder

    subject = open_subject(net)
    wanted = subject.inside.layer(layer)
    gallery, words = faces_of(subject, data, dataset, part, protocol, fold, skip_bad)
    found, patterns, faces = show_filters(subject.inside, gallery, wanted, top, numbers, rows)
    result = FilterResult(
        net=subject.name, layer=wanted.name, faces=words, n=len(gallery.faces), rows=found
    )
    make_folder(output)
    names, title = [f"{row.filter}" for row in found], f"{subject.name}, {wanted.name}"
    draw_grid(output / "filters.png", patterns, names, title, signed=True)
    draw_grid(output / "faces.png", faces, names, title)
    finish(output / "filters.json", result, as_json=as_json)


@explain_app.command("aus")
def aus(
    net: Net,
    data: Data,
    output: Output,
    layer: LayerName = None,
    table: Annotated[
        Path | None,
        typer.Option("--aus", help="An estimator's table, for sets without codes (au extract)."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            min=0.0,
            max=1.0,
            help="From which strength a unit is present: 0.5 of an estimator's, any of codes.",
        ),
    ] = None,
    dataset: DatasetName = None,
    part: PartName = "train",
    protocol: Protocol = None,
    fold: Fold = None,
    bins: Annotated[int, typer.Option("--bins", min=2, max=1000, help="Of a histogram.")] = 20,
    least: Annotated[
        int, typer.Option("--least", min=1, help="Faces with and without a unit, for it to count.")
    ] = 10,
    chosen: Annotated[
        str | None, typer.Option("--filters", help="Which filters to show, e.g. 3,17,40.")
    ] = None,
    rows: Rows = 10,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Find each filter's action unit, for example: ferdesk-train explain aus RUN -d CK+/ -o OUT.

    Writes aus.json, aus.md and aus.png.
    """
    numbers = numbers_of(chosen)
    need_extra()
    from trainer import files
    from trainer.au_table import read_au_table
    from trainer.explain.draw import draw_units
    from trainer.explain.pages import unit_page
    from trainer.explain.subject import open_subject
    from trainer.explain.units import (
        Counting,
        UnitResult,
        count_units,
        explain_units,
        frequent,
        shown_filters,
    )
    from trainer.tables import make_folder

    subject = open_subject(net)
    wanted = subject.inside.layer(layer)
    gallery, words = faces_of(subject, data, dataset, part, protocol, fold, skip_bad)
    if table is None:
        coding = gallery.coded(threshold)
    else:
        coding = gallery.estimated(read_au_table(table), threshold)
    kept = frequent(coding, least)
    counted = coding.pick(kept)
    found = explain_units(subject, gallery, counted, wanted, Counting(bins=bins, seed=seed))
    result = UnitResult(
        net=subject.name,
        layer=wanted.name,
        faces=words,
        n=len(gallery.faces),
        source=coding.source,
        bins=bins,
        units=count_units(counted),
        left_out=count_units(coding.pick(~kept)),
        silent=wanted.units - len(found),
        filters=found,
        shown=shown_filters(found, wanted, numbers, rows),
    )
    make_folder(output)
    draw_units(output / "aus.png", result)
    files.write_text(output / "aus.md", unit_page(result, "aus.png", command_line()))
    finish(output / "aus.json", result, as_json=as_json)


@explain_app.command("neurons")
def neurons(
    net: Net,
    data: Data,
    output: Output,
    layers: Annotated[
        str | None, typer.Option("--layer", help="The layers, with commas between them.")
    ] = None,
    before: Annotated[
        str | None,
        typer.Option("--before", help="The net before: a run, a checkpoint, a bundle or weights."),
    ] = None,
    dataset: DatasetName = None,
    part: PartName = "train",
    protocol: Protocol = None,
    fold: Fold = None,
    top: Annotated[int, typer.Option("--top", min=2, help="Faces a neuron is judged by.")] = 100,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Measure how expressive neurons are: ferdesk-train explain neurons RUN -d DATA -o OUT.

    Unless --before says otherwise, the net is compared with the weights that its recipe started
    from, if any. Writes neurons.json, neurons.md and neurons.png.
    """
    need_extra()
    from trainer import files
    from trainer.explain.draw import draw_neurons
    from trainer.explain.neurons import NeuronResult, edges, entropies, summarise
    from trainer.explain.pages import neuron_page
    from trainer.explain.subject import open_subject
    from trainer.tables import make_folder

    subject = open_subject(net)
    earlier = subject.before(before)
    nets = [one for one in (earlier, subject) if one is not None]
    names = layer_names(nets, layers)
    gallery, words = faces_of(subject, data, dataset, part, protocol, fold, skip_bad)
    gallery = gallery.labelled
    threshold, found = summarise(
        [(one.name, entropies(one.inside, gallery, names, top, seed)) for one in nets]
    )
    result = NeuronResult(
        faces=words,
        n=len(gallery.faces),
        top=top,
        seed=seed,
        threshold=threshold,
        edges=tuple(edges().tolist()),
        nets=tuple(found),
    )
    make_folder(output)
    draw_neurons(output / "neurons.png", result)
    files.write_text(output / "neurons.md", neuron_page(result, "neurons.png", command_line()))
    finish(output / "neurons.json", result, as_json=as_json)


@explain_app.command("means")
def means(
    net: Net,
    data: Data,
    output: Output,
    layer: LayerName = None,
    dataset: DatasetName = None,
    part: PartName = "train",
    protocol: Protocol = None,
    fold: Fold = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Faces that are averaged.")] = 20,
    chosen: Annotated[
        str | None, typer.Option("--neurons", help="Which neurons, e.g. 11,53.")
    ] = None,
    rows: Rows = 10,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Average the faces that neurons answer to: ferdesk-train explain means RUN -d DATA -o OUT.

    Writes means.json and means.png.
    """
    numbers = numbers_of(chosen)
    need_extra()
    from trainer.explain.draw import draw_captioned
    from trainer.explain.means import MeanResult, mean_images
    from trainer.explain.subject import open_subject
    from trainer.tables import make_folder

    subject = open_subject(net)
    wanted = subject.inside.layer(layer)
    gallery, words = faces_of(subject, data, dataset, part, protocol, fold, skip_bad)
    gallery = gallery.labelled
    found, images = mean_images(subject.inside, gallery, wanted, top, numbers, rows)
    result = MeanResult(
        net=subject.name,
        layer=wanted.name,
        faces=words,
        n=len(gallery.faces),
        top=top,
        neurons=found,
    )
    make_folder(output)
    captions = [f"{one.neuron}: {one.label} {one.share:.0%}" for one in found]
    draw_captioned(output / "means.png", images, captions, f"{subject.name}, {wanted.name}")
    finish(output / "means.json", result, as_json=as_json)


@explain_app.command("maximise")
def maximise(
    net: Net,
    output: Output,
    classes: Annotated[
        str | None, typer.Option("--class", help="Expressions with commas; all unless given.")
    ] = None,
    layer: Annotated[
        str | None, typer.Option("--layer", help="Neurons of this layer, not a class.")
    ] = None,
    chosen: Annotated[
        str | None, typer.Option("--neurons", help="Which of them, e.g. 11,53.")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, max=100_000, help="How long.")] = 190,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Find pictures that a class or neuron answers to: ferdesk-train explain maximise RUN -o OUT.

    Writes maximise.json and maximise.png.
    """
    numbers = numbers_of(chosen)
    if (layer is None) != (chosen is None) or (layer is not None and classes is not None):
        raise TrainError("Say either --class, or --layer and --neurons.")
    need_extra()
    from trainer.explain.draw import draw_captioned
    from trainer.explain.maximise import Ascent, MaximumResult, maxima
    from trainer.explain.subject import open_subject
    from trainer.tables import make_folder

    subject = open_subject(net)
    wanted = None if layer is None else subject.inside.layer(layer)
    targets = numbers if wanted else classes_of(classes)
    found, pictures = maxima(subject, wanted, targets, Ascent(steps=steps, seed=seed))
    result = MaximumResult(
        net=subject.name, layer=layer or "", steps=steps, seed=seed, pictures=found
    )
    make_folder(output)
    captions = [one.caption for one in found]
    draw_captioned(output / "maximise.png", pictures, captions, subject.name)
    finish(output / "maximise.json", result, as_json=as_json)
