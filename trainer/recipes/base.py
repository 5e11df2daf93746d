"""Recipe: all that decides a training, frozen; its defaults are what recipes share."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
    ValidationError,
)

from trainer.errors import TrainError
from trainer.labelling import VoteRule
from trainer.registry import Registry, nearest

Loss = Literal["cross_entropy", "majority", "probability", "multi_target"]
Optimiser = Literal["sgd", "adam", "adamw"]
Schedule = Literal["constant", "cosine", "step", "one_cycle"]
Augmentation = Literal["ranges", "patches"]
_FIXED = frozenset({"name", "title", "paper", "table", "published"})
_AFTER = "@"
R = TypeVar("R")


def _between_commas(names: object) -> object:
    """The names that a text has between its commas; what is no text stays as it is."""
    if not isinstance(names, str):
        return names
    found = tuple(name.strip() for name in names.split(",")) if names.strip() else ()
    if not all(found):
        raise ValueError("write runs or bundles, with commas between them")
    return found


class Training(BaseModel):
    """What recipes of all kinds of nets have: size, optimiser, epochs, augmentation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Also the name of the run's folder and of the bundle."""
    title: str
    paper: str
    net: str
    size: PositiveInt = 48
    """Side of the patch in pixels."""
    dropout: float = Field(default=0.5, ge=0, lt=1)

    optimiser: Optimiser = "sgd"
    lr: PositiveFloat = 0.01
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: NonNegativeFloat = 1e-5
    """Not applied to biases and normalisation layers."""
    schedule: Schedule = "constant"
    warmup_epochs: NonNegativeFloat = 0.0
    """The rate rises to `lr` over these; with one_cycle, to its peak."""
    step_epochs: PositiveInt = 10
    """With the schedule "step": how often the rate is multiplied by `step_factor`."""
    step_factor: float = Field(default=0.1, gt=0, lt=1)
    batch: PositiveInt = 64
    epochs: PositiveInt = 30
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    """Part of the averaged weights that a step keeps; 0 turns averaging off."""
    seed: NonNegativeInt = 0

    augmentation: Augmentation = "ranges"
    """"patches" draws one of the 110 variants of Ali et al. 2020 (`trainer.augment.patch_maps`),
    "ranges" what follows."""
    rotation_deg: float = Field(default=15.0, ge=0, le=180)
    """Uniform in plus or minus this many degrees."""
    scale: float = Field(default=0.12, ge=0, lt=1)
    """The face's size is multiplied by 1 plus or minus up to this."""
    translation: float = Field(default=0.08, ge=0, le=1)
    """Uniform in plus or minus this part of the patch's side, in x and y each."""
    flip: float = Field(default=0.5, ge=0, le=1)
    """Probability of a left-right mirror image."""
    brightness: float = Field(default=0.2, ge=0, le=1)
    """Added grey, plus or minus up to this part of the full range."""
    contrast: float = Field(default=0.3, ge=0, lt=1)
    """Contrast is multiplied by 1 plus or minus up to this."""
    gamma: float = Field(default=0.3, ge=0, lt=1)
    """The intensity curve's exponent is e to plus or minus up to this."""
    cutout: float = Field(default=0.0, ge=0, lt=1)
    """Side of the square that is blanked, as a part of the patch's side; 0 turns it off."""


class Recipe(Training):
    """How an expression net is trained. A recipe file states only what differs from these."""

    epochs: NonNegativeInt = 30
    """0 trains nothing: the weights that it starts from are measured as they are."""
    table: str = ""
    """The paper's table row that this recipe is for, e.g. "kyritsis/table7.1"."""
    published: float | None = Field(default=None, ge=0, le=1)
    """The accuracy that the paper states there."""
    dataset: str = "ferplus"
    protocol: str = ""
    """How folds are made of a set without parts, e.g. "ckplus-8"; "" for the set's own parts."""
    fold: NonNegativeInt = 0
    also: str = ""
    """Parts of other sets that are learnt from as well, "fer2013:train,fer2013:valid". They lie
    beside the set, in a folder that holds them all."""
    weights: str = ""
    """What the net starts from: "" fresh, "imagenet" torchvision's, else a file, a run or a bundle;
    "@recipe" is the run of that recipe which lies beside this one's."""
    freeze: str = ""
    """The last of the net's first blocks that keep their weights; "" trains all."""
    gan: str = ""
    """The GAN whose encoder a fold's net starts from, trained on the fold's people before it. Its
    recipe's name, and after a colon what differs: "ali2020-gan-faces:epochs=10,passes=2". `weights`
    is then what that GAN starts from."""
    passes: PositiveInt = 1
    """How many times an epoch goes through the images."""

    loss: Loss = "cross_entropy"
    votes: VoteRule = "without_outliers"
    """How an image's votes become the distribution that the net is trained towards."""
    teachers: Annotated[tuple[str, ...], BeforeValidator(_between_commas)] = ()
    """Runs or bundles, in a text separated by commas, whose mean answer is part of the target;
    "@recipe" is the run of that recipe which lies beside this one's."""
    teachers_share: float = Field(default=0.5, ge=0, le=1)
    """How much of the target is the teachers' answer; the rest is the votes."""
    face: str = ""
    """A run, a file or "@recipe": the frozen net whose features are learnt instead of labels, by
    the convolutions alone (Ding et al. 2017, stage 1); "" learns labels."""
    face_net: str = ""
    """The net that the weights in `face` are of; "" where it is a run, which says so itself."""
    face_layer: str = ""
    """The face net's layer that is learnt."""
    norm: PositiveFloat = 2.0
    """p of the loss between the features, the sum of |ours - theirs| ** p."""
    auxiliary: Literal["", "imdbwiki"] = ""
    """A second set, whose genders and ages are learnt in alternate batches."""

    small_size: NonNegativeInt = 0
    """Side of the patch in the first `small_epochs`: a net with global pooling learns most of what
    it learns from smaller pictures, in a fraction of the time."""
    small_epochs: NonNegativeInt = 0
    mixup: NonNegativeFloat = 0.0
    """Alpha of the Beta distribution that pictures are mixed with (Zhang et al. 2018); 0: never."""

    @property
    def after(self) -> tuple[str, ...]:
        """The recipes whose runs it needs."""
        given = (self.face, self.weights, *self.teachers)
        named = (text[1:] for text in given if text.startswith(_AFTER))
        return tuple(dict.fromkeys(named))

    def override(self, changes: dict[str, str]) -> "Recipe":
        """Replace values by texts from the command line, checked and converted by their type.

        Raises:
            TrainError: unknown key (the nearest are named), or a value that does not fit.
        """
        return overridden(self, self.model_dump(), changes, "recipe")


def overridden(recipe: R, values: dict[str, Any], changes: dict[str, str], kind: str) -> R:
    """A recipe of any kind with some of its values replaced, as `Recipe.override` has it.

    Args:
        recipe: a pydantic model or a dataclass.
        values: all of its values.
        changes: by key, as texts.
        kind: what it is, for messages.

    Raises:
        TrainError: unknown key (the nearest are named), or a value that does not fit.
    """
    known = values.keys() - _FIXED
    for key in changes:
        if key not in known:
            raise TrainError(f"A {kind} has no value {key!r} to set. {nearest(key, known)}")
    try:
        return TypeAdapter(type(recipe)).validate_python({**values, **changes})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise TrainError(f"--set {key}={first['input']}: {first['msg']}.") from error


RECIPES: Registry[Recipe] = Registry("recipe")


def add_recipe(recipe: Recipe) -> Recipe:
    """Enter a recipe under its name and hand it back."""
    RECIPES.add(recipe.name, recipe)
    return recipe
