"""`--wxo` in a cell: variables appear, stay as long as they should, and follow a rotation."""

import os

import pytest

from credmagic import api


def wxo() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key.startswith("WXO_")}


@pytest.fixture
def app(cells):
    call = api.client().call
    for name, kind in (("my-app", "basic"), ("my", "key_value")):
        call("connection_add", app_id=name)
        call("connection_configure", app_id=name, environment="draft", kind=kind, sharing="team")
    call(
        "connection_set_credentials", app_id="my-app", environment="draft", fields={"user": "u", "password": "pw-12345"}
    )
    call("connection_set_credentials", app_id="my", environment="draft", fields={"A": "1234"})
    return cells


def test_it_stays_and_is_refreshed(app) -> None:
    call = api.client().call
    assert "WXO_CONNECTION_my_app_password" in app("%cred use my-app --wxo").shown
    assert wxo()["WXO_CONNECTION_my_app_password"] == "pw-12345"
    call("connection_set_credentials", app_id="my-app", environment="draft", fields={"password": "pw-67890"})

    app("%cred reload")

    assert wxo()["WXO_CONNECTION_my_app_password"] == "pw-67890"
    assert "taken for those" in app("%cred use my --wxo").shown
    call("pause", ref="my-app", environment="draft")
    app("%cred reload")
    assert wxo() == {}


def test_in_a_cell_it_is_gone_at_the_end_also_after_an_error(app) -> None:
    for end in ("", "; 1/0"):
        app("%%cred use my-app --wxo\nimport os; seen = sorted(k for k in os.environ if k.startswith('WXO_'))" + end)
        assert app("seen").result[-1] == "WXO_SECURITY_SCHEMA_my_app"
        assert wxo() == {}


def test_a_typed_secret_leaves_history_and_is_not_shown(app) -> None:
    done = app("%cred connection set-credentials -a my-app --password hunter2hunter2")

    assert "hunter2" not in done.shown
    assert "--password prompt" in done.shown
    assert "hunter2" not in repr(app.ip.history_manager.input_hist_raw)


def test_a_made_password_is_never_in_an_output(app) -> None:
    done = app("%cred machine add")

    assert "--out FILE" in done.shown
    assert api.client().call("machines")["machines"] == []
