"""Rotation seen by a running kernel: on the next use, by `refresh`, by `%cred reload`; and what a cell may not do."""

import os

import pytest

from credmagic import api
from credmagic.errors import CredmagicError


@pytest.fixture
def rotated(cells, warehouse):
    """Gives the credential of the notebook new values, as another process would."""

    def rotate(password="second-long-one", **more):
        return api.client().call("rotate", ref="warehouse", fields={"password": password}, **more)

    return rotate


def test_the_next_use_and_refresh_see_a_rotation(cells, warehouse, rotated):
    cells("a = %cred use warehouse")
    rotated()
    cells("b = %cred use warehouse")
    a, b = cells.ip.user_ns["a"], cells.ip.user_ns["b"]

    assert (a["password"], b["password"]) == (warehouse, "second-long-one")
    assert a.refresh() is a
    assert (a["password"], a.version) == ("second-long-one", 2)


def test_reload_gives_exported_variables_their_new_values(cells, warehouse, rotated):
    cells("%cred use warehouse --export --prefix WH")
    rotated()
    assert os.environ["WH_PASSWORD"] == warehouse
    shown = cells("%cred reload").shown

    assert os.environ["WH_PASSWORD"] == "second-long-one"
    assert "version 1 → 2" in shown
    assert "WH_PASSWORD" in shown
    assert "second-long-one" not in shown
    cells("%unload_ext credmagic")
    assert "WH_PASSWORD" not in os.environ


def test_reload_takes_back_what_is_not_handed_out_any_more(cells, warehouse):
    cells("%cred use warehouse --export")
    cells("%cred pause warehouse")
    shown = cells("%cred reload").shown

    assert "WAREHOUSE_PASSWORD" not in os.environ
    assert "paused" in shown
    assert "Nothing is injected" in cells("%cred reload").shown


def test_a_pinned_version_stays_pinned(cells, warehouse, rotated):
    cells("%cred use warehouse --version 1 --export")
    rotated()
    assert "still version 1" in cells("%cred reload").shown
    assert os.environ["WAREHOUSE_PASSWORD"] == warehouse


def test_what_was_set_before_is_restored_after_a_reload(cells, warehouse, rotated, monkeypatch):
    monkeypatch.setenv("WAREHOUSE_USER", "mine")
    cells("%cred use warehouse --export")
    rotated()
    cells("%cred reload")
    cells("%unload_ext credmagic")
    assert os.environ["WAREHOUSE_USER"] == "mine"


def test_a_generated_value_is_never_an_output(cells, warehouse):
    """Plain IPython has no widget to open it: refused before anything changes."""
    done = cells("%cred rotate warehouse --generate")

    assert isinstance(done.error_in_exec, CredmagicError)
    assert "--out FILE" in done.shown
    assert api.use("warehouse").version == 1


def test_a_generated_value_may_go_into_a_private_file(cells, warehouse, tmp_path):
    shown = cells(f"%cred rotate warehouse --generate --out {tmp_path / 'value'}").shown
    made = (tmp_path / "value").read_text()

    assert api.use("warehouse")["password"] == made
    assert made not in shown


def test_a_picture_is_displayed_with_its_words(cells, warehouse):
    api.client().call("attach", ref="warehouse", object_type="batch_job", object_id="nightly")
    shown = []
    cells.ip.display_pub.publish = lambda data, *args, **kwargs: shown.append(data)
    cells("%cred uses warehouse --graph")

    assert shown[0]["text/vnd.mermaid"].startswith("flowchart LR")
    assert "batch_job nightly" in shown[0]["text/plain"]


@pytest.mark.parametrize("verb", ["guard warehouse on", "grant warehouse notebook a", "revoke warehouse notebook a"])
def test_what_a_terminal_decides_is_refused_in_a_cell(cells, warehouse, verb):
    assert f"credmagic {verb.split()[0]}" in cells(f"%cred {verb}").shown
    assert api.client().call("show", ref="warehouse")["guarded"] is False


def test_an_environment_may_have_any_name_and_a_strange_one_is_said(cells, warehouse, monkeypatch):
    monkeypatch.setenv("CREDMAGIC_ENVIRONMENT", "draft")
    fields = {"user": "s", "password": "staging-secret"}
    api.client().call("create", name="warehouse", kind="basic", fields=fields, environment="staging")

    assert "Did you mean staging?" in cells("%cred environment stagin").shown
    assert cells("%cred environment staging").shown.strip() == "staging"
    cells("x = %cred use warehouse")
    assert (cells.ip.user_ns["x"]["user"], api.use("warehouse")["user"]) == ("s", "s")
    assert "staging" in cells("%cred").shown
    monkeypatch.setenv("CREDMAGIC_ENVIRONMENTS", "qa, prod")
    assert cells("%cred environment qa").shown.strip() == "qa"
    assert isinstance(cells('%cred environment "a b"').error_in_exec, CredmagicError)


def test_verify_all_is_a_table(cells, warehouse):
    shown = cells("%cred verify --all").shown
    assert "not verifiable" in shown
    assert "warehouse" in shown
