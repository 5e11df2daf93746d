import signal

import numpy as np
import pytest
import torch
from dataset_trees import drawing, save
from dataset_trees_b import save_mat, wiki_struct
from small_nets import SmallNet, register
from torch import nn
from torch.nn import functional

from trainer import fit as fit_module
from trainer.datasets.base import Faces
from trainer.errors import StoppedError, TrainError
from trainer.fit import fit, new_state
from trainer.multitask import (
    Auxiliary,
    auxiliary_loss,
    auxiliary_net,
    check_auxiliary,
    check_wish,
    load_auxiliary,
)
from trainer.nets import build_net, parameter_count
from trainer.parallel import Team
from trainer.predict import load_run
from trainer.recipes import RECIPES
from trainer.runs import RunFolder

NAN = float("nan")
PEOPLE = 20


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small layers: threads that wait for each other on a busy machine cost more than all."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class SmallTasks(SmallNet):
    def __init__(self, *, size, dropout):
        super().__init__(size=size, dropout=dropout)
        self.gender, self.age = nn.Linear(8, 2), nn.Linear(8, 1)

    def auxiliary(self, x):
        shared = self.features(x, "pool")
        return self.gender(shared), 50 + 50 * self.age(shared)[:, 0]


@pytest.fixture
def recipe(monkeypatch):
    register(monkeypatch, "small-tasks", SmallTasks)
    changes = {"net": "small-tasks", "epochs": "2", "batch": "8", "ema_decay": "0.9"}
    return RECIPES.get("kyritsis-multitask").override(changes)


@pytest.fixture(scope="module")
def people():
    """Two faces a person; the women are dark, the men bright, and the older have more contrast."""
    rng = np.random.default_rng(3)
    gender, age = np.arange(PEOPLE) % 2, np.linspace(20, 60, PEOPLE)
    images = (
        rng.normal(0, 20, (2 * PEOPLE, 48, 48)) + 60 + 120 * np.repeat(gender, 2)[:, None, None]
    )
    gender, age = np.repeat(gender, 2).astype(np.int64), np.repeat(age, 2).astype(np.float32)
    gender[3], age[4] = -1, NAN
    gender[5], age[5] = -1, NAN
    return Faces(
        "imdbwiki",
        "train",
        images.clip(0, 255).astype(np.uint8),
        np.full(2 * PEOPLE, -1),
        tuple(f"wiki/{i}.jpg" for i in range(2 * PEOPLE)),
        subjects=tuple(f"person {i // 2}" for i in range(2 * PEOPLE)),
        gender=gender,
        age=age,
    )


def last(folder):
    return torch.load(folder / "last.pt", weights_only=True)


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        keys = one.keys() - {"images_per_second", "seconds", "recipe"}
        return all(same(one[key], other[key]) for key in keys)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


# The net


def test_the_way_to_the_expression_is_the_custom_vgg13():
    torch.manual_seed(0)
    plain = build_net("custom-vgg13", size=48, dropout=0.5).eval()
    torch.manual_seed(0)
    net = build_net("multitask-vgg13", size=48, dropout=0.5).eval()
    x = torch.randn(3, 1, 48, 48)
    with torch.inference_mode():
        assert torch.equal(net(x), plain(x))
        gender, age = net.auxiliary(x)
    assert (gender.shape, age.shape) == ((3, 2), (3,))
    assert 0 < float((age - 50).abs().max()) < 100
    hidden = (3 * 3 * 256 * 1024 + 1024) + (1024 * 1024 + 1024)
    branches = 2 * hidden + (1024 * 2 + 2) + (1024 + 1)
    assert parameter_count(net) == parameter_count(plain) + branches


def test_each_task_moves_the_trunk_and_its_own_branch():
    net = build_net("multitask-vgg13", size=16, dropout=0.0)
    x = torch.randn(2, 1, 16, 16)
    net(x).logsumexp(1).sum().backward()
    moved = {key.split(".")[0] for key, p in net.named_parameters() if p.grad is not None}
    assert moved == {"features", "classifier"}
    net.zero_grad()
    gender, age = net.auxiliary(x)
    auxiliary_loss(gender, age, torch.tensor([0, 1]), torch.tensor([30.0, 60.0])).backward()
    moved = {key.split(".")[0] for key, p in net.named_parameters() if p.grad is not None}
    assert moved == {"features", "gender", "age"}
    assert net.features[0].weight.grad.abs().max() > 0


# The loss


def test_unknown_genders_and_ages_do_not_count():
    gender, age = torch.randn(4, 2), torch.tensor([20.0, 30.0, 40.0, 90.0])
    loss = auxiliary_loss(
        gender, age, torch.tensor([1, -1, 0, -1]), torch.tensor([NAN, 35.0, NAN, 15.0])
    )
    known = functional.cross_entropy(gender[[0, 2]], torch.tensor([1, 0]))
    # in units of 50 years: 0.1 is below 1, so squared and halved; 1.5 is above, so less a half
    years = (0.5 * 0.1**2 + (1.5 - 0.5)) / 2
    assert float(loss) == pytest.approx(float(known) + years)


def test_a_batch_of_which_nothing_is_known_moves_nothing():
    gender, age = torch.randn(2, 2, requires_grad=True), torch.randn(2, requires_grad=True)
    loss = auxiliary_loss(gender, age, torch.tensor([-1, -1]), torch.tensor([NAN, NAN]))
    loss.backward()
    assert float(loss.detach()) == 0
    assert gender.grad.abs().max() == age.grad.abs().max() == 0


# The second set


def test_a_tenth_of_the_people_is_held_out(people, recipe):
    second = Auxiliary(people, recipe)
    known = 2 * PEOPLE - 1  # of one face nothing is known
    held = known - len(second)
    assert held in (3, 4)  # two of twenty people
    figures = second.figures(SmallTasks(size=48, dropout=0.0))
    assert figures.faces == held
    assert figures.genders in (held, held - 1)
    assert 0 <= figures.gender_accuracy <= 1
    assert figures.age_error >= 0
    assert len(Auxiliary(people, recipe.override({"seed": "5"}))) == len(second)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.pick(np.array([5])), "no gender or age of two people .* 0 of its 1 faces"),
        (lambda f: f.pick(np.array([0, 1])), "no gender or age of two people .* 2 of its 2 faces"),
    ],
)
def test_too_few_people(people, recipe, change, message):
    with pytest.raises(TrainError, match=message):
        Auxiliary(change(people), recipe)


def test_patches_of_another_size(people, recipe):
    with pytest.raises(TrainError, match="size is 96, but the images of imdbwiki are 48 wide"):
        Auxiliary(people, recipe.override({"size": "96"}))


def test_a_path_is_given_where_it_is_asked_for(recipe, tmp_path):
    with pytest.raises(TrainError, match=r"kyritsis-multitask learns gender .* --auxiliary PATH"):
        check_wish(recipe, None)
    plain = RECIPES.get("khorrami2015-ferplus")
    with pytest.raises(TrainError, match="learns from one set; leave --auxiliary out"):
        load_auxiliary(plain, tmp_path)
    assert load_auxiliary(plain, None) is None


def test_trainings_that_cannot_be_multi_task(recipe, people):
    second, net = Auxiliary(people, recipe), SmallTasks(size=48, dropout=0.0)
    check_auxiliary(recipe, second, net, Team())
    with pytest.raises(TrainError, match="kyritsis-multitask needs imdbwiki"):
        check_auxiliary(recipe, None, net, Team())
    with pytest.raises(TrainError, match="khorrami2015-ferplus takes no second set"):
        check_auxiliary(RECIPES.get("khorrami2015-ferplus"), second, net, Team())
    with pytest.raises(TrainError, match="one process, not by several"):
        check_auxiliary(recipe, second, net, Team(0, 2))
    with pytest.raises(TrainError, match="knows nothing of gender and age"):
        auxiliary_net(SmallNet(size=48, dropout=0.0))


# Training


def test_a_step_moves_all_but_the_expressions(recipe, people):
    state = new_state(recipe, torch.device("cpu"))
    before = {key: value.clone() for key, value in state.net.state_dict().items()}
    loss = Auxiliary(people, recipe).step(state, recipe)
    assert float(loss) > 0
    assert not loss.requires_grad
    moved = {key for key, value in state.net.state_dict().items() if not value.equal(before[key])}
    assert {"conv1.weight", "gender.weight", "age.weight"} <= moved
    assert not moved & {"fc.weight", "fc.bias"}
    assert state.step == 0  # of which the learning rate is a function


def test_gender_is_learnt_from_pictures_that_show_it(recipe, people):
    stripes = people.images.copy()
    stripes[people.gender == 1, ::2] //= 4
    second = Auxiliary(
        Faces(**{**{k: getattr(people, k) for k in people.__slots__}, "images": stripes}),
        recipe.override({"rotation_deg": "0", "scale": "0", "translation": "0"}),
    )
    state = new_state(recipe.override({"lr": "0.1"}), torch.device("cpu"))
    state.net.train()
    for group in state.optimiser.param_groups:
        group["lr"] = 0.1
    losses = [float(second.step(state, recipe)) for _ in range(80)]
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
    assert second.figures(state.net).gender_accuracy == 1.0


def test_multi_task_resumes_bit_for_bit(recipe, parts, people, tmp_path, monkeypatch):
    second = Auxiliary(people, recipe)
    rows = fit(recipe, *parts, RunFolder(tmp_path / "whole"), data=tmp_path, auxiliary=second)
    assert len(rows) == 2
    whole = last(tmp_path / "whole")
    fresh = new_state(recipe, torch.device("cpu")).net.state_dict()
    assert not torch.equal(whole["net"]["gender.weight"], fresh["gender.weight"])
    assert not torch.equal(whole["ema"]["age.weight"], fresh["age.weight"])
    step, taken = fit_module.train_step, []

    def interrupted(*args):
        taken.append(1)
        if len(taken) == 7:
            signal.raise_signal(signal.SIGINT)
        return step(*args)

    monkeypatch.setattr(fit_module, "train_step", interrupted)
    broken = RunFolder(tmp_path / "broken")
    with pytest.raises(StoppedError):
        fit(recipe, *parts, broken, data=tmp_path, auxiliary=second)
    fit(recipe, *parts, broken, data=tmp_path, auxiliary=Auxiliary(people, recipe), resume=True)
    assert same(whole, last(tmp_path / "broken"))
    net = load_run(broken)[0]
    assert second.figures(net) == second.figures(load_run(RunFolder(tmp_path / "whole"))[0])


# The command line


def wiki(folder, genders=True):
    """Ten people in IMDB-WIKI's layout."""
    rows = []
    for i in range(10):
        name = f"01/{i}_1970-01-01_2000.jpg"
        gender = float(i % 2) if genders else NAN
        rows.append((name, 719529.0 + 365 * i, 2000, gender, f"Person {i}", 3.0, NAN))
        save(folder / name, drawing(i, 40))
    save_mat(folder / "wiki.mat", {"wiki": wiki_struct(rows)})
    return folder


def test_train_with_a_second_set(command, tree, tmp_path, recipe):
    start = ["train", "kyritsis-multitask", "-d", tree, "--run", tmp_path / "run"]
    start += ["--set", "net=small-tasks", "--set", "epochs=1", "--set", "batch=8"]
    code, _, err = command(*start)
    assert code == 2
    assert "--auxiliary PATH" in err
    assert not (tmp_path / "run").exists()
    code, out, _ = command(*start, "--auxiliary", wiki(tmp_path / "wiki_crop"))
    assert code == 0
    assert "people held out of the second set, n = 1: gender right" in out
    net, read, _ = load_run(RunFolder(tmp_path / "run"))
    assert read.auxiliary == "imdbwiki"
    assert isinstance(net, SmallTasks)


def test_a_second_set_where_none_is_asked_for(command, tree, tmp_path):
    result = command(
        "train", "khorrami2015-ferplus", "-d", tree, "--run", tmp_path / "r", "--auxiliary", "x"
    )
    assert result[0] == 2
    assert "leave --auxiliary out" in result[2]


def test_the_recipe_is_the_thesis_s():
    recipe = RECIPES.get("kyritsis-multitask")
    assert (recipe.table, recipe.published) == ("kyritsis/table7.3", 0.852)
    scratch = RECIPES.get("kyritsis-custom-vgg13")
    differing = {
        key
        for key, value in recipe.model_dump().items()
        if value != getattr(scratch, key) and key not in ("name", "title", "table", "published")
    }
    assert differing == {"net", "auxiliary"}
