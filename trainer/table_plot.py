"""A paper's table and ours as a picture. No window is ever opened."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from trainer import files
from trainer.table_report import RowFigure, TableResult, figure_kinds, paper_heading, table_rows

_PAPER: Final = "0.6"
_COLOURS: Final = ("tab:blue", "tab:orange", "tab:green", "tab:red")


def draw_table(path: Path, result: TableResult) -> None:
    """Bars for each row, one for the paper and one for each of our figures, as a PNG.

    Args:
        path: the picture's place.
        result: at least one measured row.
    """
    recipes = [recipe for recipe in table_rows(result.table) if recipe.name in result.rows]
    kinds = figure_kinds(result)
    thick = 0.8 / (1 + len(kinds))
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(
            figsize=(8, 1.4 + 0.26 * len(recipes) * (1 + len(kinds))), layout="constrained"
        )
        axes = figure.subplots()
        stated = [(i, 100 * r.published) for i, r in enumerate(recipes) if r.published is not None]
        places = [i - thick * len(kinds) / 2 for i, _ in stated]
        axes.barh(
            places, [v for _, v in stated], thick, color=_PAPER, label=paper_heading(result.table)
        )
        for number, kind in enumerate(kinds):
            found = [
                (i, f)
                for i, recipe in enumerate(recipes)
                for f in result.rows[recipe.name].figures
                if (f.protocol, f.part) == kind
            ]
            axes.barh(
                [i + thick * (1 + number - len(kinds) / 2) for i, _ in found],
                [100 * f.accuracy for _, f in found],
                thick,
                xerr=_arms([f for _, f in found]),
                color=_COLOURS[number % len(_COLOURS)],
                error_kw={"elinewidth": 0.8, "capsize": 2},
                label=f"ours, {kind[1]}, {kind[0]}",
            )
        axes.set_yticks(range(len(recipes)), [recipe.name for recipe in recipes])
        axes.invert_yaxis()
        axes.set(
            xlim=(0, 100), xlabel="accuracy (%), ours with the 95 % interval", title=result.table
        )
        axes.grid(axis="x", alpha=0.3)
        figure.legend(loc="outside lower center", ncols=1 + len(kinds))
        files.write_with(path, lambda place: figure.savefig(place, dpi=110, format="png"))


def _arms(figures: list[RowFigure]) -> list[list[float]]:
    """How far the intervals reach to the left and to the right of the bars' ends."""
    return [
        [max(100 * (figure.accuracy - figure.interval[0]), 0.0) for figure in figures],
        [max(100 * (figure.interval[1] - figure.accuracy), 0.0) for figure in figures],
    ]
