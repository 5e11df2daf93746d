import json
import shutil

import pytest
import torch
from many_runs import complaint, make_ck48, set_options
from small_nets import SmallNet, register

from trainer import reproduce as reproducing
from trainer import table_features, tasks
from trainer.recipes import RECIPES
from trainer.table_report import RowResult, TableResult, markdown, tables
from trainer.tables import values

TABLE = "kyritsis/table7.1"
ROWS = ("kyritsis-resnet18", "kyritsis-custom-vgg13")
TINY = set_options(("epochs=1", "size=32", "batch=20"))
FILE = "kyritsis-table7.1"
TRANSFER = "kyritsis/table7.2"
TUNED, FC6, FC7 = "kyritsis-finetune-face-conv3-3", "kyritsis-svm-face-fc6", "kyritsis-svm-face-fc7"
IMAGENET_FC6 = "kyritsis-svm-imagenet-fc6"


@pytest.fixture
def no_training(monkeypatch):
    def fail(*_arguments, **_options):
        raise AssertionError("nothing is to be trained")

    monkeypatch.setattr(tasks, "fit", fail)


@pytest.fixture(scope="module")
def done(tree, tmp_path_factory):
    """Two rows, trained and measured through the command line."""
    root = tmp_path_factory.mktemp("reproduce")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["ferdesk-train", *arguments(tree, root)])
        from trainer import cli

        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert not ended.value.code
    return root


def arguments(tree, root, *more, only=ROWS, values=TINY):
    where = ["--runs", root / "runs", "--output", root / "results"]
    chosen = ["--only", ",".join(only)] if only else []
    return [str(w) for w in ("reproduce", TABLE, "--data", tree, *where, *chosen, *values, *more)]


@pytest.fixture
def copy(done, tmp_path):
    return shutil.copytree(done, tmp_path / "copy")


def table_of(root, name=FILE):
    return json.loads((root / "results" / f"{name}.json").read_text())


def test_two_rows_of_a_table(done):
    found = table_of(done)
    assert found["table"] == TABLE
    assert found["failed"] == {}
    assert set(found["rows"]) == set(ROWS)
    row = found["rows"]["kyritsis-resnet18"]
    assert row["changed"] == {"epochs": 1, "size": 32, "batch": 20}
    assert (row["epochs"], row["best_epoch"], row["train_images"]) == (1, 1, 40)
    assert row["recipe"]["lr"] == 0.001
    assert len(row["weights"]) == 64
    assert [f["protocol"] for f in row["figures"]] == ["plurality", "majority"]
    for figure in row["figures"]:
        assert figure["part"] == "valid"
        assert figure["n"] == 24
        low, high = figure["interval"]
        assert low <= figure["accuracy"] <= high
        assert set(figure["more"]) == {"top2", "top3", "macro_f1", "balanced_accuracy", "ece"}
    assert (done / "results" / f"{FILE}.png").read_bytes().startswith(b"\x89PNG")


def test_markdown(done):
    text = (done / "results" / f"{FILE}.md").read_text()
    lines = text.splitlines()
    (resnet,) = [line for line in lines if line.startswith("| kyritsis-resnet18 ")]
    assert "82.57 %" in resnet
    assert resnet.count("n = 24") == 2
    assert "1 of 1, best 1" in resnet
    assert "11,1" in resnet  # million parameters
    (dense,) = [line for line in lines if line.startswith("| kyritsis-densenet121 ")]
    assert "| – | not run |" in dense
    assert "- kyritsis-resnet18: size=32 instead of 48, batch=20 instead of 128, epochs=1" in text
    assert "does not say under which" in text
    assert "Ours learnt from 40 images (on " in text
    assert "nothing was measured on test" in text
    assert f"![{TABLE}: ours and the paper's]({FILE}.png)" in text


def test_a_second_call_trains_nothing(copy, tree, command, no_training):
    before = table_of(copy)
    code, out, err = command(*arguments(tree, copy))
    assert code == 0
    assert table_of(copy) == before
    assert "2 of 2: kyritsis-resnet18 done" in err
    assert "82.57%" in out


def test_a_row_is_kept_when_its_run_is_gone(copy, tree, command, no_training):
    before = table_of(copy)
    shutil.rmtree(copy / "runs" / ROWS[1])
    code, _, _ = command(*arguments(tree, copy, only=ROWS[:1]))
    assert code == 0
    assert table_of(copy) == before


def test_a_row_whose_recipe_has_changed_is_dropped(copy, tree, command, no_training):
    found = table_of(copy)
    found["rows"][ROWS[1]]["recipe"]["lr"] = 0.02  # another than the registered one, unsaid
    (copy / "results" / f"{FILE}.json").write_text(json.dumps(found))
    shutil.rmtree(copy / "runs" / ROWS[1])
    code, _, err = command(*arguments(tree, copy, only=ROWS[:1]))
    assert code == 0
    assert f"{ROWS[1]}: its recipe has changed" in err
    assert set(table_of(copy)["rows"]) == set(ROWS[:1])


def test_results_only_measures_what_no_call_has_measured(copy, tree, command, no_training):
    before = table_of(copy)
    shutil.rmtree(copy / "results")
    code, _, _ = command(*arguments(tree, copy, "--results-only", only=(), values=()))
    assert code == 0
    assert table_of(copy) == before


def test_another_row_is_measured_again_only_when_its_weights_are_others(
    copy, tree, command, monkeypatch
):
    measured = []
    measure = reproducing.measure_row

    def note(training):
        measured.append(training.recipe.name)
        return measure(training)

    monkeypatch.setattr(reproducing, "measure_row", note)
    more = arguments(tree, copy, "--results-only", only=ROWS[:1], values=())
    assert command(*more)[0] == 0
    assert measured == [ROWS[0]]
    found = table_of(copy)
    found["rows"][ROWS[1]]["weights"] = "0" * 64
    (copy / "results" / f"{FILE}.json").write_text(json.dumps(found))
    assert command(*more)[0] == 0
    assert sorted(measured[1:]) == sorted(ROWS)


def test_a_run_of_other_values_is_not_touched(copy, tree, command):
    before = table_of(copy)
    other = arguments(tree, copy, only=ROWS[:1], values=[*TINY, "--set", "lr=0.002"])
    code, _, err = command(*other)
    assert code == 2
    assert complaint(err) == (
        "ferdesk-train: Not all rows could be done: kyritsis-resnet18; the table says why."
    )
    found = table_of(copy)
    assert found["rows"] == before["rows"]
    assert "lr=0.001 there, 0.002 here" in found["failed"]["kyritsis-resnet18"]
    assert "lr=0.001 there" in (copy / "results" / f"{FILE}.md").read_text()

    assert command(*other, "--fresh")[0] == 0
    found = table_of(copy)
    assert found["failed"] == {}
    assert found["rows"]["kyritsis-resnet18"]["changed"]["lr"] == 0.002


def test_an_unfinished_run_goes_on(copy, tree, command):
    more = [*TINY, "--set", "epochs=2"]
    run = copy / "runs" / ROWS[0]
    recipe = json.loads((run / "recipe.json").read_text())
    recipe["epochs"] = 2  # as if it had been stopped after its first
    (run / "recipe.json").write_text(json.dumps(recipe))
    first = (run / "metrics.csv").read_text()
    assert command(*arguments(tree, copy, only=ROWS[:1], values=more))[0] == 0
    assert (run / "metrics.csv").read_text().startswith(first)
    assert table_of(copy)["rows"][ROWS[0]]["epochs"] == 2


def test_a_row_that_fails_does_not_stop_the_others(tree, tmp_path, command, monkeypatch):
    train = reproducing.train_row

    def fail_one(training):
        if training.recipe.name == ROWS[1]:
            raise RuntimeError("CUDA out of memory.\nTried to allocate")
        return train(training)

    monkeypatch.setattr(reproducing, "train_row", fail_one)
    code, _, err = command(*arguments(tree, tmp_path))
    assert code == 2
    assert "kyritsis-custom-vgg13 failed: RuntimeError: CUDA out of memory." in err
    found = table_of(tmp_path)
    assert set(found["rows"]) == {ROWS[0]}
    assert found["failed"] == {ROWS[1]: "RuntimeError: CUDA out of memory."}


def test_a_loss_that_is_no_number_is_noted(tree, tmp_path, command):
    code, _, _ = command(
        *arguments(tree, tmp_path, only=ROWS[1:], values=[*TINY, "--set", "lr=1e30"])
    )
    assert code == 2
    assert "no longer a number" in table_of(tmp_path)["failed"][ROWS[1]]
    text = (tmp_path / "results" / f"{FILE}.md").read_text()
    assert "| failed | failed |" in text or "| failed |" in text
    assert not (tmp_path / "results" / f"{FILE}.png").exists()


def test_a_mistake_in_the_program_is_not_a_row_s_result(tree, tmp_path, command, monkeypatch):
    def broken(_training):
        raise KeyError("oops")

    monkeypatch.setattr(reproducing, "train_row", broken)
    with pytest.raises(KeyError):
        command(*arguments(tree, tmp_path))


def test_a_table_of_folds(tmp_path, command):
    data = make_ck48(tmp_path / "ck")
    where = ("--runs", tmp_path / "runs", "--output", tmp_path / "results")
    words = ("reproduce", "khorrami2015/table2", "--data", data, "--only", "khorrami2015-ckplus8")
    code, _, _ = command(*words, *where, *set_options())
    assert code == 0
    found = table_of(tmp_path, "khorrami2015-table2")
    (figure,) = found["rows"]["khorrami2015-ckplus8"]["figures"]
    assert (figure["protocol"], figure["part"], figure["n"]) == ("ckplus-7", "test", 252)
    assert figure["more"]["folds"] == 10
    text = (tmp_path / "results" / "khorrami2015-table2.md").read_text()
    assert "mean of 10 folds" in text
    assert "Ours are on the test parts of the folds" in text

    shutil.rmtree(tmp_path / "results")  # the result of the folds is in the runs' folder
    code, _, _ = command(
        "reproduce", "khorrami2015/table2", "--data", data, *where, "--results-only"
    )
    assert code == 0
    assert table_of(tmp_path, "khorrami2015-table2") == found


def test_list(done, command):
    where = ("--runs", done / "runs", "--output", done / "results")
    code, out, err = command("reproduce", "--list", "--json", *where)
    assert (code, err) == (0, "")
    entries = {entry["recipe"]: entry for entry in json.loads(out)}
    assert {entry["table"] for entry in entries.values()} == set(tables())
    mine = entries["kyritsis-resnet18"]
    assert (mine["published"], mine["run"]) == (0.8257, "finished 1/1")
    assert [figure["n"] for figure in mine["ours"]] == [24, 24]
    assert entries["kyritsis-vgg13"]["ours"] == []
    assert entries["kyritsis-vgg13"]["run"] is None
    assert "kyritsis/table7.1" in command("reproduce", "--list", *where)[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("kyritsis/table71", "-d", "x"), "no table 'kyritsis/table71'. Did you mean kyritsis"),
        ((TABLE,), "Say which table and where the data lies"),
        ((TABLE, "-d", "x", "--only", "kyritsis-vgg31"), "no row 'kyritsis-vgg31'. Did you mean"),
        ((TABLE, "-d", "x", "--set", "epoch=1"), "Did you mean epochs"),
        ((TABLE, "-d", "x", "--results-only", "--set", "lr=1"), "leave --set, --weights and"),
        ((TRANSFER, "-d", "x", "--results-only", "--weights", "x.pt"), "leave --set, --weights"),
        (
            (TRANSFER, "-d", "x", "--set", "epochs=1"),
            "-fc6: A feature recipe has no value 'epochs'",
        ),
        (
            (TRANSFER, "-d", "x", "--only", FC7, "--set", "seed=-1"),
            "--set seed=-1: Input should be",
        ),
        (
            (TRANSFER, "-d", "x", "--only", "kyritsis-svm-resnet"),
            "Did you mean kyritsis-svm-resnet50",
        ),
    ],
)
def test_mistakes_are_one_line_and_code_2(command, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = command("reproduce", *words)
    assert code == 2
    assert err.count("\n") == 1
    assert message in complaint(err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["{", '{"table": "x", "rows": {"a": 1}}', "[]"])
def test_a_table_that_is_none_is_refused(copy, tree, command, content):
    (copy / "results" / f"{FILE}.json").write_text(content)
    code, _, err = command(*arguments(tree, copy))
    assert code == 2
    assert f"{FILE}.json is not a table of this version" in complaint(err)


def test_rows_are_ordered_by_the_paper_s_figure():
    stated = [recipe.published for recipe in tables()[TABLE] if recipe.published is not None]
    assert stated == sorted(stated, reverse=True)
    assert tables()[TABLE][-1].published is None


def test_stale_looks_at_what_was_not_changed_on_purpose():
    recipe = RECIPES.get(ROWS[0]).override({"epochs": "3"})
    row = RowResult(
        recipe=recipe,
        changed={"epochs": 3},
        epochs=3,
        best_epoch=2,
        parameters=1,
        train_images=1,
        device="cpu",
        data="x",
        weights="",
        figures=(),
    )
    assert not row.stale
    assert row.model_copy(update={"changed": {}}).stale
    assert "epochs" in values(recipe)
    text = markdown(TableResult(table=TABLE, failed={ROWS[0]: "a | b\nc"}), "x.png")
    assert f"- {ROWS[0]}: a | b c" in text


# Rows that are features


class SmallVgg(SmallNet):
    layers = ("fc6", "fc7")

    def blocks(self):
        return {"conv3_3": (self.conv1, self.bn1)}


@pytest.fixture
def transfer(tree, tmp_path, monkeypatch, command):
    """Reproduces rows of table 7.2 with a small net, in a folder that holds weights for it."""
    register(monkeypatch, "vgg16-224", SmallVgg)
    torch.manual_seed(2)
    torch.save(SmallVgg(size=48, dropout=0.0).state_dict(), tmp_path / "vgg_face_dag.pth")
    monkeypatch.chdir(tmp_path)

    def reproduce(*more, only):
        where = ("--runs", tmp_path / "runs", "--output", tmp_path / "results")
        chosen = ("--only", ",".join(only))
        return command("reproduce", TRANSFER, "--data", tree, *where, *chosen, *more)

    return reproduce


@pytest.fixture
def no_features(monkeypatch, no_training):
    """From when it is called on, nothing is trained and no feature computed."""

    def fail(*_arguments, **_options):
        raise AssertionError("nothing is to be computed")

    return lambda: monkeypatch.setattr(table_features, "run_features", fail)


def transfer_table(root):
    return table_of(root, "kyritsis-table7.2")


def test_fine_tuning_and_features_fill_one_table(transfer, tmp_path):
    code, out, err = transfer(only=(TUNED, FC6))
    assert code == 0, err
    assert f"2 of 2: {FC6} done" in err
    assert "27.20%" in out
    found = transfer_table(tmp_path)
    assert (set(found["rows"]), found["failed"]) == ({TUNED, FC6}, {})
    row = found["rows"][FC6]
    assert row["recipe"]["layer"] == "fc6"
    assert (row["epochs"], row["best_epoch"], row["parameters"]) == (0, 0, 0)
    assert (row["train_images"], row["changed"]) == (40, {})
    assert row["device"] == found["rows"][TUNED]["device"]
    assert [f["protocol"] for f in row["figures"]] == ["plurality", "majority"]
    for figure in row["figures"]:
        assert (figure["part"], figure["n"]) == ("valid", 24)
        assert figure["interval"][0] <= figure["accuracy"] <= figure["interval"][1]
        assert set(figure["more"]) == {"top2", "top3"}
    kinds = [[(f["protocol"], f["part"]) for f in r["figures"]] for r in found["rows"].values()]
    assert kinds[0] == kinds[1]

    text = (tmp_path / "results" / "kyritsis-table7.2.md").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {FC6} ")]
    assert line.count("n = 24") == 2
    assert line.endswith("| – | 0 | – |")
    assert "10 of 10, best" in text
    assert "Rows without epochs are linear SVMs" in text
    assert text.count("not run") == 8 * 3
    assert (tmp_path / "results" / "kyritsis-table7.2.png").is_file()


def test_features_that_are_there_are_taken(transfer, tmp_path, no_features, command):
    assert transfer(only=(FC6,))[0] == 0
    before = transfer_table(tmp_path)
    no_features()
    assert transfer(only=(FC6,))[0] == 0
    assert transfer_table(tmp_path) == before
    shutil.rmtree(tmp_path / "results")
    assert transfer("--results-only", only=(FC6, FC7))[0] == 0
    assert transfer_table(tmp_path) == before

    where = ("--runs", tmp_path / "runs", "--output", tmp_path / "results")
    entries = json.loads(command("reproduce", TRANSFER, "--list", "--json", *where)[1])
    runs = {entry["recipe"]: (entry["run"], len(entry["ours"])) for entry in entries}
    assert len(runs) == 10
    assert (runs[FC6], runs[FC7]) == (("finished", 2), (None, 0))


def test_a_row_without_its_weights_does_not_stop_the_others(transfer, tmp_path):
    code, _, err = transfer(only=(FC6, FC7, IMAGENET_FC6))
    assert code == 2
    assert complaint(err).endswith(
        f"Not all rows could be done: {IMAGENET_FC6}; the table says why."
    )
    found = transfer_table(tmp_path)
    assert set(found["rows"]) == {FC6, FC7}
    assert "There are no ImageNet weights for vgg16-224" in found["failed"][IMAGENET_FC6]

    (tmp_path / "vgg_face_dag.pth").rename(tmp_path / "mine.pth")
    shutil.rmtree(tmp_path / "runs" / FC7)
    assert transfer(only=(FC6, FC7))[0] == 2  # what is there needs no weights
    found = transfer_table(tmp_path)
    assert set(found["failed"]) == {FC7, IMAGENET_FC6}
    assert "There are no weights in vgg_face_dag.pth: no such file" in found["failed"][FC7]

    mine = str(tmp_path / "mine.pth")
    assert transfer("--weights", mine, only=(FC7, IMAGENET_FC6))[0] == 0
    found = transfer_table(tmp_path)
    assert found["failed"] == {}
    assert found["rows"][IMAGENET_FC6]["changed"] == {"weights": "mine.pth"}
    text = (tmp_path / "results" / "kyritsis-table7.2.md").read_text()
    assert f"- {FC7}: weights=mine.pth instead of vgg_face_dag.pth" in text
    assert str(tmp_path) not in text + json.dumps(found)  # a table is for others, too


def test_features_of_other_values_are_not_touched(transfer, tmp_path):
    assert transfer(only=(FC6,))[0] == 0
    before = transfer_table(tmp_path)
    assert transfer("--set", "seed=3", only=(FC6,))[0] == 2
    found = transfer_table(tmp_path)
    assert found["rows"] == before["rows"]
    assert "seed=0 there, 3 here" in found["failed"][FC6]
    assert transfer("--set", "seed=3", "--fresh", only=(FC6,))[0] == 0
    assert transfer_table(tmp_path)["rows"][FC6]["changed"] == {"seed": 3}


def test_features_of_some_faces_are_no_row(transfer, tree, tmp_path, command):
    start = ("transfer", "features", FC6, "-d", tree, "--run", tmp_path / "runs" / FC6)
    assert command(*start, "--limit", 20)[0] == 0
    assert transfer("--results-only", only=(FC6,))[0] == 2
    assert "is of 20 faces of each part, which is no row" in transfer_table(tmp_path)["failed"][FC6]
    assert transfer(only=(FC6,))[0] == 2
    assert "limit=20 there, none here" in transfer_table(tmp_path)["failed"][FC6]
    assert command(*start)[0] == 0
    assert transfer("--results-only", only=(FC6,))[0] == 0
    assert transfer_table(tmp_path)["rows"][FC6]["train_images"] == 40


@pytest.mark.parametrize("content", ["{", "[]", '{"recipe": {"name": "x"}}'])
def test_a_result_of_features_that_is_none_is_named(transfer, tmp_path, content):
    (tmp_path / "runs" / FC6).mkdir(parents=True)
    (tmp_path / "runs" / FC6 / "features.json").write_text(content)
    for more in ((), ("--results-only",)):
        assert transfer(*more, only=(FC6,))[0] == 2
        said = transfer_table(tmp_path)["failed"][FC6]
        assert "features.json is not a result of features of this version" in said
        assert "\n" not in said
