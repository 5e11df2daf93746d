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
from ferdesk.texts import tr

TASKS: Final[dict[Task, str]] = {
    "expression": tr("Expression nets"),
    "action_units": tr("Action units"),
    "au_svm": tr("SVMs for contested expressions"),
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
            Section(
                tr("Cannot be read"),
                (Row(tr("Why"), one.trouble), Row(tr("Folder"), str(one.folder))),
            ),
        )
    sections = (
        Section("", tuple(_general(one, bundle))),
        Section(tr("Figures"), tuple(_figures(bundle))),
        Section(
            tr("Learnt from"),
            tuple(
                Row(
                    tr("{part}, {images:,} images").format(part=data.part, images=data.images),
                    tr("{name}. Terms: {terms}.").format(name=data.name, terms=data.terms),
                )
                for data in bundle.training_data
            ),
        ),
        Section(tr("Files and their SHA-256"), tuple(Row(*item) for item in bundle.files.items())),
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
        Row(tr("What"), tr(model_set.title)),
        Row(tr("Licence"), tr("Apache-2.0, by Google (MediaPipe)")),
    )
    return Section("", general), Section(tr("Files"), tuple(files))


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
    yield Row(tr("What"), bundle.title)
    yield Row(tr("Paper"), bundle.paper)
    yield Row(tr("Licence"), bundle.licence)
    if isinstance(bundle, ModelBundle):
        yield Row(
            tr("Temperature"),
            tr("{value:.3f} (calibration: it divides the logits)").format(value=bundle.temperature),
        )
    if isinstance(bundle, SvmBundle):
        beside = ", ".join(one.expression for one in bundle.decisions) or tr("no net")
        yield Row(tr("Units of"), bundle.estimator)
        yield Row(tr("Beside"), beside)
    if bundle.notes:
        yield Row(tr("Notes"), bundle.notes)
    folder = tr("{folder} (added by you)") if one.own else tr("{folder} (came with ferdesk)")
    yield Row(tr("Folder"), folder.format(folder=one.folder))


def _figures(bundle: Bundle) -> Iterator[Row]:
    if isinstance(bundle, ModelBundle):
        text = tr(
            "accuracy {m.accuracy:.1%} ({low:.1%} to {high:.1%}), top-2 {m.top2:.1%}, "
            "top-3 {m.top3:.1%}, macro F1 {m.macro_f1:.1%}, balanced {m.balanced_accuracy:.1%}, "
            "ECE {m.ece:.1%}"
        )
        for m in bundle.metrics:
            low, high = m.accuracy_ci95
            term = f"{m.dataset} {m.part}, {m.protocol}, n = {m.n:,}"
            yield Row(term, text.format(m=m, low=low, high=high))
    elif isinstance(bundle, AuBundle):
        text = tr("r {m.r:.2f}, mean error {m.mae:.3f} on {m.dataset}, {m.part}, n = {m.n:,}")
        for metric in bundle.metrics:
            said = [text.format(m=metric)]
            if not metric.shipped:
                said.append(tr("came out too badly and is left out"))
            yield Row(unit(metric.au).code, "; ".join(said))
    elif isinstance(bundle, SvmBundle):
        text = tr(
            "{m.algorithm} beside {m.expression}: accuracy {m.accuracy:.2%}, "
            "turned right {m.turned_right}, turned wrong {m.turned_wrong}, p = {m.p:.2f}"
        )
        for result in bundle.results:
            term = f"{result.dataset} {result.part}, {result.protocol}, n = {result.n:,}"
            yield Row(term, text.format(m=result))


def _state(file: ModelFile, states: dict[ModelFile, str | None]) -> str:
    if file in states:
        return tr(states[file] or "whole")
    return tr("installed") if find_file(file) else tr("missing")
