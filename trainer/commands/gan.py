"""`ferdesk-train gan train`, `transfer`, `stage2` and `probe`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer.commands.common import (
    Change,
    Data,
    Json,
    SkipBad,
    changes,
    need_extra,
    print_json,
    print_table,
    say_skipped,
)
from trainer.commands.train import train as train_net
from trainer.errors import TrainError
from trainer.recipes import RECIPES
from trainer.recipes.ali2020 import GAN_RECIPES
from trainer.runs import RUNS, RunFolder

if TYPE_CHECKING:
    from trainer.gan.probe import Probed
    from trainer.gan.state import TrainedGan
    from trainer.nets.ali2020 import Encoder

Gan = Annotated[Path, typer.Option("--gan", help="The folder of a GAN's run.")]
_SHOWN = 8  # identities of a grid, where none is named

gan_app = typer.Typer(
    help="DE-GAN: an expression on another face, and what its encoder learns from that.",
    no_args_is_help=True,
)


@gan_app.command("train")
def train_gan(
    recipe: Annotated[str, typer.Argument(help="A GAN recipe's name; see the command `list`.")],
    data: Data,
    change: Change = None,
    start: Annotated[
        Path | None,
        typer.Option("--from", help="The run of a GAN of another data set, to go on from."),
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="The run's folder; runs/<recipe> unless given.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run stopped.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace a run that is there.")] = False,
    skip_bad: SkipBad = False,
    seed: Annotated[int | None, typer.Option("--seed", help="Short for --set seed=...")] = None,
) -> None:
    """Train a GAN, for example: ferdesk-train gan train ali2020-gan-faces -d faces.zip."""
    if resume and fresh:
        raise TrainError("Choose either --resume or --fresh.")
    weights = None if start is None else str(start)
    resolved = GAN_RECIPES.get(recipe).override(changes(change, seed=seed, weights=weights))
    need_extra()
    from trainer.gan.people import read_people
    from trainer.gan.train import train_gan as make

    folder = RunFolder(run or RUNS / recipe)
    faces = read_people(resolved, data, skip_bad=skip_bad)
    say_skipped(faces)
    rows = make(resolved, faces, folder, data=data, resume=resume, fresh=fresh)
    typer.echo(
        f"{folder.folder}: {len(rows)} epochs; in the last, D took {rows[-1]['g_identity']:.1%} of "
        f"the generated pictures for the person asked for, {rows[-1]['g_expression']:.1%} for the "
        "expression"
    )


@gan_app.command()
def stage2(
    recipe: Annotated[str, typer.Argument(help="A recipe with a GAN; see the command `list`.")],
    data: Data,
    gan: Gan,
    change: Change = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="The run's folder; runs/<recipe> unless given.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run stopped.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace a run that is there.")] = False,
    skip_bad: SkipBad = False,
    seed: Annotated[int | None, typer.Option("--seed", help="Short for --set seed=...")] = None,
) -> None:
    """Train local CNNs on a GAN's encoder.

    For example: ferdesk-train gan stage2 ali2020-faces -d faces.zip --gan runs/ali2020-gan-faces
    """
    if not RECIPES.get(recipe).gan:
        known = [name for name in RECIPES.names() if RECIPES.get(name).gan]
        raise TrainError(f"{recipe} uses no GAN's encoder. Those that do: {', '.join(known)}.")
    train_net(
        recipe,
        data,
        change,
        run=run,
        weights=str(gan),
        resume=resume,
        fresh=fresh,
        skip_bad=skip_bad,
        seed=seed,
    )


@gan_app.command()
def transfer(
    sources: Annotated[list[Path], typer.Argument(help="Pictures with a face each.")],
    gan: Gan,
    identity: Annotated[
        list[str] | None,
        typer.Option("--identity", "-i", help="A name or code; the first eight unless given."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The picture that is made.")
    ] = Path("transfer.png"),
    cropped: Annotated[
        bool, typer.Option("--cropped", help="The pictures are patches of faces already.")
    ] = False,
    noise: Annotated[
        int | None, typer.Option("--noise", min=0, help="Seed of z, which is all zeros else.")
    ] = None,
) -> None:
    """Put faces' expressions on other identities.

    One source on one identity becomes a picture, several a grid: a row a source, which it begins
    with, a column an identity. For example: ferdesk-train gan transfer me.jpg --gan RUN -i 3
    """
    need_extra()
    import torch

    from trainer.datasets.faces import app_crop, resized
    from trainer.gan import pictures
    from trainer.gan.people import code_of
    from trainer.gan.state import load_gan

    trained = load_gan(RunFolder(gan))
    names = identity or [str(code) for code in range(min(_SHOWN, len(trained.names)))]
    codes = [code_of(name, trained.names) for name in names]
    cut = resized(trained.recipe.size) if cropped else app_crop(trained.recipe.size)
    faces = torch.stack([pictures.read_source(source, cut) for source in sources])
    z = torch.zeros(trained.recipe.noise)
    if noise is not None:
        z = torch.randn(len(z), generator=torch.Generator().manual_seed(noise))
    made = pictures.transfer(trained.generator, faces, codes, z)
    alone = made.shape[:2] == (1, 1)
    shown = pictures.to_grey(made[0, 0, 0]).numpy() if alone else pictures.grid(faces, made)
    pictures.write_picture(output, shown)
    typer.echo(f"{output}: {', '.join(trained.names[code] for code in codes)}")


@gan_app.command()
def probe(
    gan: Gan,
    data: Data,
    cnn: Annotated[
        Path | None, typer.Option("--cnn", help="The run of a plain CNN, to be asked beside it.")
    ] = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Ask f(x), a CNN's features and pixels who is shown, and how they look.

    The faces are those of the fold's valid and test parts, whose people neither net learnt from.
    For example: ferdesk-train gan probe --gan RUN -d faces.zip --cnn runs/ali2020-faces-cnn
    """
    need_extra()
    from trainer.gan.people import held_out
    from trainer.gan.probe import encoded, expressions_of, pixels, probe_all
    from trainer.gan.state import load_gan

    trained = load_gan(RunFolder(gan))
    faces = held_out(trained.recipe, data, skip_bad=skip_bad)
    say_skipped(faces)
    asked = [("f(x) of the GAN", encoded(trained.generator.encoder, faces))]
    if cnn is not None:
        asked.append(("features of the CNN", encoded(_plain(cnn, trained), faces)))
    asked.append(("pixels", pixels(faces)))
    found = probe_all(faces, asked, seed=trained.recipe.seed)
    if as_json:
        counts = expressions_of(faces)
        print_json({"expressions": counts, "probes": [one.to_dict() for one in found]})
    else:
        _print(found)


def _plain(run: Path, trained: "TrainedGan") -> "Encoder":
    """The encoder of a plain CNN that learnt from the same people.

    Raises:
        TrainError: it is another net, or learnt from others.
    """
    from trainer.nets.ali2020 import DeGanCnn
    from trainer.predict import load_run

    net, recipe, _ = load_run(RunFolder(run))
    if not isinstance(net, DeGanCnn):
        raise TrainError(f"{run} is no plain CNN of the encoder's shape but {recipe.net}.")
    theirs = trained.recipe
    same = ("dataset", "protocol", "fold", "size")
    differing = [key for key in same if getattr(recipe, key) != getattr(theirs, key)]
    if differing:
        said = ", ".join(f"{k}={getattr(recipe, k)}, not {getattr(theirs, k)}" for k in differing)
        raise TrainError(f"{run} cannot be compared with the GAN: {said}.")
    return net.encoder


def _print(found: "list[Probed]") -> None:
    heads = ("question", "features", "numbers", "n", "classes", "accuracy", "balanced", "chance")
    rows = [
        (
            one.question,
            one.features,
            f"{one.dimension}",
            f"{one.n}",
            f"{one.classes}",
            f"{one.accuracy:.2%}",
            f"{one.balanced:.2%}",
            f"{one.chance:.2%}",
        )
        for one in found
    ]
    print_table(heads, rows)
