"""What teachers answer: runs, bundles, and both together."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from ferdesk.core.bundle import ModelBundle, read_bundle
from trainer import teachers as teachers_module
from trainer.errors import TrainError
from trainer.evaluate import bundle_probabilities
from trainer.export import export
from trainer.fit import fit
from trainer.predict import load_run, predict_logits
from trainer.provenance import training_data
from trainer.recipes import RECIPES
from trainer.runs import RunFolder
from trainer.teachers import teacher_targets


@pytest.fixture(scope="module")
def run(parts, tmp_path_factory):
    recipe = RECIPES.get("khorrami2015-ferplus").override({"epochs": "1", "batch": "8"})
    made = RunFolder(tmp_path_factory.mktemp("runs") / "first")
    fit(recipe, *parts, made, data=made.folder)
    return made


@pytest.fixture(scope="module")
def bundle(run, parts, tmp_path_factory):
    return export(run, *parts, tmp_path_factory.mktemp("bundles") / "made", "made").folder


def answers_of_run(run, images):
    """By hand: the mean over the picture and its mirror image."""
    net, _, _ = load_run(run)
    sides = (images, np.ascontiguousarray(images[:, :, ::-1]))
    given = [predict_logits(net, torch.from_numpy(side)[:, None], exact=True) for side in sides]
    return torch.stack(given).softmax(2).mean(0).numpy()


def answers_of_bundle(folder, images):
    sides = (images, np.ascontiguousarray(images[:, :, ::-1]))
    return np.mean([bundle_probabilities(folder, side) for side in sides], axis=0)


def test_a_run_s_answer(run, parts, monkeypatch):
    images = parts[0].images
    expected = answers_of_run(run, images)
    targets = teacher_targets((str(run.folder),), images)
    assert targets.shape == (len(images), 8)
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(targets, expected, atol=0.02)  # in the quickest precision
    monkeypatch.setattr(teachers_module, "_AT_ONCE", 7)
    np.testing.assert_allclose(teacher_targets((str(run.folder),), images), targets, atol=0.02)


def test_a_bundle_s_answer(bundle, parts):
    images = parts[1].images
    targets = teacher_targets((str(bundle),), images)
    np.testing.assert_allclose(targets, answers_of_bundle(bundle, images), atol=1e-5)
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    np.testing.assert_allclose(teacher_targets((str(bundle),), mirrored), targets, atol=1e-5)


def test_several_teachers_count_alike(run, bundle, parts):
    images = parts[1].images
    both = teacher_targets((str(run.folder), str(bundle)), images)
    one, other = (teacher_targets((str(name),), images) for name in (run.folder, bundle))
    np.testing.assert_allclose(both, (one + other) / 2, atol=0.01)


@pytest.fixture
def asked(monkeypatch):
    """The teachers that were asked, not their kept answers."""
    names = []
    ask = teachers_module._ask
    monkeypatch.setattr(
        teachers_module, "_ask", lambda name, *rest: names.append(name) or ask(name, *rest)
    )
    return names


def test_answers_are_kept(run, bundle, parts, tmp_path, asked):
    images, teachers = parts[1].images, (str(run.folder), str(bundle))
    first = teacher_targets(teachers, images, tmp_path / "new")
    assert asked == list(teachers)
    np.testing.assert_array_equal(teacher_targets(teachers, images, tmp_path / "new"), first)
    assert asked == list(teachers)
    teacher_targets(teachers[:1], images[:5], tmp_path / "new")  # other pictures
    assert asked == [*teachers, teachers[0]]
    assert len(list((tmp_path / "new").iterdir())) == 3


def test_a_teacher_that_was_trained_on_is_asked_again(run, parts, tmp_path, asked):
    images, teacher = parts[1].images[:5], tmp_path / "teacher"
    shutil.copytree(run.folder, teacher)
    teacher_targets((str(teacher),), images, tmp_path)
    content = torch.load(teacher / "best.pt", weights_only=True)
    torch.save({**content, "epoch": 2}, teacher / "best.pt")
    teacher_targets((str(teacher),), images, tmp_path)
    assert len(asked) == 2


@pytest.mark.parametrize("damaged", [b"", b"no array", "shape", "pickle"])
def test_damaged_answers_are_refused(run, parts, tmp_path, damaged):
    images, teachers = parts[1].images[:5], (str(run.folder),)
    teacher_targets(teachers, images, tmp_path)
    (kept,) = tmp_path.glob("answers-*.npy")
    if damaged == "shape":
        np.save(kept, np.zeros((4, 8), np.float32))
    elif damaged == "pickle":
        np.save(kept, np.array([{}], object), allow_pickle=True)
    else:
        kept.write_bytes(damaged)
    with pytest.raises(TrainError, match=r"answers-\w+\.npy.*Delete it"):
        teacher_targets(teachers, images, tmp_path)


def test_a_training_that_goes_on_does_not_ask_again(run, parts, tmp_path, asked):
    changes = {"epochs": "1", "batch": "40", "small_epochs": "0", "teachers": str(run.folder)}
    recipe, pupil = RECIPES.get("compact-taught").override(changes), RunFolder(tmp_path / "pupil")
    fit(recipe, *parts, pupil, data=tmp_path)
    with pytest.raises(TrainError, match="go on with --resume"):
        fit(recipe, *parts, pupil, data=tmp_path)
    fit(recipe.override({"epochs": "2"}), *parts, pupil, data=tmp_path, resume=True)
    assert asked == [str(run.folder)]


def test_an_installed_bundle_is_found_by_its_name(parts):
    targets = teacher_targets(("khorrami2015-ferplus",), parts[1].images[:4])
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)


def test_the_app_s_wide_resnet_begins_as_a_shallow_one(parts, tmp_path):
    changes = {"epochs": "1", "batch": "40", "small_epochs": "1", "small_size": "16"}
    before = ""
    for name in ("wide-shallow", "wide-deep", "wide-ferplus"):
        recipe = RECIPES.get(name)
        assert recipe.weights == (f"@{before}" if before else "")
        weights = str(tmp_path / before) if before else ""
        run = RunFolder(tmp_path / name)
        fit(recipe.override({**changes, "weights": weights}), *parts, run, data=tmp_path)
        before = name
    assert load_run(run)[1].net == "wrn-28-4"


def test_teachers_are_named_between_commas():
    recipe = RECIPES.get("khorrami2015-ferplus")
    assert recipe.override({"teachers": " a , b/c"}).teachers == ("a", "b/c")
    assert recipe.override({"teachers": ""}).teachers == ()


@pytest.mark.parametrize("teachers", [",", "khorrami2015-ferplus,", " , x"])
def test_empty_names_are_refused(teachers):
    with pytest.raises(TrainError, match=r"--set teachers=.*with commas between them"):
        RECIPES.get("khorrami2015-ferplus").override({"teachers": teachers})


def test_unknown_teachers_are_refused(parts):
    with pytest.raises(
        TrainError, match="'nobody' is neither a run's folder nor a bundle"
    ) as error:
        teacher_targets(("nobody",), parts[1].images)
    assert "khorrami2015-ferplus" in str(error.value)


def test_pictures_of_another_size_are_refused(run, parts):
    small = parts[1].images[:, :40, :40]
    for name in (str(run.folder), "khorrami2015-ferplus"):
        with pytest.raises(TrainError, match="takes 48 x 48 pictures, but those here are 40 x 40"):
            teacher_targets((name,), small)


def test_data_of_teachers_and_of_first_weights_is_named(run, bundle, parts):
    recipe = RECIPES.get("khorrami2015-ferplus")
    few = replace(parts[0], images=parts[0].images[:8], labels=parts[0].labels[:8])
    (own,) = training_data(recipe, few)
    assert own.images == 8
    own_again, theirs = training_data(recipe.override({"teachers": str(bundle)}), few)
    assert own_again == own
    assert (theirs,) == read_bundle(bundle, ModelBundle).training_data
    assert theirs.images == len(parts[0])
    by_run = training_data(recipe.override({"teachers": f"{run.folder},{bundle}"}), few)
    assert by_run == (own, theirs)  # the bundle is of that run
    assert training_data(recipe.override({"weights": str(run.folder)}), few) == (own, theirs)
    assert training_data(recipe.override({"weights": "imagenet"}), few) == (own,)


def test_a_teacher_that_is_gone_stops_an_export(parts, tmp_path):
    recipe = RECIPES.get("khorrami2015-ferplus").override({"teachers": "gone"})
    with pytest.raises(TrainError, match="'gone' is neither"):
        training_data(recipe, parts[0])


def test_a_run_that_does_not_count_its_images_is_refused(run, parts, tmp_path):
    copy = RunFolder(tmp_path)
    copy.write_recipe(run.read_recipe())
    copy.write_about({"train_images": "many"})
    recipe = RECIPES.get("khorrami2015-ferplus").override({"teachers": str(tmp_path)})
    with pytest.raises(TrainError, match=r"run\.json does not say how many"):
        training_data(recipe, parts[0])
    assert json.loads(copy.about.read_text()) == {"train_images": "many"}


def test_a_teacher_that_was_not_trained_yet(parts, tmp_path):
    recipe = RECIPES.get("compact-votes").override({"teachers": "@khorrami2015-ferplus, x"})
    assert recipe.after == ("khorrami2015-ferplus",)
    with pytest.raises(TrainError, match="starts from the run of khorrami2015-ferplus, which is"):
        fit(recipe, *parts, RunFolder(tmp_path / "pupil"), data=tmp_path)
