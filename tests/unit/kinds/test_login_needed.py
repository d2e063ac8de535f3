"""Nobody has signed in yet: told from public fields and the names of secret ones alone."""

import pytest

from credmagic.kinds.signing_in import awaits_sign_in

APPLICATION = {"client_id": "a", "token_url": "https://login.example.org/token", "authorization_url": "https://login.example.org/auth"}


@pytest.mark.parametrize(
    ("kind", "public", "secrets", "needed"),
    [
        ("oauth", APPLICATION, ["client_secret"], True),
        ("oauth", APPLICATION, ["client_secret", "refresh_token"], False),
        ("oauth", APPLICATION, ["token"], False),
        ("oauth", {}, ["token"], False),
        ("adls_gen2_oauth", {"client_id": "a", "oauth_scopes": ["s"]}, ["client_secret"], True),
        ("adls_gen2_oauth", {"oauth_scopes": ["s"], "config_id": "1"}, [], False),  # the lender says where
        ("basic", {"user": "ada"}, ["password"], False),
        ("damaged", {}, [], False),
    ],
)
def test_it_is_needed_where_fields_say_so_and_nothing_came_yet(kind, public, secrets, needed):
    assert awaits_sign_in(kind, 1, public, secrets) is needed
