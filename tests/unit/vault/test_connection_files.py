"""Does a connection survive the way through a file, and what is said about a file that is wrong?"""

from __future__ import annotations

import pytest

from credmagic.errors import CredmagicError, InvalidCredential

FULL = """spec_version: v1
kind: connection
app_id: my_app
resource: {component: knowledge, category: milvus}
environments:
  draft: {kind: basic, type: team, server_url: https://x.example, custom_config_entries: {retries: 3, on: yes}}
  live:
    kind: oauth_auth_on_behalf_of_flow
    type: member
    sso: true
    app_config: {header: {accept: json}}
    idp_config:
      header: {x: y}
      body: {requested_token_use: u, requested_token_type: t}
  test: {kind: api_key, type: member, name: X-Key}
"""


@pytest.mark.parametrize("format", ["yaml", "json"])
def test_a_connection_comes_back_as_it_was(act, format: str) -> None:
    act("connection_import", text=FULL)
    before = act("connection", app_id="my_app")["configurations"]
    text = act("connection_export", app_id="my_app", format=format)["text"]
    act("connection_remove", app_id="my_app")

    made = act("connection_import", text=text)

    assert made["created"]
    assert made["configurations"] == before
    assert made["resource"] == {"component": "knowledge", "category": "milvus"}
    assert act("connection_export", app_id="my_app", format=format)["text"] == text
    assert before[0]["custom_config_entries"] == {"retries": "3", "on": "yes"}


def test_importing_again_changes_and_keeps_the_credential(act) -> None:
    act("connection_import", text=FULL)
    act("connection_set_credentials", app_id="my_app", environment="draft",
        fields={"username": "u", "password": "secret-password"})  # fmt: skip

    again = act("connection_import", text=FULL.replace("x.example", "y.example"))

    draft = again["configurations"][0]
    assert not again["created"]
    assert (draft["server_url"], draft["credentials_entered"]) == ("https://y.example", True)
    assert "secret-password" not in act("connection_export", app_id="my_app")["text"]


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        (FULL.replace("kind: basic", "kind: [basic"), "line 6"),
        (FULL.replace("type: team", "typ: team"), "line 6, environments.draft.typ"),
        (FULL.replace("    type: member\n", ""), "line 7, environments.live.type"),
        (FULL.replace("    sso: true", "    sso: maybe"), "line 10, environments.live.sso"),
        (FULL.replace("    sso: true", "    kind: basic"), "line 10, kind"),
        (FULL.replace("app_id: my_app\n", ""), "line 1, app_id"),
        (FULL.replace("kind: connection", "kind: agent"), "line 2, kind"),
        (FULL.replace("resource: {component: knowledge, category: milvus}", "resource: 3"), "line 4, resource"),
        ("- a\n- b\n", "line 1"),
        ("", "line 1, kind"),
        ("a: &x 1\nb: *x\n", "file"),
        ("\tkind: x", "line 1"),
    ],
)
def test_a_wrong_file_is_placed_by_line_and_key(act, broken: str, place: str) -> None:
    with pytest.raises(InvalidCredential) as refused:
        act("connection_import", text=broken)

    assert place in refused.value.errors
    assert refused.value.next_step
    assert act("connections")["connections"] == []


def test_one_wrong_environment_undoes_the_whole_file(act) -> None:
    """The last of three is refused by its kind's rules, after two were written."""
    with pytest.raises(CredmagicError):
        act("connection_import", text=FULL.replace("kind: api_key, type: member", "kind: key_value, type: member"))

    assert act("connections")["connections"] == []
