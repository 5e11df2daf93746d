"""Transfer and multi-task learning on FER+: the rows of the thesis's tables 7.2 and 7.3.

Table 7.2 has two kinds of rows. Fine-tuning is a training like any other and so a `Recipe`;
features of a frozen net with a linear SVM are none, and have a `FeatureRecipe`, which
`ferdesk-train transfer features` runs, and `reproduce` as well.

The table as we have it is ambiguous: its rows have two lines, a method over a net, and four of them
have a number on each. Here the number beside the method is the row's, since every row of two lines
has that one. The others, which nothing explains, are 40.03 (fine-tuning, ImageNet, conv3_3), 40.07
(fine-tuning, face recognition, conv4_3), 29.20 (fc7, ImageNet) and 41.4 (fc6, face recognition).

The thesis gives no optimiser, rate, batch or epochs for either table. The values of the trainings
here are from the middle of its grid (section 7.1), or our own.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

from pydantic import NonNegativeInt, PositiveInt

from trainer.recipes.base import Recipe, add_recipe, overridden
from trainer.recipes.kyritsis import AFFINE, PAPER
from trainer.registry import Registry

IMAGENET: Final = "imagenet"
FACES: Final = "vgg_face_dag.pth"
"""VGG-Face, which the user has to get: the name under which it is usually passed on."""

_TRANSFER: Final = "kyritsis/table7.2"


@dataclass(frozen=True, slots=True)
class FeatureRecipe:
    """A frozen net whose hidden layer a linear SVM is trained on.

    Attributes:
        name: also the name of the run's folder.
        title: what it is.
        net: a net that names layers.
        layer: which one.
        weights: as `Recipe.weights`.
        paper: whose experiment it is, or "".
        table: that paper's table.
        published: the accuracy that it states there.
        dataset: what the SVM is trained and judged on.
        size: side of the patch in pixels.
        seed: of the SVM, its cross-validation and of what `limit` picks.
    """

    name: str
    title: str
    net: str
    layer: str
    weights: str
    paper: str = ""
    table: str = ""
    published: float | None = None
    dataset: str = "ferplus"
    size: PositiveInt = 48
    seed: NonNegativeInt = 0

    def override(self, changes: dict[str, str]) -> "FeatureRecipe":
        """As `Recipe.override`."""
        return overridden(self, asdict(self), changes, "feature recipe")


FEATURE_RECIPES: Final[Registry[FeatureRecipe]] = Registry("feature recipe")


def _fine_tuning(start: str, weights: str, block: str, published: float) -> None:
    values: dict[str, Any] = {
        "net": "vgg16-224",
        "weights": weights,
        "freeze": block,
        "optimiser": "sgd",
        "lr": 0.001,  # a tenth of what the same net has from scratch: its weights are good already
        "weight_decay": 1e-6,
        "schedule": "cosine",
        "dropout": 0.5,
        "batch": 32,
        "epochs": 10,
    }
    name = f"kyritsis-finetune-{start}-{block.replace('_', '-')}"
    title = f"VGG16 from {weights}, frozen up to {block}, fine-tuned on FER+"
    add_recipe(
        Recipe(
            name=name,
            title=title,
            paper=PAPER,
            table=_TRANSFER,
            published=published,
            **{**AFFINE, **values},
        )
    )


def _features(name: str, net: str, layer: str, weights: str, published: float) -> None:
    title = f"Linear SVM on {layer} of {net} from {weights}, on FER+"
    recipe = FeatureRecipe(
        name=f"kyritsis-svm-{name}",
        title=title,
        net=net,
        layer=layer,
        weights=weights,
        paper=PAPER,
        table=_TRANSFER,
        published=published,
    )
    FEATURE_RECIPES.add(recipe.name, recipe)


# Section 7.10.2.
_fine_tuning("imagenet", IMAGENET, "conv3_3", 0.4639)
_fine_tuning("imagenet", IMAGENET, "conv4_3", 0.4221)
_fine_tuning("face", FACES, "conv3_3", 0.5352)
_fine_tuning("face", FACES, "conv4_3", 0.4567)
# Section 7.10.1.
_features("imagenet-fc6", "vgg16-224", "fc6", IMAGENET, 0.3422)
_features("imagenet-fc7", "vgg16-224", "fc7", IMAGENET, 0.2925)
_features("face-fc6", "vgg16-224", "fc6", FACES, 0.272)
_features("face-fc7", "vgg16-224", "fc7", FACES, 0.231)
_features("resnet50", "resnet50-224", "pool", IMAGENET, 0.2113)
_features("inceptionv3", "inceptionv3-299", "pool", IMAGENET, 0.1914)

# Section 7.11. The training is that of the custom VGG13 in `trainer.recipes.kyritsis`, so that the
# second set is all that differs.
add_recipe(
    Recipe(
        name="kyritsis-multitask",
        title="Custom VGG13 on FER+, which learns gender and age from IMDB-WIKI as well",
        paper=PAPER,
        table="kyritsis/table7.3",
        published=0.852,
        net="multitask-vgg13",
        auxiliary="imdbwiki",
        optimiser="sgd",
        lr=0.01,
        weight_decay=1e-6,
        schedule="cosine",
        dropout=0.5,
        batch=128,
        epochs=20,
        **AFFINE,
    )
)
