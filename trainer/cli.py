"""The `ferdesk-train` command: puts the commands together and turns errors into one line."""

import sys

import typer

from ferdesk.core.errors import FerdeskError
from trainer.commands.au import au_app
from trainer.commands.cv import cv
from trainer.commands.datasets import datasets_app
from trainer.commands.evaluate import evaluate
from trainer.commands.explain import explain_app
from trainer.commands.export import export
from trainer.commands.gan import gan_app
from trainer.commands.reproduce import reproduce
from trainer.commands.svm import svm_app
from trainer.commands.sweep import sweep
from trainer.commands.train import list_recipes, runs, train
from trainer.commands.transfer import transfer_app
from trainer.errors import StoppedError

PROGRAM = "ferdesk-train"

app = typer.Typer(
    name=PROGRAM,
    help="Train expression nets by recipe and hand them to ferdesk as bundles.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("list")(list_recipes)
app.command()(train)
app.command()(evaluate)
app.command()(export)
app.command()(runs)
app.command()(reproduce)
app.command()(sweep)
app.command()(cv)
app.add_typer(datasets_app, name="datasets")
app.add_typer(transfer_app, name="transfer")
app.add_typer(au_app, name="au")
app.add_typer(svm_app, name="svm")
app.add_typer(gan_app, name="gan")
app.add_typer(explain_app, name="explain")


def main() -> None:
    """Run the command line; errors that a user can mend are one line and exit code 2."""
    try:
        app()
    except StoppedError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        sys.exit(128 + error.signum)
    except FerdeskError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        sys.exit(2)
