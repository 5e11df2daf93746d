import json
import shutil
from dataclasses import replace
from functools import partial

import pytest
from dataset_trees import (
    ck48_tree,
    ckplus_tree,
    drawing,
    fer2013_csv,
    fer2013_folders,
    fer2013_row,
    jaffe_tree,
    own_table,
    photographs_tree,
)

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.base import DATASETS, PARTS
from trainer.datasets.check import _repeats, check, overview
from trainer.datasets.folds import FOLD_PROTOCOLS
from trainer.errors import TrainError


def differing(report):
    return {line["what"] for line in report["published"] if line["differs"]}


def test_overview():
    entries = {entry["name"]: entry for entry in overview()}
    assert set(entries) == set(DATASETS.names())
    assert {"ckplus", "csv", "faces", "fer2013", "ferplus", "jaffe"} <= set(entries)
    known = {*PARTS, *EXPRESSIONS, "subjects", "sequences", "images"}
    for entry in entries.values():
        assert all(entry[key] for key in ("title", "where", "terms", "layout"))
        assert set(entry["published"]) <= known
        assert bool(entry["published"]) == bool(entry["source"])
    assert entries["ckplus"]["protocols"] == ["ckplus-8", "ckplus-7", "ckplus-6"]
    assert sum(entries["fer2013"]["published"][part] for part in PARTS) == 35887
    emotions = entries["ckplus"]["published"]
    assert sum(emotions[name] for name in EXPRESSIONS) == emotions["images"]
    for name in FOLD_PROTOCOLS.names():
        assert FOLD_PROTOCOLS.get(name).dataset in entries


def test_fer2013(tmp_path):
    found = check("fer2013", fer2013_csv(tmp_path / "fer2013.csv"), pixels=True)
    assert found["samples"] == found["labelled"] == 21
    assert found["parts"] == {"train": 7, "valid": 7, "test": 7}
    assert found["expressions"]["contempt"] == 0
    assert found["empty"] == []
    assert found["repeated_pixels"] == 0
    assert {"train", "valid", "disgust"} <= differing(found)
    beside = next(line for line in found["published"] if line["what"] == "train")
    assert beside == {"what": "train", "published": 28709, "found": 7, "differs": True}
    json.dumps(found)


def test_empty_classes(tmp_path):
    found = check("fer2013", fer2013_csv(tmp_path / "fer2013.csv", per_part=4))
    assert found["empty"] == ["neutral", "surprise", "sadness"]
    assert found["repeated_pixels"] is None
    root = jaffe_tree(tmp_path / "jaffe", women=("KA",))
    assert check("jaffe", root)["empty"] == []
    next(root.glob("KA.SU*")).unlink()
    assert check("jaffe", root)["empty"] == ["surprise"]
    assert "contempt" in check("faces", photographs_tree(tmp_path / "faces"))["empty"]


def test_ckplus(tmp_path):
    found = check("ckplus", ckplus_tree(tmp_path / "ck"))
    assert (found["subjects"], found["sequences"], found["with_aus"]) == (10, 80, 80)
    assert found["labelled"] == 10 * 7 * 5
    assert found["counted_as"] == "ckplus-8"
    counts = {line["what"]: line["found"] for line in found["published"]}
    assert counts["images"] == 10 * 7 * 4
    assert counts["neutral"] == 70
    assert counts["anger"] == 30
    assert found["protocols"] == dict.fromkeys(("ckplus-8", "ckplus-7", "ckplus-6"), "10 folds")


def test_a_copy_that_a_protocol_cannot_use(tmp_path):
    found = check("ckplus", ck48_tree(tmp_path / "ck", subjects=9))
    assert found["counted_as"] == "ckplus-7"
    assert "lacks frames for ckplus-8" in found["protocols"]["ckplus-8"]
    assert found["protocols"]["ckplus-7"] == "ckplus-7 needs at least 10 subjects, found 9."
    assert found["empty"] == ["neutral"]


def test_no_set(tmp_path):
    with pytest.raises(TrainError, match=r"no data set 'fer2012'\. Did you mean fer2013"):
        check("fer2012", tmp_path)


def test_duplicate_in_two_parts(tmp_path):
    root = fer2013_folders(tmp_path / "fer")
    shutil.copy(root / "train/sad/sad_0.png", root / "train/sad/sad_7.png")
    assert check("fer2013", root, pixels=True)["repeated_pixels"] == 1
    shutil.copy(root / "train/sad/sad_0.png", root / "test/fear/other.png")
    assert check("fer2013", root)["samples"] == 30
    # The order is the listing's: test comes before train.
    message = r"duplicate image in two parts: test/fear/other\.png \(test\) and train/sad/sad_0"
    with pytest.raises(DataError, match=message) as caught:
        check("fer2013", root, pixels=True)
    assert str(root) in str(caught.value)
    found = check("fer2013", root, pixels=True, skip_bad=True)
    assert found["repeated_pixels"] == 2
    assert found["skipped_count"] == 2


def test_duplicate_in_a_table(tmp_path):
    path = fer2013_csv(tmp_path / "fer2013.csv")
    path.write_text(path.read_text() + fer2013_row(3, 2, "PrivateTest") + "\n")
    message = r"fer0000003\.png \(train\) and fer0000021\.png \(test\)"
    with pytest.raises(DataError, match=message):
        check("fer2013", path, pixels=True)


def test_duplicate_in_two_parts_of_a_fold(tmp_path):
    tree = own_table(tmp_path, "path,label", "sub/a0.png,fear", "sub/a1.png,fear")
    table = DATASETS.get("csv").read(tree)
    roles = (("train", "test"), ("train", "train"))
    samples = tuple(
        replace(s, roles=r, picture=partial(drawing, 1))
        for s, r in zip(table.samples, roles, strict=True)
    )
    with pytest.raises(DataError, match=r"sub/a0\.png \(test\) and sub/a1\.png \(train\)"):
        _repeats(tree, samples, False, [])


def test_unreadable_picture(tmp_path):
    path = own_table(tmp_path, "path,label", "sub/a0.png,fear", "sub/a1.png,anger")
    (tmp_path / "sub" / "a1.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"a1\.png"):
        check("csv", path, pixels=True)
    found = check("csv", path, pixels=True, skip_bad=True)
    assert found["skipped_count"] == 1
    assert "a1.png" in found["skipped"][0]


def test_list_command(command):
    code, out, _ = command("datasets", "--json")
    assert code == 0
    assert [entry["name"] for entry in json.loads(out)] == list(DATASETS.names())
    code, out, _ = command("datasets")
    assert code == 0
    assert "ckplus" in out


def test_check_command(command, tmp_path):
    root = ckplus_tree(tmp_path / "ck", subjects=2)
    code, out, err = command("datasets", "check", "ckplus", root)
    assert code == 0, err
    assert "80 samples, 70 labelled, 2 subjects, 16 sequences, 16 with action units" in out
    assert "ckplus-8 needs at least 10 subjects" in out
    (root / "odd.png").write_bytes(b"x")
    code, out, err = command(
        "datasets", "check", "ckplus", root, "--skip-bad", "--pixels", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["skipped_count"] == 1
    code, out, err = command("datasets", "check", "ckplus", root, "--skip-bad", "--pixels")
    assert code == 0
    assert "skipped: " in err
    assert "0 samples repeat the pixels" in out
    code, _, err = command("datasets", "check", "ckplus", root)
    assert code == 2
    assert err.count("\n") == 1
    assert "odd.png is not where CK+ has frames" in err
