"""The ablations of Khorrami et al. 2015, and their tables."""

import json

import numpy as np
import pytest
from dataset_trees import drawing
from dataset_trees_b import save_mat
from many_runs import set_options

from trainer.datasets.folds import FOLD_PROTOCOLS
from trainer.nets import build_net
from trainer.recipes import RECIPES
from trainer.table_report import TableResult, markdown, table_rows
from trainer.tables import differences

AUGMENTATION = {"rotation_deg", "scale", "translation", "flip", "brightness", "contrast", "gamma"}


@pytest.mark.parametrize(
    ("table", "whole", "published", "folds"),
    [
        ("table1", "khorrami2015-tfd", (0.898, 0.894, 0.829, 0.794), 5),
        ("table2", "khorrami2015-ckplus8", (0.964, 0.963, 0.856, 0.818), 10),
    ],
)
def test_the_paper_s_ablations(table, whole, published, folds):
    rows = table_rows(f"khorrami2015/{table}")
    assert [row.name for row in rows] == [whole, f"{whole}-a", f"{whole}-d", f"{whole}-plain"]
    assert tuple(row.published for row in rows) == published
    for row in rows:
        assert (row.size, row.net, row.loss) == (96, "khorrami2015", "cross_entropy")
        assert (row.lr, row.momentum, row.weight_decay, row.batch) == (0.01, 0.9, 1e-5, 64)
        assert (row.optimiser, row.schedule) == ("sgd", "constant")
        assert FOLD_PROTOCOLS.get(row.protocol).count == folds


@pytest.mark.parametrize("whole", ["tfd", "ckplus8", "ferplus"])
def test_nothing_else_differs(whole):
    both = RECIPES.get(f"khorrami2015-{whole}")
    one = {name: RECIPES.get(f"khorrami2015-{whole}-{name}") for name in ("a", "d", "plain")}
    assert set(differences(both, one["a"])) == {"dropout"}
    assert set(differences(both, one["d"])) == AUGMENTATION
    assert set(differences(both, one["plain"])) == {"dropout", *AUGMENTATION}
    for key in AUGMENTATION:
        assert getattr(both, key) > 0
        assert getattr(one["d"], key) == getattr(one["plain"], key) == 0
    assert both.dropout == one["d"].dropout == 0.5
    assert one["a"].dropout == one["plain"].dropout == 0


def test_six_classes():
    (row,) = table_rows("khorrami2015/table3")
    assert (row.protocol, row.published, row.size) == ("ckplus-6", 0.983, 96)
    assert len(FOLD_PROTOCOLS.get(row.protocol).classes) == 6


def test_ferplus_has_no_figures_of_the_paper_s():
    result = TableResult(table="khorrami2015/ferplus-ablation")
    text = markdown(result, "x.png")
    assert all(row.published is None for row in table_rows(result.table))
    assert "these rows ask whether its order holds there too" in text
    assert "folds are the set's own" in markdown(TableResult(table="khorrami2015/table1"), "x.png")
    assert "two groups of subjects" in markdown(TableResult(table="khorrami2015/table2"), "x.png")


def test_the_net_is_the_paper_s_at_96_pixels():
    recipe = RECIPES.get("khorrami2015-tfd")
    net = build_net(recipe.net, size=recipe.size, dropout=recipe.dropout)
    assert [net.features[place].out_channels for place in (0, 3, 6)] == [64, 128, 256]
    assert net.features[7].kernel_size == 12  # quadrants of 24 x 24 places


def small_tfd(path):
    """Three people with all seven expressions each, who change roles from fold to fold."""
    people = np.repeat(np.arange(3), 7)
    content = {
        "images": np.stack([drawing(i, 48) for i in range(21)]),
        "labs_ex": np.tile(np.arange(1, 8, dtype=np.int8), 3)[:, None],
        "labs_id": people[:, None].astype(np.int16),
        "folds": np.stack([1 + (people + fold) % 3 for fold in range(5)], 1).astype(np.uint8),
    }
    return save_mat(path, content)


def test_a_row_of_table_1_from_end_to_end(command, tmp_path):
    small_tfd(tmp_path / "TFD_48x48.mat")
    small = set_options(("size=16", "epochs=1", "batch=7"))
    where = ("-d", tmp_path, "--runs", tmp_path / "runs", "-o", tmp_path / "out")
    only = ("--only", "khorrami2015-tfd-plain")
    code, _, err = command("reproduce", "khorrami2015/table1", *where, *only, *small)
    assert code == 0, err
    found = json.loads((tmp_path / "out" / "khorrami2015-table1.json").read_text())
    (row,) = found["rows"].values()
    (figure,) = row["figures"]
    assert (figure["protocol"], figure["part"], figure["n"]) == ("tfd", "test", 5 * 7)
    assert figure["more"]["folds"] == 5
    text = (tmp_path / "out" / "khorrami2015-table1.md").read_text()
    assert "79.40 %" in text
    assert "mean of 5 folds" in text
