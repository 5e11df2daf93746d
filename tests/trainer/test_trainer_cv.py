import json
import shutil

import numpy as np
import pytest
from many_runs import EMOTIONS, SMALL, SUBJECTS, N, complaint, make_ck48, set_options

from trainer import crossval, tasks
from trainer.crossval import CrossValidation, CvFolder, FoldResult, cross_validate, figures_of
from trainer.errors import TrainError
from trainer.recipes import RECIPES
from trainer.tasks import Place

RECIPE = "khorrami2015-ckplus8"


@pytest.fixture(scope="module")
def ck(tmp_path_factory):
    return make_ck48(tmp_path_factory.mktemp("ck") / "CK+48")


@pytest.fixture
def recipe():
    return RECIPES.get(RECIPE).override(dict(value.split("=") for value in SMALL))


def words(ck, root, *more):
    return ("cv", RECIPE, "--data", ck, "--runs", root, *set_options(), *more)


def result_of(root):
    return json.loads((root / RECIPE / "cv.json").read_text())


def fold(number, n, accuracy, part="test"):
    """All its faces are of one class, another one in each fold."""
    confusion = np.zeros((8, 8), int)
    confusion[number, [number, 7]] = round(n * accuracy), n - round(n * accuracy)
    return FoldResult(
        fold=number,
        part=part,
        n=n,
        accuracy=accuracy,
        epochs=1,
        best_epoch=1,
        train_images=100,
        confusion=confusion.tolist(),
        device="cpu",
    )


def test_all_folds(ck, tmp_path, command):
    code, out, err = command(*words(ck, tmp_path))
    assert code == 0
    assert "10 of 10 folds, mean accuracy" in out
    assert "10 of 10: fold-9 done" in err
    found = result_of(tmp_path)
    assert [fold["fold"] for fold in found["folds"]] == list(range(10))
    a_subject = len(EMOTIONS) * 3
    sizes = [fold["n"] for fold in found["folds"]]
    assert sizes == [2 * a_subject] * (SUBJECTS - 10) + [a_subject] * (20 - SUBJECTS)
    assert sum(sizes) == found["figures"]["n"] == N
    confusion = np.array(found["figures"]["confusion"])
    assert confusion.sum() == N
    assert confusion[0].sum() == 0  # nobody is neutral under this protocol
    assert found["figures"]["pooled"] == pytest.approx(np.trace(confusion) / N)
    accuracies = [fold["accuracy"] for fold in found["folds"]]
    assert found["figures"]["mean"] == pytest.approx(np.mean(accuracies))
    assert found["figures"]["deviation"] == pytest.approx(np.std(accuracies, ddof=1))
    folder = tmp_path / RECIPE
    assert {path.name for path in folder.iterdir()} == {
        *(f"fold-{number}" for number in range(10)),
        "cv.json",
        "cv.md",
        "cv.png",
    }
    assert json.loads((folder / "fold-3" / "recipe.json").read_text())["fold"] == 3
    assert (folder / "cv.png").read_bytes().startswith(b"\x89PNG")


def test_some_folds_then_others(ck, tmp_path, command, monkeypatch):
    assert command(*words(ck, tmp_path, "--folds", "0,2"))[0] == 0
    first = result_of(tmp_path)
    assert [fold["fold"] for fold in first["folds"]] == [0, 2]
    text = (tmp_path / RECIPE / "cv.md").read_text()
    assert "2 of 10 folds: mean accuracy" in text
    (changed,) = (line for line in text.splitlines() if line.startswith("Not as the recipe has"))
    assert "protocol=ckplus-7 instead of ckplus-8" in changed
    assert "The paper states" not in text  # for it has eight classes
    assert "chosen on its valid part, and its accuracy is that on its test part" in text

    code, out, _ = command(*words(ck, tmp_path, "--folds", "1", "--json"))
    assert code == 0
    assert [fold["fold"] for fold in json.loads(out)["folds"]] == [0, 1, 2]

    def fail(*_arguments, **_options):
        raise AssertionError("nothing is to be trained")

    monkeypatch.setattr(tasks, "fit", fail)
    before = result_of(tmp_path)
    assert command(*words(ck, tmp_path, "--folds", "0,1"))[0] == 0
    assert result_of(tmp_path) == before


def test_folds_of_other_values_are_not_mixed(ck, tmp_path, command):
    assert command(*words(ck, tmp_path, "--folds", "0,1"))[0] == 0
    shutil.rmtree(tmp_path / RECIPE / "fold-0")
    code, _, err = command(*words(ck, tmp_path, "--folds", "0,1", "--set", "lr=0.02"))
    assert code == 2
    assert "Not all folds could be done: 1;" in complaint(err)
    found = result_of(tmp_path)
    assert [fold["fold"] for fold in found["folds"]] == [0]
    assert "lr=0.01 there, 0.02 here" in found["failed"]["1"]
    assert "Fold 1 failed: The run in" in (tmp_path / RECIPE / "cv.md").read_text()
    assert command(*words(ck, tmp_path, "--folds", "1", "--set", "lr=0.02", "--fresh"))[0] == 0
    assert result_of(tmp_path)["failed"] == {}


def test_without_a_test_part_the_figure_is_on_valid_and_that_is_said(
    ck, tmp_path, recipe, monkeypatch
):
    read = tasks.recipe_parts

    def without(*arguments, **options):
        parts = read(*arguments, **options)
        return type(parts)(parts.train, parts.valid)

    monkeypatch.setattr(tasks, "recipe_parts", without)
    tasks._read.cache_clear()
    found = cross_validate(recipe, CvFolder(tmp_path), ck, Place(), numbers=[4])
    tasks._read.cache_clear()
    assert [fold.part for fold in found.folds] == ["valid"]
    text = (tmp_path / "cv.md").read_text()
    assert "This protocol has no test part" in text


def test_what_a_later_version_wrote_is_refused(tmp_path):
    (tmp_path / "cv.json").write_text('{"surprise": 1}')
    with pytest.raises(TrainError, match=r"cv\.json is not a table of this version"):
        CvFolder(tmp_path).read()


def test_figures_by_hand():
    found = figures_of([fold(0, 10, 0.5), fold(1, 30, 0.9)])
    assert found.mean == pytest.approx(0.7)
    assert found.deviation == pytest.approx(np.std([0.5, 0.9], ddof=1))
    assert found.pooled == pytest.approx((5 + 27) / 40)
    assert found.balanced == pytest.approx((0.5 + 0.9) / 2)
    assert found.n == 40
    assert figures_of([fold(0, 10, 0.5)]).deviation is None


def test_a_result_is_read_as_it_was_written(tmp_path, recipe):
    folds = (fold(0, 10, 0.5), fold(1, 30, 0.9))
    result = CrossValidation(recipe=recipe, count=10, folds=folds, failed={7: "no such luck"})
    CvFolder(tmp_path).write(result)
    again = CvFolder(tmp_path).read()
    assert again.model_copy(update={"figures": {}}) == result
    assert again.figures["n"] == 40


def test_the_paper_s_figure_stands_beside_its_own_protocol(tmp_path):
    recipe = RECIPES.get(RECIPE)
    CvFolder(tmp_path).write(CrossValidation(recipe=recipe, count=10, folds=(fold(0, 10, 0.5),)))
    text = (tmp_path / "cv.md").read_text()
    assert "The paper states 96.40 % (khorrami2015/table2)." in text
    assert "Not as the recipe has it" not in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("khorrami2015-ferplus", "-d", "x"), "has no folds, for ferplus has parts of its own"),
        ((RECIPE, "-d", "x", "--folds", "10"), "ckplus-8 has folds 0 to 9"),
        ((RECIPE, "-d", "x", "--folds", "-1"), "ckplus-8 has folds 0 to 9"),
        ((RECIPE, "-d", "x", "--folds", "a"), "write numbers with commas"),
        ((RECIPE, "-d", "x", "--set", "protocol=ckplus"), "no fold protocol 'ckplus'"),
    ],
)
def test_mistakes_are_one_line_and_code_2(command, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = command("cv", *words)
    assert code == 2
    assert err.count("\n") == 1
    assert message in complaint(err)
    assert list(tmp_path.iterdir()) == []


def test_missing_data_is_said_for_every_fold(tmp_path, recipe):
    found = cross_validate(recipe, CvFolder(tmp_path), tmp_path / "no", Place(), numbers=[0, 1])
    assert found.folds == ()
    assert all("does not exist" in why for why in found.failed.values())
    assert not crossval.CvFolder(tmp_path).picture.exists()
