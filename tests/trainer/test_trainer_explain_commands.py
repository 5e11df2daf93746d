"""`ferdesk-train explain` from end to end, on a net of a second's training."""

import json

import numpy as np
import pytest
from many_runs import complaint, make_ck48, set_options

from trainer.datasets.ferplus import load

LAYER, HIDDEN = "features.8", "classifier.2"
TINY = set_options(("epochs=1", "size=16", "batch=20", "ema_decay=0.5"))


@pytest.fixture(scope="module")
def run(tree, tmp_path_factory):
    """A run on the drawn faces, and one that began with its weights."""
    root = tmp_path_factory.mktemp("explain")
    train(tree, root / "first")
    train(tree, root / "second", "--weights", root / "first")
    return root / "second"


def train(tree, folder, *more):
    words = ["train", "khorrami2015-ferplus", "-d", tree, "--run", folder, *TINY, *more]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["ferdesk-train", *map(str, words)])
        from trainer import cli

        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert not ended.value.code


@pytest.fixture
def ask(command, tree, tmp_path):
    """Explain something about a net, with the drawn faces; what it printed, as JSON."""

    def call(what, net, *more, data=tree):
        where = ["-o", tmp_path / "out", *(["-d", data] if data else [])]
        code, out, err = command("explain", what, net, *where, *more, "--json")
        assert code == 0, err
        return json.loads(out), tmp_path / "out"

    return call


def pictures(folder):
    for path in folder.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    return {path.name for path in folder.iterdir()}


def test_filters(ask, run):
    found, folder = ask("filters", run, "--layer", LAYER, "--top", "5", "--rows", "3")
    assert (found["net"], found["layer"], found["n"]) == ("second", LAYER, 40)
    assert found["faces"] == "ferplus, train"
    assert len(found["rows"]) == 3
    for row in found["rows"]:
        strengths = [image["response"] for image in row["images"]]
        assert strengths == sorted(strengths, reverse=True)
        assert len(strengths) == 5
        assert all(len(image["place"]) == 2 for image in row["images"])
    assert pictures(folder) == {"filters.json", "filters.png", "faces.png"}
    assert json.loads((folder / "filters.json").read_text()) == found
    again, _ = ask("filters", run / "best.pt", "--layer", LAYER, "--top", "5", "--rows", "3")
    assert again["rows"] == found["rows"]
    assert again["net"] == "khorrami2015-ferplus"


def smiling(tree, path):
    """A table of action units that says what the drawn faces do."""
    faces = load(tree, "train")
    rows = ["image,estimator,reliable,AU04,AU12,AU25"]
    for place, (name, label) in enumerate(zip(faces.names, faces.labels, strict=True)):
        reliable = int(place > 3)
        rows.append(f"{name},drawn,{reliable},0.0,{0.9 if label == 1 else 0.1},0.7")
    path.write_text("\n".join(rows) + "\n")
    return path


def test_action_units(ask, run, tree, tmp_path):
    table = smiling(tree, tmp_path / "aus.csv")
    options = ("--layer", LAYER, "--aus", table, "--bins", "6", "--rows", "4")
    found, folder = ask("aus", run, *options)
    assert found["source"] == "drawn"
    assert found["units"] == [{"unit": "AU12: Lip Corner Puller", "present": 18, "absent": 18}]
    assert [one["unit"][:4] for one in found["left_out"]] == ["AU04", "AU25"]
    assert len(found["filters"]) + found["silent"] == 256
    assert len(found["shown"]) == 4
    for one in found["filters"]:
        assert one["best"] == one["clearest"] == "AU12: Lip Corner Puller"
        assert one["divergence"][one["best"]] >= 0
    assert pictures(folder) == {"aus.json", "aus.md", "aus.png"}
    text = (folder / "aus.md").read_text()
    assert "Units left out, since too few faces have them or have not: AU04" in text
    assert "ferdesk-train explain aus second -o out -d ferplus --layer features.8" in text
    assert str(tmp_path) not in text
    assert ask("aus", run, *options)[0] == found
    strict, _ = ask("aus", run, *options, "--threshold", "0.6")
    assert strict["units"] == found["units"]


def test_neurons_before_and_after(ask, run):
    found, folder = ask("neurons", run, "--layer", f"{LAYER},{HIDDEN}", "--top", "8")
    before, after = found["nets"]
    assert (before["net"], after["net"]) == ("first", "second")
    means = [layer["mean"] for net in found["nets"] for layer in net["layers"]]
    assert found["threshold"] == min(means)
    for net in found["nets"]:
        shapes = [layer["neurons"] + layer["silent"] for layer in net["layers"]]
        assert shapes == [1024, 300]
        for layer in net["layers"]:
            assert 0 <= layer["low"] <= layer["neurons"] == sum(layer["counts"])
    assert pictures(folder) == {"neurons.json", "neurons.md", "neurons.png"}
    assert "| features.8 |" in (folder / "neurons.md").read_text()
    other, _ = ask("neurons", run, "--layer", HIDDEN, "--top", "8", "--before", run)
    assert other["nets"][0]["layers"] == other["nets"][1]["layers"]


def test_a_run_from_nothing_has_no_before(ask, run):
    found, _ = ask("neurons", run.parent / "first", "--layer", HIDDEN, "--top", "8")
    assert [net["net"] for net in found["nets"]] == ["first"]


def test_means(ask, run):
    found, folder = ask("means", run, "--layer", HIDDEN, "--top", "6", "--rows", "4")
    assert [one["entropy"] for one in found["neurons"]] == sorted(
        one["entropy"] for one in found["neurons"]
    )
    assert {one["label"] for one in found["neurons"]} <= {"happiness", "sadness"}
    assert pictures(folder) == {"means.json", "means.png"}


def test_maximise(ask, run):
    options = ("--class", "happiness,sadness", "--steps", "3", "--seed", "3")
    found, folder = ask("maximise", run, *options, data=None)
    assert [one["target"] for one in found["pictures"]] == ["happiness", "sadness"]
    assert all(one["after"] > one["before"] for one in found["pictures"])
    assert pictures(folder) == {"maximise.json", "maximise.png"}
    first = (folder / "maximise.png").read_bytes()
    assert ask("maximise", run, *options, data=None)[0] == found
    assert (folder / "maximise.png").read_bytes() == first
    whole, _ = ask("maximise", "compact-ferplus", "--steps", "1", data=None)
    assert len(whole["pictures"]) == 8
    neurons = ("--layer", HIDDEN, "--neurons", "1,2", "--steps", "1")
    one, _ = ask("maximise", run, *neurons, data=None)
    assert [p["probability"] for p in one["pictures"]] == [None, None]


def test_a_fold_s_net_is_shown_its_own_fold(command, ask, tmp_path):
    data = make_ck48(tmp_path / "ck")
    values = set_options(("protocol=ckplus-7", "size=16", "epochs=1", "fold=3"))
    run = tmp_path / "fold-3"
    code, _, err = command("train", "khorrami2015-ckplus8", "-d", data, "--run", run, *values)
    assert code == 0, err
    words = ("--layer", LAYER, "--top", "3", "--rows", "2")
    found, _ = ask("filters", run, *words, "--part", "test", data=data)
    assert found["faces"] == "ckplus, ckplus-7, fold 3, test"
    other, _ = ask("filters", run, *words, "--part", "test", "--fold", "4", data=data)
    names = [{i["image"] for row in one["rows"] for i in row["images"]} for one in (found, other)]
    assert not names[0] & names[1]
    code, _, err = command("explain", "aus", run, "-d", data, "-o", tmp_path, "--layer", LAYER)
    assert code == 2
    assert "ckplus says nothing about the action units" in complaint(err)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("filters",), "Say which layer, with --layer. Layers: features.0 (64 x 16 x 16),"),
        (("filters", "--layer", "conv3"), "There is no layer 'conv3'. Layers: features.0"),
        (("filters", "--layer", LAYER, "--top", "41"), "only 40 faces, fewer than the 41 wanted"),
        (("filters", "--layer", LAYER, "--filters", "256"), "filters 0 to 255, no filter 256"),
        (("filters", "--layer", LAYER, "--filters", "x"), "x: write numbers with commas"),
        (("filters", "--layer", LAYER, "--part", "tset"), "There is no part 'tset'"),
        (("filters", "--layer", LAYER, "--part", "test"), "--part all"),
        (("aus", "--layer", LAYER), "ferplus says nothing about the action units"),
        (("aus", "--layer", LAYER, "--aus", "gone.csv"), "gone.csv"),
        (("neurons", "--layer", f"{LAYER},x"), "There is no layer 'x'"),
        (("neurons", "--layer", LAYER), "only 40 faces with a label"),
        (("neurons", "--layer", LAYER, "--before", "gone"), "No bundle named 'gone'"),
        (("means", "--layer", HIDDEN, "--top", "99"), "only 40 faces, fewer than the 99 wanted"),
        (("means", "--layer", HIDDEN, "--neurons", "-1"), "filters 0 to 299, no filter -1"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(command, run, tree, tmp_path, words, message):
    what, *more = words
    code, _, err = command("explain", what, run, "-d", tree, "-o", tmp_path, *more)
    assert code == 2
    assert message in complaint(err)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--class", "joy"), "There is no expression 'joy'. Known: anger"),
        (("--layer", HIDDEN), "Say either --class, or --layer and --neurons"),
        (("--class", "anger", "--layer", HIDDEN, "--neurons", "1"), "Say either --class"),
        (("--layer", HIDDEN, "--neurons", "300"), "neurons 0 to 299, no neuron 300"),
    ],
)
def test_targets_that_are_none(command, run, tmp_path, words, message):
    code, _, err = command("explain", "maximise", run, "-o", tmp_path, *words)
    assert code == 2
    assert message in complaint(err)


def test_a_table_of_other_pictures_is_refused(command, run, tree, tmp_path):
    table = tmp_path / "aus.csv"
    table.write_text("image,estimator,reliable,AU12\nother.png,drawn,1,0.5\n")
    words = ("--layer", LAYER, "--aus", table)
    code, _, err = command("explain", "aus", run, "-d", tree, "-o", tmp_path, *words)
    assert code == 2
    assert "only 0 of the 40 pictures" in complaint(err)


def test_a_file_that_is_no_checkpoint_is_refused(command, tree, tmp_path):
    path = tmp_path / "x.pt"
    path.write_bytes(np.zeros(100).tobytes())
    code, _, err = command("explain", "maximise", path, "-o", tmp_path)
    assert code == 2
    assert "cannot be read as a checkpoint" in complaint(err)
