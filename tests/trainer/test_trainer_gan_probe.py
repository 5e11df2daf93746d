import numpy as np
import pytest
from gan_fakes import people

from trainer.datasets.base import DROPPED
from trainer.errors import TrainError
from trainer.gan.probe import encoded, expressions_of, pixels, probe, probe_all

PERSONS = 8


@pytest.fixture
def faces():
    return people(count=PERSONS * 12, persons=PERSONS)


def telling(codes, noise=0.1, dimension=20):
    """Features that tell a code linearly."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(max(codes) + 1, dimension))
    return (centres[codes] + noise * rng.normal(size=(len(codes), dimension))).astype(np.float32)


def who(faces):
    return np.array([int(name.split()[1]) for name in faces.subjects])


def test_features_of_expression_alone(faces):
    features = telling(faces.labels)
    expression = probe("f", features, faces, "expression")
    assert expression.accuracy == expression.balanced == 1
    assert (expression.n, expression.classes, expression.dimension) == (96, 3, 20)
    assert expression.chance == pytest.approx(1 / 3)
    identity = probe("f", features, faces, "identity")
    assert identity.classes == PERSONS
    assert identity.chance == pytest.approx(1 / PERSONS)
    assert identity.accuracy < 0.3


def test_features_of_identity_alone(faces):
    features = telling(who(faces))
    assert probe("f", features, faces, "identity").accuracy == 1
    assert probe("f", features, faces, "expression").accuracy < 0.6


def test_knowing_a_person_does_not_help_with_their_expression():
    # Each person shows one expression only, so that whoever knows people knows expressions, too.
    faces = people(count=96, persons=12)
    faces.labels[:] = who(faces) % 3
    assert probe("f", telling(who(faces)), faces, "expression").accuracy < 0.7
    assert probe("f", telling(who(faces)), faces, "identity").accuracy == 1


def test_all_questions_of_all_features(faces):
    found = probe_all(faces, [("a", telling(faces.labels)), ("pixels", pixels(faces))])
    assert [(one.question, one.features) for one in found] == [
        ("identity", "a"),
        ("identity", "pixels"),
        ("expression", "a"),
        ("expression", "pixels"),
    ]
    assert found == probe_all(faces, [("a", telling(faces.labels)), ("pixels", pixels(faces))])


def test_who_and_what_cannot_be_asked_about(faces):
    faces.labels[0] = 7  # an expression of one person
    faces.labels[1] = DROPPED
    features = telling(faces.labels + 1)
    assert probe("f", features, faces, "expression").classes == 3
    assert probe("f", features, faces, "expression").n == 94
    assert expressions_of(faces)["contempt"] == 1
    few = people(count=12, persons=4)
    with pytest.raises(TrainError, match="A probe for identity needs two people with 4 pictures"):
        probe("f", features[:12], few, "identity")
    alone = people(count=12, persons=2)
    with pytest.raises(TrainError, match="needs two expressions with 4 people each"):
        probe("f", features[:12], alone, "expression")


def test_what_an_encoder_makes_of_faces(faces):
    found = encoded(lambda x: x.mean((1, 2)), faces)
    assert found.shape == (96, 16)
    assert found.dtype == np.float32
    assert np.allclose(found.mean(1), 0, atol=1e-5)  # patches are normalised
    assert pixels(faces).shape == (96, 256)
    assert np.allclose(pixels(faces).std(1), 1, atol=1e-3)
