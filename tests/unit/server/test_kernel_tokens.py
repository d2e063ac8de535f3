"""Tokens: one a kernel, never kept as they are, void when they should be."""

import pytest

from credmagic.errors import NotSignedIn
from credmagic.server.tokens import KernelTokens


def test_a_token_leads_to_its_kernel():
    tokens = KernelTokens()
    first, second = tokens.issue("k1"), tokens.issue("k2")

    assert (tokens.kernel_of(first), tokens.kernel_of(second)) == ("k1", "k2")
    assert len(first) >= 43


def test_a_new_launch_voids_the_token_before():
    tokens = KernelTokens()
    old = tokens.issue("k1")
    tokens.issue("k1")

    with pytest.raises(NotSignedIn):
        tokens.kernel_of(old)


@pytest.mark.parametrize("token", ["", "x", "é", "\udcff", "a" * 100_000])
def test_a_foreign_token_is_refused_in_always_the_same_words(token):
    tokens = KernelTokens()
    tokens.issue("k1")

    with pytest.raises(NotSignedIn) as error:
        tokens.kernel_of(token)

    assert error.value.code == "kernel_unknown"
    assert error.value.message == "the server does not know this kernel (any more)"


def test_revoking_one_leaves_the_others_and_revoking_all_leaves_none():
    tokens = KernelTokens()
    first, second = tokens.issue("k1"), tokens.issue("k2")
    tokens.revoke("k1")
    tokens.revoke("k1")
    assert tokens.kernel_of(second) == "k2"
    with pytest.raises(NotSignedIn):
        tokens.kernel_of(first)

    tokens.revoke_all()

    assert len(tokens) == 0


def test_the_token_itself_is_not_kept():
    tokens = KernelTokens()
    token = tokens.issue("k1")

    assert token not in repr(vars(tokens))
    assert token.encode() not in tokens._digests.values()
