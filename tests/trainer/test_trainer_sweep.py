import csv
import json
import signal

import pytest
from many_runs import complaint

from trainer import fit as fit_module
from trainer import sweep as sweeping
from trainer import tasks
from trainer.errors import TrainError
from trainer.recipes import RECIPES
from trainer.sweep import GRID, Combination, Trial, combinations, parse_grid, ranked

RECIPE = "khorrami2015-ferplus"
SMALL = ("--grid", "size=16", "--grid", "batch=8,16", "--epochs", "1")


@pytest.fixture
def recipe():
    return RECIPES.get(RECIPE)


def table_of(folder):
    with (folder / "sweep.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_thesis_s_grid(recipe):
    points = combinations(recipe, GRID)
    assert len(points) == len({point.name for point in points}) == 216
    assert points[0].name == "adam-lr0.1-batch32-dropout0.25-weight_decay0.0001"
    assert points[0].recipe.optimiser == "adam"
    assert points[0].values["weight_decay"] == points[0].recipe.weight_decay == 1e-4
    assert points[-1].recipe.lr == 1e-4


def test_a_sample_is_the_seed_s(recipe):
    some = [point.name for point in combinations(recipe, GRID, sample=5, seed=1)]
    assert len(some) == len(set(some)) == 5
    assert some == [point.name for point in combinations(recipe, GRID, sample=5, seed=1)]
    assert some != [point.name for point in combinations(recipe, GRID, sample=5, seed=2)]
    assert len(combinations(recipe, GRID, sample=500)) == 216


def test_values_that_are_the_same_are_one_combination(recipe):
    assert len(combinations(recipe, {"lr": ("0.1", "0.10", "1e-1")})) == 1


def test_names_are_fit_for_folders(recipe):
    grid = {"weights": ("../../x y/z", "")}
    names = [point.name for point in combinations(recipe, grid)]
    assert names == ["x_y_z", "weights"]
    with pytest.raises(TrainError, match="would both be called"):
        combinations(recipe, {"weights": ("a/b", "a b")})
    with pytest.raises(TrainError, match="too long for a folder"):
        combinations(recipe, {"weights": ("a" * 300,)})


def test_too_many_combinations(recipe):
    grid = {key: ["0.1"] * 30 for key in ("lr", "dropout", "momentum")}
    with pytest.raises(TrainError, match="27,000 combinations; at most 10,000"):
        combinations(recipe, grid)


def test_dry_run_lists(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = command("sweep", RECIPE, "-d", "x", "--dry-run", "--epochs", "2")
    assert code == 0
    assert out.splitlines()[-1] == "216 combinations, 432 epochs in all"
    assert len(out.splitlines()) == 217
    code, out, _ = command("sweep", RECIPE, "-d", "x", "--dry-run", "--json", "--sample", "3")
    assert len(json.loads(out)) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_and_what_a_second_one_does(command, tree, tmp_path, monkeypatch):
    folder = tmp_path / "sweep"
    words = ("sweep", RECIPE, "-d", tree, "-o", folder, *SMALL, "--grid", "lr=0.01,1e30")
    code, out, err = command(*words)
    assert code == 0
    assert "4 combinations, 4 epochs in all" in err
    rows = table_of(folder)
    assert [row["state"] for row in rows] == ["finished", "finished", "failed", "failed"]
    assert float(rows[0]["valid_accuracy"]) >= float(rows[1]["valid_accuracy"])
    assert {row["name"] for row in rows[:2]} == {"size16-batch8-lr0.01", "size16-batch16-lr0.01"}
    assert {row["lr"] for row in rows[:2]} == {"0.01"}
    assert all("no longer a number" in row["why"] for row in rows[2:])
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    text = (folder / "sweep.md").read_text()
    assert "2 finished, 2 failed (epochs 1, seed 0)" in text
    assert "both chosen on valid" in text
    best = f"--set size=16 --set batch={rows[0]['batch']} --set lr=0.01"
    assert f"    ferdesk-train train {RECIPE} --data PATH {best}" in text
    assert "chosen on valid" in out

    trained = []
    fit = tasks.fit

    def note(*arguments, **options):
        trained.append(arguments[3].folder.name)
        return fit(*arguments, **options)

    monkeypatch.setattr(tasks, "fit", note)
    assert command(*words)[0] == 0
    assert trained == ["size16-batch8-lr1e+30", "size16-batch16-lr1e+30"]
    assert table_of(folder) == rows


def test_a_signal_stops_it_and_the_same_command_goes_on(command, tree, tmp_path, monkeypatch):
    step, taken = fit_module.train_step, []

    def interrupted(*arguments):
        taken.append(1)
        if len(taken) == 7:  # the second of the second combination's
            signal.raise_signal(signal.SIGINT)
        return step(*arguments)

    monkeypatch.setattr(fit_module, "train_step", interrupted)
    folder = tmp_path / "sweep"
    words = ("sweep", RECIPE, "-d", tree, "-o", folder, "--epochs", "1", "--grid", "size=16")
    words += ("--grid", "batch=8", "--grid", "lr=0.01,0.02")
    code, _, err = command(*words)
    assert code == 128 + signal.SIGINT
    assert "Stopped by SIGINT at size16-batch8-lr0.02" in complaint(err)
    assert "The same command goes on from there" in complaint(err)
    assert [row["state"] for row in table_of(folder)] == ["finished", "to come"]
    assert command(*words)[0] == 0
    assert [row["state"] for row in table_of(folder)] == ["finished", "finished"]
    assert len(taken) == 2 * 5  # none was taken twice


def test_all_failed_is_an_error(command, tree, tmp_path):
    words = ("sweep", RECIPE, "-d", tree / "nowhere", "-o", tmp_path, "--grid", "lr=0.1")
    code, _, err = command(*words)
    assert code == 2
    assert "All combinations failed" in complaint(err)
    assert "does not exist" in table_of(tmp_path)[0]["why"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--grid", "lr"), "--grid lr: write it as key=value,value."),
        (("--grid", "lr="), "--grid lr=: write it as key=value,value."),
        (("--grid", "lr=1", "--grid", "lr=2"), "lr has its values already"),
        (("--grid", "lrr=1"), "Did you mean lr"),
        (("--grid", "optimiser=sgd,lion"), "--set optimiser=lion"),
        (("--grid", "name=a"), "no value 'name'"),
    ],
)
def test_mistakes_are_one_line_and_code_2(command, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = command("sweep", RECIPE, "-d", "x", *words)
    assert code == 2
    assert message in complaint(err)
    assert list(tmp_path.iterdir()) == []


def test_parse_grid():
    assert parse_grid(["lr = 0.1, 0.01", "batch=8"]) == {"lr": ("0.1", "0.01"), "batch": ("8",)}


def test_ranking_and_cells(tmp_path, recipe):
    points = [Combination(f"p{i}", {"lr": i / 10, "epochs": 3}, recipe) for i in range(4)]
    trials = [
        Trial(points[0], error="a | b\nc"),
        Trial(points[1]),
        Trial(points[2], 0.5, float("nan"), 2, 3),
        Trial(points[3], 0.75, 0.8, 1, 3),
    ]
    assert [t.combination.name for t in ranked(trials)] == ["p3", "p2", "p0", "p1"]
    sweeping.write(tmp_path, trials)
    text = (tmp_path / "sweep.md").read_text()
    assert "| 1 | p3 | finished | 75.00 % | 80.00 % | 0.3 | 3 | 1 | 3 |  |" in text
    assert "| 2 | p2 | finished | 50.00 % | – |" in text
    assert "a \\| b c" in text
    assert "(seed 0)" in text  # the epochs are the grid's
