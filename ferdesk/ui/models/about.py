"""What is shown about a bundle or a set of face models, as headings and rows; knows no Qt."""

from collections.abc import Iterator
from html import escape
from typing import Final, NamedTuple

from ferdesk.bundle_store import Installed
from ferdesk.bundles import Task
from ferdesk.core.au_bundle import AuBundle
from ferdesk.core.aus import unit
from ferdesk.core.bundle import Bundle, ModelBundle
from ferdesk.core.svm_bundle import SvmBundle
from ferdesk.faces.store import ModelFile, ModelSet, find_file

TASKS: Final[dict[Task, str]] = {
    "expression": "Expression nets",
    "action_units": "Action units",
    "au_svm": "SVMs for contested expressions",
}
"""What the kinds of bundles are called."""


class Row(NamedTuple):
    """A term and what is said of it, both plain text."""

    term: str
    text: str


class Section(NamedTuple):
    """Rows under a heading."""

    heading: str
    rows: tuple[Row, ...]


def about_bundle(one: Installed) -> tuple[Section, ...]:
    """All that a bundle says of itself, figures with part, protocol and n."""
    bundle = one.bundle
    if bundle is None:
        return (
            Section("Cannot be read", (Row("Why", one.trouble), Row("Folder", str(one.folder)))),
        )
    sections = (
        Section("", tuple(_general(one, bundle))),
        Section("Figures", tuple(_figures(bundle))),
        Section(
            "Learnt from",
            tuple(
                Row(f"{data.part}, {data.images:,} images", f"{data.name}. Terms: {data.terms}.")
                for data in bundle.training_data
            ),
        ),
        Section("Files and their SHA-256", tuple(Row(*item) for item in bundle.files.items())),
    )
    return tuple(section for section in sections if section.rows)


def about_faces(model_set: ModelSet, states: dict[ModelFile, str | None]) -> tuple[Section, ...]:
    """A set of face models, and what is known of its files.

    Args:
        model_set: which.
        states: what is wrong with a file, None where it is whole; files that were not checked are
            left out.
    """
    files = (
        Row(file.name, f"{_state(file, states)}. SHA-256: {file.sha256}")
        for file in model_set.files
    )
    general = (
        Row("What", model_set.title),
        Row("Licence", "Apache-2.0, by Google (MediaPipe)"),
    )
    return Section("", general), Section("Files", tuple(files))


def as_html(sections: tuple[Section, ...]) -> str:
    """Sections as the rich text that Qt shows; all texts are escaped, they come from strangers."""
    parts = []
    for section in sections:
        if section.heading:
            parts.append(f"<h4>{escape(section.heading)}</h4>")
        rows = "".join(
            f"<tr><td style='padding: 2px 14px 2px 0'><b>{escape(row.term)}</b></td>"
            f"<td style='padding: 2px 0'>{escape(row.text)}</td></tr>"
            for row in section.rows
        )
        parts.append(f"<table>{rows}</table>")
    return "".join(parts)


def _general(one: Installed, bundle: Bundle) -> Iterator[Row]:
    yield Row("What", bundle.title)
    yield Row("Paper", bundle.paper)
    yield Row("Licence", bundle.licence)
    if isinstance(bundle, ModelBundle):
        yield Row("Temperature", f"{bundle.temperature:.3f} (calibration: it divides the logits)")
    if isinstance(bundle, SvmBundle):
        beside = ", ".join(decision.expression for decision in bundle.decisions) or "no net"
        yield Row("Units of", bundle.estimator)
        yield Row("Beside", beside)
    if bundle.notes:
        yield Row("Notes", bundle.notes)
    yield Row("Folder", f"{one.folder} ({'added by you' if one.own else 'came with ferdesk'})")


def _figures(bundle: Bundle) -> Iterator[Row]:
    if isinstance(bundle, ModelBundle):
        for m in bundle.metrics:
            low, high = m.accuracy_ci95
            yield Row(
                f"{m.dataset} {m.part}, {m.protocol}, n = {m.n:,}",
                f"accuracy {m.accuracy:.1%} ({low:.1%} to {high:.1%}), top-2 {m.top2:.1%}, "
                f"top-3 {m.top3:.1%}, macro F1 {m.macro_f1:.1%}, "
                f"balanced {m.balanced_accuracy:.1%}, ECE {m.ece:.1%}",
            )
    elif isinstance(bundle, AuBundle):
        for metric in bundle.metrics:
            left_out = "" if metric.shipped else "; came out too badly and is left out"
            yield Row(
                unit(metric.au).code,
                f"r {metric.r:.2f}, mean error {metric.mae:.3f} on {metric.dataset}, "
                f"{metric.part}, n = {metric.n:,}{left_out}",
            )
    elif isinstance(bundle, SvmBundle):
        for result in bundle.results:
            yield Row(
                f"{result.dataset} {result.part}, {result.protocol}, n = {result.n:,}",
                f"{result.algorithm} beside {result.expression}: accuracy {result.accuracy:.2%}, "
                f"turned right {result.turned_right}, turned wrong {result.turned_wrong}, "
                f"p = {result.p:.2f}",
            )


def _state(file: ModelFile, states: dict[ModelFile, str | None]) -> str:
    if file in states:
        return states[file] or "whole"
    return "installed" if find_file(file) else "missing"
