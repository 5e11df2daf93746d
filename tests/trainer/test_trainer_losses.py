import pytest
import torch
from torch.nn import functional

from trainer.losses import batch_loss, batch_targets

VOTES = torch.tensor(
    [[0.5, 0.0, 0.0, 0.4, 0.1, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
)
LOGITS = torch.tensor([[1.0, 0, 0, 2.0, 0, 0, 0, 0], [0, 3.0, 0, 0, 0, 0, 0, 0]])


def targets(loss, chance=(0.0, 0.0)):
    return batch_targets(loss, VOTES, torch.tensor(chance))


def test_cross_entropy_keeps_the_votes():
    assert targets("cross_entropy") is VOTES
    expected = -(VOTES * functional.log_softmax(LOGITS, 1)).sum(1).mean()
    torch.testing.assert_close(batch_loss("cross_entropy", LOGITS, VOTES), expected)


def test_majority_is_the_class_with_the_most_votes():
    assert targets("majority").argmax(1).tolist() == [0, 1]
    assert targets("majority").sum() == 2


@pytest.mark.parametrize(
    ("chance", "drawn"), [(0.0, 0), (0.49, 0), (0.51, 3), (0.89, 3), (0.91, 4), (0.999999, 4)]
)
def test_probability_draws_by_the_votes(chance, drawn):
    assert targets("probability", (chance, chance)).argmax(1).tolist() == [drawn, 1]


def test_probability_draws_each_class_as_often_as_its_share():
    chance = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    drawn = batch_targets("probability", VOTES[:1].expand(20_000, 8), chance)
    torch.testing.assert_close(drawn.mean(0), VOTES[0], atol=0.02, rtol=0)


def test_multi_target_accepts_what_has_enough_votes_and_asks_for_the_likelier():
    accepted = targets("multi_target")
    assert accepted.tolist()[0] == [1, 0, 0, 1, 0, 0, 0, 0]
    log_p = functional.log_softmax(LOGITS, 1)
    torch.testing.assert_close(
        batch_loss("multi_target", LOGITS, accepted), -(log_p[0, 3] + log_p[1, 1]) / 2
    )


def test_multi_target_accepts_the_best_where_nothing_has_enough():
    even = torch.full((1, 8), 0.125)
    assert batch_targets("multi_target", even, torch.zeros(1)).sum() == 1


@pytest.mark.parametrize("loss", ["cross_entropy", "majority", "probability", "multi_target"])
def test_every_loss_can_be_learnt(loss):
    torch.manual_seed(0)
    logits = torch.zeros(2, 8, requires_grad=True)
    optimiser = torch.optim.SGD([logits], 0.5)
    goal = targets(loss, (0.6, 0.6))
    before = batch_loss(loss, logits, goal).item()
    for _ in range(20):
        optimiser.zero_grad()
        batch_loss(loss, logits, goal).backward()
        optimiser.step()
    assert batch_loss(loss, logits, goal).item() < before
    assert torch.isfinite(logits).all()
