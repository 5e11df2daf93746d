import importlib.util
import json
import shutil
import subprocess
import sys

import pytest

from trainer.recipes import RECIPES
from trainer.recipes.ali2020 import GAN_RECIPES
from trainer.recipes.au import AU_RECIPES


@pytest.fixture(scope="module")
def run(tree, tmp_path_factory):
    """A tiny run, trained through the command line."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    program = "from trainer.cli import main; main()"
    arguments = ["train", "khorrami2015-ferplus", "-d", tree, "--run", folder]
    arguments += ["--set", "epochs=1", "--set", "batch=8", "--seed", "4"]
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "valid accuracy" in done.stdout
    return folder


def fails(result, message):
    code, _, err = result
    assert code == 2
    assert err.startswith("ferdesk-train: ")
    assert err.count("\n") == 1
    assert message in err
    return True


def test_list(command):
    code, out, _ = command("list", "--json")
    recipes = json.loads(out)
    assert code == 0
    named = [*RECIPES.names(), *AU_RECIPES.names(), *GAN_RECIPES.names()]
    assert [recipe["name"] for recipe in recipes] == named
    assert command("list")[0] == 0


def test_runs(command, run):
    code, out, _ = command("runs", "--in", run.parent, "--json")
    (entry,) = json.loads(out)
    assert code == 0
    assert (entry["name"], entry["state"]) == ("tiny", "finished")
    assert "finished" in command("runs", "--in", run.parent)[1]
    assert json.loads(command("runs", "--in", run / "nowhere", "--json")[1]) == []
    assert json.loads((run / "recipe.json").read_text())["seed"] == 4


def test_damaged_run_is_listed_with_the_reason(command, run, tmp_path):
    shutil.copytree(run, tmp_path / "tiny")
    (tmp_path / "tiny" / "recipe.json").write_text("{")
    (entry,) = json.loads(command("runs", "--in", tmp_path, "--json")[1])
    assert "not valid JSON" in entry["state"]


def test_export_and_evaluate(command, run, tree, tmp_path):
    bundle = tmp_path / "models" / "tiny"
    code, out, err = command("export", run, "-d", tree, "-o", bundle, "--json")
    assert (code, err) == (0, "")
    exported = json.loads(out)
    assert exported["name"] == "tiny"

    picture = tmp_path / "confusion.png"
    code, out, _ = command(
        "evaluate", "--bundle", bundle, "-d", tree, "--json", "--confusion", picture
    )
    result = json.loads(out)
    assert code == 0
    assert result["accuracy"] == exported["metrics"][0]["accuracy"]
    assert picture.read_bytes().startswith(b"\x89PNG")

    code, out, _ = command("evaluate", "--run", run, "-d", tree, "--protocol", "majority")
    assert code == 0
    assert out.startswith("valid, majority, n = 24: accuracy")


def test_skip_bad_lists_what_it_left_out(command, run, tree, tmp_path):
    data = shutil.copytree(tree, tmp_path / "data")
    (data / "FER2013Valid" / "fer0000041.png").unlink()
    fails(command("evaluate", "--run", run, "-d", data), "fer0000041.png: No such file")
    code, out, err = command("evaluate", "--run", run, "-d", data, "--skip-bad", "--json")
    assert code == 0
    assert json.loads(out)["n"] == 23
    assert "fer0000041.png" in err
    assert "valid: 1 skipped, 23 kept" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "khorrami", "-d", "x"), "Did you mean khorrami2015-tfd or"),
        (("train", "khorrami2015-ferplus", "-d", "nowhere"), "nowhere does not exist"),
        (("train", "khorrami2015-ferplus", "-d", "x", "--set", "lr"), "key=value"),
        (("train", "khorrami2015-ferplus", "-d", "x", "--set", "lrr=1"), "Did you mean lr"),
        (("train", "khorrami2015-ferplus", "-d", "x", "--set", "lr=fast"), "--set lr=fast"),
        (("train", "khorrami2015-ferplus", "-d", "x", "--resume", "--fresh"), "either"),
        (("evaluate", "-d", "x"), "either --bundle or --run"),
        (("evaluate", "-d", "x", "--run", "a", "--bundle", "b"), "either --bundle or --run"),
        (("evaluate", "-d", "x", "--run", "a", "--part", "tests"), "no part 'tests'"),
        (("export", "nowhere", "-d", "x", "-o", "y"), "There is no run here: nowhere"),
    ],
)
def test_mistakes_are_one_line_and_code_2(command, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert fails(command(*arguments), message)


def test_unknown_bundle(command, tree):
    assert fails(command("evaluate", "-d", tree, "--bundle", "no-such-net"), "no-such-net")


def test_part_that_is_not_there(command, run, tree):
    assert fails(command("evaluate", "-d", tree, "--run", run, "--part", "test"), "no test part")


def test_existing_run(command, run, tree):
    result = command("train", "khorrami2015-ferplus", "-d", tree, "--run", run)
    assert fails(result, "--fresh")


def test_missing_torch_says_what_to_install(command, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    result = command("train", "khorrami2015-ferplus", "-d", "x")
    assert fails(result, 'torch is not installed: pip install "ferdesk[train]"')


def test_help_loads_nothing_heavy():
    check = (
        "import sys; from trainer import cli; "
        "print([m for m in ('torch', 'sklearn', 'matplotlib', 'cv2', 'onnx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
