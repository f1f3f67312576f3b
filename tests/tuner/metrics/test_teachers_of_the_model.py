"""Who taught the shipped model is told the same everywhere."""

from tuner.answer.traits import COMPARED
from tuner.metrics.teachers import TAUGHT_THE_MODEL
from tuner.model.scorer import SHIPPED_WEIGHTS, WeightsFacts, weights_facts


def test_the_shipped_weights_name_their_teachers() -> None:
    """And the kinds of sound that they were taught on."""
    facts = weights_facts(str(SHIPPED_WEIGHTS))
    assert set(facts.learned_from) == TAUGHT_THE_MODEL
    assert facts.taught.keys() == set(COMPARED)
    assert 0 <= facts.width_underrated <= 1


def test_facts_travel_in_metadata() -> None:
    """What was written reads back; a file without them has none."""
    facts = WeightsFacts(0.25, ("a", "b"), {"crest_db": (1.0, 2.0)})
    assert WeightsFacts.from_metadata(facts.to_metadata()) == facts
    assert WeightsFacts.from_metadata({"format": "pt"}) == WeightsFacts()
