"""What the commands share that do many trainings: options, and where they run."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trainer.tasks import Place

Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Train side by side on a Ray cluster: local for this machine, auto or HOST:PORT. "
        "Data and runs must lie where all its machines see them.",
    ),
]
Cpus = Annotated[
    int, typer.Option("--cpus-per-task", min=1, help="With --ray: CPUs that a training takes.")
]
Gpus = Annotated[
    float,
    typer.Option(
        "--gpus-per-task", min=0.0, help="With --ray: GPUs that a training takes, or a part of one."
    ),
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Replace runs that were made with other values.")
]


def place_of(ray: str | None, cpus: int, gpus: float) -> "Place":
    """Where to train, from the options."""
    from ferdesk.cluster import LOCAL
    from trainer.tasks import Place

    return Place(None if ray is None else ray or LOCAL, cpus, gpus)
