"""Is a generated password what its policy promises, and drawn evenly?"""

from collections import Counter

import pytest

from credmagic.errors import InvalidCredential
from credmagic.vault.passwords import CLASSES, Policy, generate, has_run


def test_the_default_is_64_characters_that_survive_a_url():
    from urllib.parse import quote

    for _ in range(50):
        made = generate(Policy())
        assert len(made) == 64
        assert quote(made, safe="") == made


@pytest.mark.parametrize("classes", [("lower",), ("lower", "upper"), tuple(CLASSES)])
def test_every_class_is_there_and_nothing_else(classes):
    for _ in range(50):
        made = str.__str__(generate(Policy(24, classes)))
        assert all(any(c in CLASSES[name] for c in made) for name in classes)
        assert set(made) <= set("".join(CLASSES[name] for name in classes))


@pytest.mark.parametrize(("text", "is_run"), [("aaa", True), ("xabcx", True), ("321", True), ("aab", False), ("135", False), ("abab", False), ("ab", False)])
def test_a_run_is_three_equal_or_consecutive_characters(text, is_run):
    assert has_run(text) is is_run


def test_no_password_has_a_run():
    assert not any(has_run(generate(Policy(40, ("digits",)))) for _ in range(50))


def test_the_name_is_not_in_it_in_either_case():
    """With ten digits a name of three turns up in every fourth password, unless it is looked for."""
    made = [generate(Policy(64, ("digits",)), without=["805"]) for _ in range(60)]
    assert not any("805" in text for text in made)


def test_each_character_is_as_likely_as_the_policy_lets_it_be():
    """Over 32 000 characters each of 64 is expected 500 times, give or take 112 (five standard deviations).

    Only the two signs come up more often: a text without either of them, one in seven, does not meet the policy.
    """
    counts = Counter("".join(str.__str__(generate(Policy())) for _ in range(500)))
    assert len(counts) == 64
    signs = {sign: counts.pop(sign) for sign in "-_"}
    assert all(388 < count < 612 for count in counts.values())
    assert all(455 < count < 700 for count in signs.values())


def test_it_prints_as_its_mask():
    made = generate(Policy(), label="[db.password]")
    assert repr(made) == "[db.password]"


def test_a_policy_nothing_can_meet_says_so_in_time():
    with pytest.raises(InvalidCredential) as refused:
        generate(Policy(1024, ("digits",)))
    assert "length" in refused.value.errors
