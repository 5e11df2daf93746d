"""The page about an action-unit bundle, from what the bundle says itself."""

from pathlib import Path
from statistics import median

from ferdesk.core.au_bundle import AuBundle, AuMetric
from ferdesk.core.aus import unit
from trainer import files
from trainer.tables import make_folder, markdown_table


def write_page(bundle: AuBundle, folder: Path) -> Path:
    """Write NAME.md: each unit's likeness to the estimator that it was learnt from.

    Args:
        bundle: read and checked.
        folder: where to; made if missing.

    Raises:
        OutputError: it cannot be written.
    """
    make_folder(folder)
    path = folder / f"{bundle.name}.md"
    files.write_text(path, "\n".join(_lines(bundle)) + "\n")
    return path


def _lines(bundle: AuBundle) -> list[str]:
    values = bundle.recipe
    sets = list(dict.fromkeys((m.dataset, m.part, m.n) for m in bundle.metrics))
    first = [m for m in bundle.metrics if (m.dataset, m.part, m.n) == sets[0]]
    shipped = [m for m in first if m.shipped]
    left_out = ", ".join(unit(m.au).code for m in first if not m.shipped) or "none"
    lines = [
        f"# {bundle.name}: {bundle.title}",
        "",
        bundle.notes,
        "",
        f"Shipped: {len(shipped)} units, those whose r is {values['shipped_from']} or more on "
        f"{_said(sets[0])}; median r of these {median(m.r for m in shipped):.3f}. "
        f"Learnt and left out: {left_out}. Units that {values['estimator']} cannot tell are not "
        "learnt.",
        "",
        "r is Pearson's correlation and the error the mean absolute one, in activation (0..1), "
        f"both against {values['estimator']}; of a paired unit the mean of its sides is compared.",
        "",
    ]
    heads = ["unit", "name"]
    for one in sets:
        heads += [f"r, {_said(one)}", "error"]
    rows = []
    for metric in first:
        beside = [m for m in bundle.metrics if m.au == metric.au]
        code = unit(metric.au).code
        cells = [code if metric.shipped else f"{code} (left out)", unit(metric.au).name]
        for measured in beside:
            cells += _figures(measured)
        rows.append(cells)
    lines += markdown_table(heads, rows)
    lines += ["", "Trained on:", ""]
    lines += [f"- {d.name}: {d.part}, {d.images:,} faces" for d in bundle.training_data]
    lines += [
        "",
        f"Seed {values['seed']}, {values['epochs']} epochs, the best one was {values['best_epoch']}"
        f"; loss {values['loss']}, batches of {values['batch']}.",
        "",
        "    ferdesk-train train au-distill -d DATA",
        f"    ferdesk-train export runs/au-distill -d DATA -o resources/models/{bundle.name}",
        f"    ferdesk-train au report {bundle.name}",
    ]
    return lines


def _said(one: tuple[str, str, int]) -> str:
    dataset, part, n = one
    return f"{dataset}, {part} (n = {n:,})"


def _figures(metric: AuMetric) -> list[str]:
    return [f"{metric.r:.3f}", f"{metric.mae:.3f}"]
