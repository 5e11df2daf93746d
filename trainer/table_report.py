"""A paper's table beside what was measured here: as data and as Markdown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from trainer.errors import TrainError
from trainer.recipes import Recipe
from trainer.registry import nearest
from trainer.tables import (
    AnyRecipe,
    Result,
    deviation_text,
    markdown_table,
    own,
    percent,
    registered,
    values,
    with_interval,
)

_PAPERS: Final = {
    "kyritsis": (
        "the paper's, on test (FER2013's PrivateTest)",
        "The thesis reports on test and does not say under which of the two labelling protocols, "
        "which differ by several points.",
    ),
    "barsoum2016": (
        "the paper's, on test (FER2013's PrivateTest), majority",
        "The paper reports on test, under majority.",
    ),
    "ding2017": (
        "the paper's, mean of its folds",
        "The paper has no part to choose an epoch on, and reports SFEW on valid. Here two groups "
        "of subjects fewer are learnt from, one to choose on and one to test on.",
    ),
    "ding2017/ferplus-small": (
        "the paper has none",
        "The paper has no FER+; these rows ask its question of as many faces as CK+ has. In its "
        "tables III to VI, a fine-tuned face net is better than the net from scratch, and "
        "FaceNet2ExpNet better than both. The Wide ResNet learnt from all of FER+'s train part.",
    ),
    "ng2015/faces-small": (
        "the paper has none",
        "The paper's small set is SFEW; these rows ask its question of photographs. On SFEW, the "
        "auxiliary set alone is better than the small one alone, and one after the other best.",
    ),
    "ng2015": (
        "the paper's, on SFEW's valid",
        "The paper states valid and, through the challenge, test; these are its figures on valid.",
    ),
    "khorrami2015": (
        "the paper's, mean of its folds",
        "The paper has no part to choose an epoch on; here two groups of subjects fewer are learnt "
        "from, one to choose on and one to test on.",
    ),
    "khorrami2015/table1": (
        "the paper's, mean of its folds",
        "The folds are the set's own, as in the paper, which does not say how it chose an epoch.",
    ),
    "khorrami2015/ferplus-ablation": (
        "the paper has none",
        "The paper has no FER+; these rows ask whether its order holds there too. In its tables 1 "
        "and 2, augmentation gains more than dropout, and both together most.",
    ),
    "ali2020": (
        "the paper's, mean of its folds",
        "The paper has no part to choose an epoch on; here two groups of subjects fewer are learnt "
        "from, one to choose on and one to test on. Its GAN learnt from BU-4DFE before; a row here "
        "did where its weights say so.",
    ),
}
"""What the figures of a table are of, by the table or its first word: a heading, and a sentence."""
_UNKNOWN: Final = (
    "the paper's",
    "What the paper's figures were measured on, the paper has to say.",
)
_VALID: Final = (
    "Ours are on valid (of FER+: FER2013's PublicTest), on which each best epoch was chosen too; "
    "nothing was measured on test. So figures of the two kinds can be compared roughly at best."
)
_FEATURES: Final = (
    "Rows without epochs are linear SVMs on a layer of a frozen net; their C was chosen in a "
    "cross-validation on train."
)
_FOLDS: Final = "Ours are on the test parts of the folds; each best epoch was chosen on valid."
_UNTESTED: Final = (
    "The protocol has no test part: ours are on valid, which each best epoch was chosen on too."
)


class RowFigure(Result):
    """An accuracy, with what it is of.

    Attributes:
        protocol: how labels were made, or which folds.
        part: of the data set, or of the folds.
        n: how many images.
        accuracy: over all of them, 0..1.
        interval: its 95 % bootstrap interval.
        more: further figures: top2, macro_f1 and so on; of folds (or of draws, each with a seed)
            their number, the mean of their accuracies and its standard deviation.
    """

    protocol: str
    part: str
    n: int
    accuracy: float
    interval: tuple[float, float]
    more: Mapping[str, float] = {}


class RowResult(Result):
    """A row of a table, measured.

    Attributes:
        recipe: as it was run.
        changed: its values that were not the registered recipe's then.
        epochs: as many were trained; 0 for features.
        best_epoch: the one that is measured, from 1; 0 for folds, which have one each, and for
            features.
        parameters: how many numbers the net learns; 0 for features.
        train_images: as many were learnt from; 0 for folds.
        device: where it was trained, or its features were computed.
        data: the last name of the data set's path.
        weights: SHA-256 of the measured weights' file, of features.json, or "" for folds.
        figures: one a protocol.
        node: on which machine of a cluster it was measured, "" without one.
        before: the recipes whose runs it started from, as they were run.
    """

    recipe: AnyRecipe
    changed: Mapping[str, Any] = {}
    epochs: int
    best_epoch: int
    parameters: int
    train_images: int
    device: str
    data: str
    weights: str
    figures: tuple[RowFigure, ...]
    node: str = ""
    before: tuple[Recipe, ...] = ()

    @property
    def stale(self) -> bool:
        """Whether the registered recipe has changed since."""
        return {**values(own(self.recipe)), **self.changed} != values(self.recipe)


class TableResult(Result):
    """A paper's table, as far as it was measured here.

    Attributes:
        table: its name, as the recipes have it.
        rows: by recipe.
        failed: recipe -> why its last training or measuring failed.
    """

    table: str
    rows: Mapping[str, RowResult] = {}
    failed: Mapping[str, str] = {}


def tables() -> dict[str, tuple[AnyRecipe, ...]]:
    """All tables that recipes are rows of; a table's rows by the paper's figure, best first."""
    every = list(registered().values())
    names = sorted({recipe.table for recipe in every if recipe.table})
    return {name: tuple(sorted(_rows(every, name), key=_rank)) for name in names}


def table_rows(name: str) -> tuple[AnyRecipe, ...]:
    """The recipes of a table.

    Raises:
        TrainError: there is no such table; the nearest are named.
    """
    known = tables()
    if name not in known:
        raise TrainError(f"There is no table {name!r}. {nearest(name, known)}")
    return known[name]


def _rows(recipes: list[AnyRecipe], table: str) -> list[AnyRecipe]:
    return [recipe for recipe in recipes if recipe.table == table]


def _rank(recipe: AnyRecipe) -> tuple[float, str]:
    return (1.0 if recipe.published is None else -recipe.published, recipe.name)


def file_of(output: Path, table: str, suffix: str) -> Path:
    """Where a table is written, e.g. docs/results/kyritsis-table7.1.json."""
    return output / f"{table.replace('/', '-')}{suffix}"


def confusion_file(output: Path, table: str, row: str) -> Path:
    """Where the confusion matrix of a row with folds is drawn, over all of them."""
    return file_of(output, table, f"-{row}.png")


def figure_kinds(result: TableResult) -> list[tuple[str, str]]:
    """The protocols and parts that a table's figures are of, in their order."""
    found = [(f.protocol, f.part) for row in result.rows.values() for f in row.figures]
    return list(dict.fromkeys(found))


def paper_heading(table: str) -> str:
    """What the paper's figures are of, in a few words."""
    return _said(table)[0]


def _said(table: str) -> tuple[str, str]:
    return _PAPERS.get(table) or _PAPERS.get(table.partition("/")[0], _UNKNOWN)


def markdown(result: TableResult, picture: str) -> str:
    """The table for people.

    Args:
        result: what is known.
        picture: the name of the picture beside it.
    """
    recipes = table_rows(result.table)
    _, paper = _said(result.table)
    lines = [f"# {result.table}", "", *dict.fromkeys(recipe.paper for recipe in recipes), ""]
    kinds = figure_kinds(result)
    heads = ["recipe", "net", paper_heading(result.table)]
    heads += [f"ours, {part}, {protocol} (95 % interval)" for protocol, part in kinds]
    heads += ["epochs", "seed", "parameters"]
    lines += markdown_table(heads, [_line(recipe, result, kinds) for recipe in recipes])
    lines += ["", paper]
    learnt = {(row.train_images, row.device) for row in result.rows.values() if row.train_images}
    if learnt:
        said = (f"{images:,} images (on {device})" for images, device in sorted(learnt))
        lines += ["", f"Ours learnt from {' or '.join(said)}."]
    if any(row.weights for row in result.rows.values()):
        lines += ["", _VALID]
    if not all(isinstance(row.recipe, Recipe) for row in result.rows.values()):
        lines += ["", _FEATURES]
    of_folds = [row for row in result.rows.values() if not row.weights]
    if of_folds:
        tested = any(figure.part == "test" for row in of_folds for figure in row.figures)
        lines += ["", _FOLDS if tested else _UNTESTED]
    unlike = [
        f"- {name}{'' if one is row.recipe else f', in the run of {one.name}'}: {text}"
        for name, row in result.rows.items()
        for one in (row.recipe, *row.before)
        if (text := deviation_text(one))
    ]
    if unlike:
        lines += ["", "Rows that were not run as their recipe has it:", "", *unlike]
    if result.failed:
        lines += ["", "Rows that failed when they were last tried:", ""]
        lines += [f"- {name}: {' '.join(why.split())}" for name, why in result.failed.items()]
    if result.rows:
        lines += ["", f"![{result.table}: ours and the paper's]({picture})"]
    for name in (name for name, row in result.rows.items() if not row.weights):
        drawn = confusion_file(Path(), result.table, name)
        lines += ["", f"![{name}: confusion matrix over all folds]({drawn})"]
    lines += ["", f"    ferdesk-train reproduce {result.table} --data PATH"]
    return "\n".join(lines) + "\n"


def _line(recipe: AnyRecipe, result: TableResult, kinds: list[tuple[str, str]]) -> list[str]:
    paper = "–" if recipe.published is None else percent(recipe.published)
    row = result.rows.get(recipe.name)
    if row is None:
        state = "failed" if recipe.name in result.failed else "not run"
        return [recipe.name, recipe.net, paper, *([state] * len(kinds)), state, "", ""]
    figures = {(figure.protocol, figure.part): figure for figure in row.figures}
    cells = [_cell(figures[kind]) if kind in figures else "–" for kind in kinds]
    epochs = f"{row.epochs} of {row.recipe.epochs}" if isinstance(row.recipe, Recipe) else "–"
    if row.best_epoch:
        epochs += f", best {row.best_epoch}"
    return [
        recipe.name,
        recipe.net,
        paper,
        *cells,
        epochs,
        f"{row.recipe.seed}",
        f"{row.parameters:,}" if row.parameters else "–",
    ]


def _cell(figure: RowFigure) -> str:
    text = f"{with_interval(figure.accuracy, figure.interval)}, n = {figure.n:,}"
    counted = next((word for word in ("folds", "seeds") if word in figure.more), None)
    if counted is None:
        return text
    number = round(figure.more[counted])
    if number == 1:
        return f"{text}; 1 {counted.removesuffix('s')}"
    spread = figure.more.get("deviation")
    said = "" if spread is None else f" ± {100 * spread:.2f}"
    return f"{text}; mean of {number} {counted} {percent(figure.more['mean'])}{said}"
