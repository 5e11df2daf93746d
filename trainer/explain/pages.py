"""What was found in nets, for people: Markdown."""

from collections import Counter

from trainer.explain.neurons import NeuronResult
from trainer.explain.units import FilterUnits, UnitResult
from trainer.tables import markdown_table

_KHORRAMI = (
    "P. Khorrami, T. L. Paine, T. S. Huang. Do Deep Neural Networks Learn Facial Action Units When "
    "Doing Expression Recognition? ICCV Workshops 2015. Section 4.4, figure 5, table 4."
)
_DING = (
    "H. Ding, S. K. Zhou, R. Chellappa. FaceNet2ExpNet: Regularizing a Deep Face Recognition Net "
    "for Expression Recognition. FG 2017. Section III.C, figure 3, table I."
)


def unit_page(result: UnitResult, picture: str, command: str) -> str:
    """The units of a layer's filters.

    Args:
        result: what was found.
        picture: the name of the bar charts' file, beside the page.
        command: how it was made.
    """
    lines = [
        f"# Action units of the filters of {result.net}, {result.layer}",
        "",
        _KHORRAMI,
        "",
        f"Faces: {result.faces}, n = {result.n:,}; which units they show: {result.source}. For "
        f"each filter and unit, Q is the histogram ({result.bins} bins) of the filter's strongest "
        "answer to the faces that show the unit, R the same of those that do not, and the figure "
        "is KL(Q || R) in nats. By chance: the same for groups of as many faces, drawn at random; "
        "a divergence that is not clearly above it says nothing, and few faces diverge most.",
        "",
        "## The clearest filters" if result.shown else "## Filters",
        "",
    ]
    found = {one.filter: one for one in result.filters}
    lines += markdown_table(
        ("filter", "unit with the largest divergence", "KL", "by chance", "next", "KL"),
        [_filter_line(found[number]) for number in result.shown],
    )
    lines += ["", f"![KL divergences of the shown filters]({picture})", ""]
    lines += ["## How often a unit is a filter's first", ""]
    first = Counter(one.best for one in result.filters)
    above = Counter(one.clearest for one in result.filters)
    heads = ("unit", "faces with it", "faces without", "filters", "filters, less chance")
    ranked = sorted(result.units, key=lambda one: -above[one.unit])
    lines += markdown_table(
        heads,
        [
            (
                one.unit,
                f"{one.present:,}",
                f"{one.absent:,}",
                f"{first[one.unit]}",
                f"{above[one.unit]}",
            )
            for one in ranked
        ],
    )
    said = f"{len(result.filters)} filters"
    if result.silent:
        said += f"; {result.silent} more answer alike to all faces"
    lines += ["", f"{said}.", ""]
    if result.left_out:
        some = ", ".join(f"{one.unit} ({one.present:,})" for one in result.left_out)
        lines += [f"Units left out, since too few faces have them or have not: {some}.", ""]
    return "\n".join([*lines, f"    {command}"]) + "\n"


def neuron_page(result: NeuronResult, picture: str, command: str) -> str:
    """The neurons of some layers; arguments as `unit_page`."""
    lines = [
        f"# Expressive neurons of {result.nets[-1].net}",
        "",
        _DING,
        "",
        f"Faces: {result.faces}, n = {result.n:,}. A neuron's entropy is that of the labels of the "
        f"{result.top} faces that it answers to most, in nats. Low expressive score: below "
        f"{result.threshold:.4f}, the smallest of the layers' mean entropies.",
        "",
    ]
    heads = ["layer"]
    for net in result.nets:
        heads += [f"{net.net}: neurons", "silent", "mean entropy", "low expressive score"]
    rows = []
    for place, layer in enumerate(result.nets[-1].layers):
        cells = [layer.layer]
        for net in result.nets:
            one = net.layers[place]
            cells += [f"{one.neurons:,}", f"{one.silent:,}", f"{one.mean:.4f}", f"{one.low:,}"]
        rows.append(cells)
    lines += markdown_table(heads, rows)
    lines += ["", "Silent neurons answer alike to all faces and are not counted.", ""]
    lines += [f"![Histograms of the neurons' entropies]({picture})", "", f"    {command}"]
    return "\n".join(lines) + "\n"


def _filter_line(one: FilterUnits) -> tuple[str, ...]:
    ranked = sorted(one.divergence, key=lambda unit: -one.divergence[unit])
    following = ranked[1] if len(ranked) > 1 else None
    return (
        f"{one.filter}",
        one.best,
        f"{one.divergence[one.best]:.3f}",
        f"{one.chance[one.best]:.3f}",
        following or "–",
        "–" if following is None else f"{one.divergence[following]:.3f}",
    )
