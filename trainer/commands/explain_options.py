"""What the commands of `ferdesk-train explain` share: options, which faces, what is written."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from trainer.commands.common import part_named, print_json, say_skipped
from trainer.errors import TrainError

if TYPE_CHECKING:
    from trainer.explain.images import Gallery
    from trainer.explain.subject import Subject
    from trainer.tables import Result

_ALL: Final = "all"

Net = Annotated[
    str,
    typer.Argument(metavar="NET", help="A run's folder, a checkpoint, or a bundle with a program."),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="The folder where it is written.")]
LayerName = Annotated[
    str | None, typer.Option("--layer", help="The layer; leave it out for a list of all.")
]
DatasetName = Annotated[
    str | None, typer.Option("--dataset", help="What lies there; the net's own unless given.")
]
PartName = Annotated[
    str, typer.Option("--part", help="train, valid, test, or all; of a fold where there are some.")
]
Protocol = Annotated[
    str | None,
    typer.Option("--protocol", help="How folds are cut; as the net was trained unless given."),
]
Fold = Annotated[
    int | None, typer.Option("--fold", min=0, help="Which fold; the net's own unless given.")
]
Rows = Annotated[
    int, typer.Option("--rows", min=1, max=100, help="How many to show, unless they are named.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of all that is drawn at random.")]


def faces_of(
    subject: "Subject",
    data: Path,
    dataset: str | None,
    part: str,
    protocol: str | None,
    fold: int | None,
    skip_bad: bool,
) -> "tuple[Gallery, str]":
    """The faces that are asked for, and what they are in words.

    Of the net's own data set, folds are cut as they were for it.
    """
    from trainer.explain.images import Wish, load_gallery

    name = dataset or subject.dataset
    if not name:
        raise TrainError(f"Nobody knows what {subject.name} was trained on: say --dataset.")
    own = name == subject.dataset
    wish = Wish(
        data=data,
        dataset=name,
        part="all" if part == _ALL else part_named(part),
        protocol=protocol if protocol is not None else subject.protocol if own else "",
        fold=fold if fold is not None else subject.fold if own else 0,
        skip_bad=skip_bad,
    )
    gallery = load_gallery(wish, subject.inside.size)
    say_skipped(gallery.faces)
    return gallery, wish.words


def layer_names(nets: "Sequence[Subject]", text: str | None) -> tuple[str, ...]:
    """The layers that are asked for, with commas between them, once each; all nets must have them.

    Raises:
        TrainError: one has not; the message lists those that it has.
    """
    if text is None:
        nets[-1].inside.layer(None)
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for net in nets:
        for name in names:
            net.inside.layer(name)
    return names


def numbers_of(text: str | None) -> list[int]:
    """Whole numbers with commas between them, once each."""
    if text is None:
        return []
    try:
        return list(dict.fromkeys(int(number) for number in text.split(",")))
    except ValueError as error:
        raise TrainError(f"{text}: write numbers with commas between them.") from error


def classes_of(text: str | None) -> list[int]:
    """The places of expressions in the canonical order."""
    from ferdesk.core.labels import EXPRESSIONS
    from trainer.registry import nearest

    if text is None:
        return list(range(len(EXPRESSIONS)))
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in EXPRESSIONS:
            raise TrainError(f"There is no expression {name!r}. {nearest(name, EXPRESSIONS)}")
    return [EXPRESSIONS.index(name) for name in names]


def finish(path: Path, result: "Result", *, as_json: bool) -> None:
    """Write the result for programs, and say where all of it is."""
    from trainer.tables import write_result

    write_result(path, result)
    if as_json:
        print_json(result.model_dump(mode="json"))
    else:
        typer.echo(f"{path}")


def command_line() -> str:
    """The command line as it was typed, less the folders that its files lie in."""
    return shlex.join(["ferdesk-train", *(Path(word).name for word in sys.argv[1:])])
