"""A drawn data set and a small recipe."""

import sys
from pathlib import Path

import pytest
from trainer_tree import make_tree

from trainer import cli
from trainer.datasets.base import Faces
from trainer.datasets.ferplus import FOLDERS, load
from trainer.recipes import RECIPES, Recipe


@pytest.fixture(scope="session")
def tree(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data") / "ferplus"
    make_tree(root, FOLDERS)
    return root


@pytest.fixture(scope="session")
def parts(tree) -> tuple[Faces, Faces]:
    return load(tree, "train"), load(tree, "valid")


@pytest.fixture
def recipe() -> Recipe:
    changes = {"epochs": "2", "batch": "8", "ema_decay": "0.9"}
    return RECIPES.get("khorrami2015-ferplus").override(changes)


@pytest.fixture
def command(monkeypatch, capsys):
    """Run the command line in this process: exit code, what it printed, what it complained."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["ferdesk-train", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as error:
            code = error.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return call
