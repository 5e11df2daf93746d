"""The paper's recipes from end to end, on drawn sets in the official layouts."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from dataset_trees import ckplus_tree, drawing, save
from dataset_trees_b import BU4DFE, OULU, clip_folders, mmi_session
from gan_fakes import shrink
from many_runs import complaint, set_options

from ferdesk.core.bundle import ModelBundle, read_bundle
from ferdesk.core.labels import EXPRESSIONS
from trainer import crossval, fit, reproduce
from trainer.datasets import faces as reading
from trainer.datasets import parts as parting
from trainer.datasets.folds import FOLD_PROTOCOLS
from trainer.datasets.people import people
from trainer.errors import TrainError
from trainer.evaluate import bundle_probabilities
from trainer.gan import train as training
from trainer.gan.folds import gan_recipe
from trainer.nets.ali2020 import STAGES
from trainer.predict import load_run
from trainer.recipes import RECIPES
from trainer.recipes.ali2020 import GAN_RECIPES
from trainer.runs import RunFolder
from trainer.weights import check_seen, read_tensors

SIDE = 16
PEOPLE = 6
GAN_VALUES = "epochs=1,passes=1,batch=16,least_images=2,samples_every=1"
STAGE2 = set_options(("size=16", "epochs=1", "passes=1", "batch=16"))
GAN = set_options(("size=16", *GAN_VALUES.split(",")))
TABLES = {
    "table1": ("ckplus", "ckplus-7"),
    "table2": ("mmi", "mmi"),
    "table3": ("oulu", "oulu"),
}
MMI_CODES = (1, 2, 3, 4, 5, 6)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Tiny nets, three folds, no drawing, and a finder that finds the middle of every picture."""
    shrink(monkeypatch)
    for name in ("ckplus-7", "mmi", "oulu", "faces"):
        protocol = FOLD_PROTOCOLS.get(name)
        changed = replace(protocol, count=min(3, protocol.count), least=min(2, protocol.least))
        monkeypatch.setitem(FOLD_PROTOCOLS._entries, name, changed)
    for module in (reading, parting):
        monkeypatch.setattr(module, "app_crop", reading.resized)
    for module, name in (
        (training, "draw_gan_curves"),
        (fit, "draw_curves"),
        (crossval, "draw_confusion"),
        (reproduce, "draw_table"),
    ):
        monkeypatch.setattr(module, name, lambda *_arguments: None)


def small_tree(root, dataset):
    if dataset == "ckplus":
        return ckplus_tree(root, subjects=PEOPLE)
    if dataset == "oulu":
        people_there = [f"P{number + 1:03d}" for number in range(PEOPLE)]
        clip_folders(root / "OriginalImg" / "VL" / "Strong", people_there, OULU)
        return root
    number = 0
    for subject in range(1, PEOPLE + 1):
        for emotion in MMI_CODES:
            number += 1
            mmi_session(root, number, f"S{subject:03d}-{number:03d}", emotion, "0", f"{subject}", 3)
    return root


@pytest.fixture
def photographs(tmp_path):
    """Six pictures each of twelve people, whose names put them in all three parts, and two more."""
    wanted = {"train": 6, "valid": 2, "held out": 4}
    root, rows, number = tmp_path / "photographs", ["image,identity,expression"], 0
    while any(wanted.values()):
        name = f"Person_{number}"
        number += 1
        if not wanted[people(name)]:
            continue
        wanted[people(name)] -= 1
        for place in range(6):
            file = f"{name}_{place}.jpg"
            picture = cv2.cvtColor(drawing(number * 10 + place, 32), cv2.COLOR_GRAY2BGR)
            save(root / file, picture)
            rows.append(f"{file},{name},{('neutral', 'happiness', 'disgust')[place % 3]}")
    alone = next(name for name in map(str, range(99)) if people(name) == "train")
    rows += [f"alone.jpg,{alone},neutral", "fear.jpg,Afraid,fear"]
    save(root / "alone.jpg", cv2.cvtColor(drawing(2, 32), cv2.COLOR_GRAY2BGR))
    save(root / "fear.jpg", cv2.cvtColor(drawing(1, 32), cv2.COLOR_GRAY2BGR))
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return root


def trained_gan(command, photographs, tmp_path):
    run = tmp_path / "gan"
    code, out, err = command(
        "gan", "train", "ali2020-gan-faces", "-d", photographs, "--run", run, *GAN
    )
    assert code == 0, err
    assert "skipped: fear: 1 pictures, of 2 that faces asks for; the class is left out" in err
    assert "1 epochs; in the last, D took " in out
    return run


@pytest.mark.parametrize("table", TABLES)
def test_a_table(table, tmp_path, command):
    dataset, protocol = TABLES[table]
    data = small_tree(tmp_path / dataset, dataset)
    row = f"ali2020-{dataset}"
    arguments = ["reproduce", f"ali2020/{table}", "-d", data, "--runs", tmp_path / "runs"]
    arguments += ["-o", tmp_path / "results", *STAGE2]
    code, _, err = command(
        *arguments, "--only", row, "--set", f"gan=ali2020-gan-{dataset}:{GAN_VALUES}"
    )
    assert code == 0, err
    code, _, err = command(*arguments, "--only", f"{row}-cnn")
    assert code == 0, err
    rows = json.loads((tmp_path / "results" / f"ali2020-{table}.json").read_text())["rows"]
    assert set(rows) == {row, f"{row}-cnn"}
    for found in rows.values():
        (figure,) = found["figures"]
        assert (figure["protocol"], figure["part"]) == (protocol, "test")
        assert figure["more"]["folds"] == 3
        assert figure["n"] == PEOPLE * 3 * len(FOLD_PROTOCOLS.get(protocol).classes)
    for number in range(3):
        fold = tmp_path / "runs" / row / f"fold-{number}"
        gan = RunFolder(fold / "gan").read_any_recipe()
        assert (gan.dataset, gan.protocol, gan.fold) == (dataset, protocol, number)
        assert RunFolder(fold).read_recipe().weights == str(fold / "gan")
    text = (tmp_path / "results" / f"ali2020-{table}.md").read_text()
    assert "Its GAN learnt from BU-4DFE before" in text
    assert f"{100 * RECIPES.get(row).published:.2f} %" in text


def test_a_fold_s_gan_knows_none_of_the_fold_s_test_people(tmp_path, command):
    data = tmp_path / "oulu"
    clip_folders(data / "OriginalImg" / "VL" / "Strong", ("P001", "P002", "P003"), OULU)
    gan = f"gan=ali2020-gan-oulu:{GAN_VALUES}"
    arguments = ["cv", "ali2020-oulu", "-d", data, "--runs", tmp_path / "runs", "--folds", "1"]
    code, _, _ = command(*arguments, *STAGE2, "--set", gan)
    # Of three people one is tested and one is chosen on, so that a GAN has but one.
    assert code == 2
    assert (
        "1 identities with 2 pictures or more among 1; a GAN needs two"
        in (tmp_path / "runs" / "ali2020-oulu" / "cv.md").read_text()
    )


def test_pretrained_on_bu4dfe(tmp_path, command):
    faces = clip_folders(tmp_path / "BU", ("F001", "F002", "M001"), BU4DFE, frames=2, suffix=".jpg")
    run = tmp_path / "pre"
    code, _, err = command("gan", "train", "ali2020-gan-bu4dfe", "-d", faces, "--run", run, *GAN)
    assert code == 0, err
    assert RunFolder(run).read_about()["train_images"] == 3 * len(BU4DFE) * 2
    recipe = RECIPES.get("ali2020-ckplus").override(
        {"weights": str(run), "gan": f"ali2020-gan-ckplus:{GAN_VALUES}", "size": "16"}
    )
    assert gan_recipe(recipe).weights == str(run)
    data = ckplus_tree(tmp_path / "ck", subjects=4)
    code, _, err = command(
        *("cv", "ali2020-ckplus", "-d", data, "--runs", tmp_path / "runs", "--folds", "1"),
        *STAGE2,
        *set_options((f"gan=ali2020-gan-ckplus:{GAN_VALUES}", f"weights={run}")),
    )
    assert code == 0, err
    fold = tmp_path / "runs" / "ali2020-ckplus" / "fold-1"
    assert RunFolder(fold / "gan").read_any_recipe().weights == str(run)


def test_stage_2_leaves_the_encoder_as_it_is_and_makes_a_bundle(photographs, tmp_path, command):
    gan, run, bundle = trained_gan(command, photographs, tmp_path), tmp_path / "two", tmp_path / "b"
    code, out, err = command(
        *("gan", "stage2", "ali2020-faces", "-d", photographs, "--gan", gan, "--run", run),
        *STAGE2,
    )
    assert code == 0, err
    assert "valid accuracy" in out
    generator = read_tensors(gan)
    net, recipe, _ = load_run(RunFolder(run))
    encoder = {k: v for k, v in net.state_dict().items() if k.startswith("encoder.")}
    assert encoder
    assert all(torch.equal(v, generator[k]) for k, v in encoder.items() if "num_batches" not in k)
    assert recipe.weights == str(gan)
    code, out, err = command("export", run, "-d", photographs, "-o", bundle, "--json")
    assert code == 0, err
    assert json.loads(out)["parity"] < 1e-4
    made = read_bundle(bundle, ModelBundle)
    assert made.labels == EXPRESSIONS
    assert made.input.size == SIDE
    assert [entry.images for entry in made.training_data] == [37, 36]
    assert made.recipe["weights"] == "gan"
    images = np.stack([drawing(i, SIDE) for i in range(3)])
    said = bundle_probabilities(bundle, images)
    assert said.shape == (3, 8)
    assert np.allclose(said.sum(1), 1, atol=1e-5)


def test_probes(photographs, tmp_path, command):
    gan, cnn = trained_gan(command, photographs, tmp_path), tmp_path / "cnn"
    code, _, err = command(
        *("train", "ali2020-faces-cnn", "-d", photographs, "--run", cnn), *STAGE2
    )
    assert code == 0, err
    code, out, err = command(
        "gan", "probe", "--gan", gan, "-d", photographs, "--cnn", cnn, "--json"
    )
    assert code == 0, err
    found = json.loads(out)
    assert found["expressions"] == {"neutral": 12, "happiness": 12, "disgust": 12}
    kinds = [(one["question"], one["features"], one["dimension"]) for one in found["probes"]]
    assert kinds == [
        (question, name, numbers)
        for question in ("identity", "expression")
        for name, numbers in (
            ("f(x) of the GAN", 350),
            ("features of the CNN", 350),
            ("pixels", SIDE * SIDE),
        )
    ]
    assert {one["n"] for one in found["probes"]} == {36}
    assert {one["classes"] for one in found["probes"] if one["question"] == "identity"} == {6}
    code, out, _ = command("gan", "probe", "--gan", gan, "-d", photographs)
    assert code == 0
    assert "pixels" in out


def test_transfer(photographs, tmp_path, command):
    gan = trained_gan(command, photographs, tmp_path)
    sources = sorted(photographs.glob("*.jpg"))[:2]
    alone, grid = tmp_path / "out" / "one.png", tmp_path / "grid.png"
    code, out, err = command("gan", "transfer", sources[0], "--gan", gan, "-i", "2", "-o", alone)
    assert code == 0, err
    names = RunFolder(gan).read_about()["identities"]
    assert out.strip() == f"{alone}: {names[2]}"
    assert cv2.imread(str(alone), cv2.IMREAD_UNCHANGED).shape == (SIDE, SIDE)
    chosen = ["-i", names[0], "-i", "1", "--noise", "3"]
    code, _, err = command("gan", "transfer", *sources, "--gan", gan, *chosen, "-o", grid)
    assert code == 0, err
    assert cv2.imread(str(grid), cv2.IMREAD_UNCHANGED).shape == (
        2 * (SIDE + 2) + 2,
        3 * (SIDE + 2) + 2,
    )
    code, _, err = command("gan", "transfer", sources[0], "--gan", gan, "-i", "6", "-o", grid)
    assert code == 2
    assert complaint(err).endswith("There is no identity 6: the GAN has codes 0 to 5.")
    code, _, err = command("gan", "transfer", tmp_path / "no.jpg", "--gan", gan)
    assert code == 2
    assert "No such file" in complaint(err)


def test_a_picture_without_a_face(photographs, tmp_path, command, monkeypatch):
    gan = trained_gan(command, photographs, tmp_path)
    monkeypatch.setattr(reading, "app_crop", lambda _size: lambda _picture: None)
    code, _, err = command("gan", "transfer", photographs / "fear.jpg", "--gan", gan)
    assert code == 2
    assert "fear.jpg: no face found in it" in complaint(err)


def test_refusals(photographs, tmp_path, command):
    gan = trained_gan(command, photographs, tmp_path)
    code, _, err = command(
        *("gan", "stage2", "ali2020-faces-cnn", "-d", photographs, "--gan", gan), *STAGE2
    )
    assert code == 2
    assert "ali2020-faces-cnn uses no GAN's encoder" in complaint(err)
    code, _, err = command("export", gan, "-d", photographs, "-o", tmp_path / "b")
    assert code == 2
    assert "is a GAN, which the app does not run" in complaint(err)
    code, _, err = command("train", "ali2020-faces", "-d", photographs, *STAGE2)
    assert code == 2
    assert "freeze=encoder would keep fresh weights" in complaint(err)


def test_an_encoder_that_may_know_who_is_judged(photographs, tmp_path, command):
    gan = trained_gan(command, photographs, tmp_path)
    recipe = RECIPES.get("ali2020-faces").override({"weights": str(gan)})
    check_seen(recipe)
    with pytest.raises(TrainError, match=r"its encoder may know the people of 'faces', fold 1\."):
        check_seen(recipe.override({"fold": "1"}))


def test_a_gan_of_changed_values_is_not_replaced_unasked(photographs, tmp_path, command):
    arguments = ["cv", "ali2020-faces", "-d", photographs, "--runs", tmp_path / "runs", *STAGE2]
    code, _, err = command(*arguments, "--set", f"gan=ali2020-gan-faces:{GAN_VALUES}")
    assert code == 0, err
    code, _, _ = command(*arguments, "--set", f"gan=ali2020-gan-faces:{GAN_VALUES},noise=9")
    assert code == 2
    assert "gan noise=50 there, 9 here" in (tmp_path / "runs/ali2020-faces/cv.md").read_text()
    code, _, err = command(
        *arguments, "--fresh", "--set", f"gan=ali2020-gan-faces:{GAN_VALUES},noise=9"
    )
    assert code == 0, err
    gan = RunFolder(tmp_path / "runs" / "ali2020-faces" / "fold-0" / "gan")
    assert gan.read_any_recipe().noise == 9


def test_the_paper_s_numbers():
    for name in ("ckplus", "mmi", "oulu"):
        gan, net = GAN_RECIPES.get(f"ali2020-gan-{name}"), RECIPES.get(f"ali2020-{name}")
        for recipe in (gan, net):
            assert (recipe.optimiser, recipe.lr, recipe.momentum) == ("adam", 1e-4, 0.5)
            assert (recipe.batch, recipe.size, recipe.passes) == (150, 96, 110)
            assert recipe.augmentation == "patches"
        assert (gan.epochs, net.epochs) == (300, 50)
        assert (gan.real_target, gan.d_rate, gan.spectral_norm) == (1.0, 1.0, False)
        assert net.gan == gan.name
    assert RECIPES.get("ali2020-ckplus").published == 0.9736
    assert RECIPES.get("ali2020-oulu-cnn").published == 0.7314
    assert set(STAGES) == {"ali2020", "ali2020-half"}


def test_list_has_the_gans(command):
    code, out, _ = command("list", "--json")
    assert code == 0
    assert {recipe["name"] for recipe in json.loads(out)} >= set(GAN_RECIPES.names())
