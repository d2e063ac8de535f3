"""Does `%cred` work as a line, as an expression and for one cell?"""

import os

import pytest

from credmagic import api
from credmagic.errors import CredentialNotFound, InvalidCredential, NotUsable


def test_use_is_an_expression_and_a_quiet_masked_line(cells, warehouse):
    assert cells("db = %cred use warehouse").shown == ""
    shown = cells("%cred use warehouse").shown

    assert cells.ip.user_ns["db"]["password"] == warehouse
    assert "password=[warehouse.password]" in shown
    assert warehouse not in shown


def test_as_binds_a_variable(cells, warehouse):
    cells("%cred use warehouse as wh")

    assert cells.ip.user_ns["wh"]["user"] == "ann"


def test_as_never_hides_a_builtin(cells, warehouse):
    assert isinstance(cells("%cred use warehouse as list").error_in_exec, InvalidCredential)


def test_the_fast_path_and_the_full_one_agree(cells, warehouse):
    cells("a = %cred use warehouse")
    cells("b = %cred use warehouse --env draft")
    cells("c = %cred use warehouse --version 1")
    cells('d = %cred use "warehouse"')

    found = [cells.ip.user_ns[name] for name in "abcd"]
    assert len({(c.id, c.version, c["password"]) for c in found}) == 1


def test_errors_end_the_cell_in_three_lines_without_a_stack(cells):
    done = cells("%cred use warehose")

    assert isinstance(done.error_in_exec, CredentialNotFound)
    assert "Traceback" not in done.shown
    assert len(done.shown.strip().splitlines()) <= 3


def test_a_variable_stands_for_a_name_and_for_public_fields_only(cells, monkeypatch):
    monkeypatch.setenv("PW", "some-long-secret")
    cells("who = 'ann'; n = 'lake'")
    cells("%cred add $n --kind basic user=$who --secret password=env:PW")
    cells("x = %cred use $n")

    assert cells.ip.user_ns["x"]["user"] == "ann"
    assert "there is no variable" in cells("%cred use $nosuch").shown


def test_a_secret_variable_does_not_become_a_public_field(cells, warehouse):
    cells("db = %cred use warehouse\npw = db['password']")
    done = cells("%cred add copy --kind basic user=$pw --secret password=var:pw")

    assert isinstance(done.error_in_exec, InvalidCredential)
    assert warehouse not in done.shown


def test_a_secret_is_taken_from_a_variable_by_reference(cells, canary):
    cells.ip.user_ns["pw"] = canary
    cells("%cred add lake --kind basic user=ann --secret password=var:pw")

    assert api.use("lake")["password"] == canary


def test_export_lasts_until_the_extension_goes(cells, warehouse):
    shown = cells("%cred use warehouse --export").shown
    assert os.environ["WAREHOUSE_PASSWORD"] == warehouse
    cells("%cred use warehouse --export --prefix WH")
    assert "WAREHOUSE_PASSWORD" not in os.environ
    assert os.environ["WH_PASSWORD"] == warehouse
    cells("%unload_ext credmagic")

    assert "WH_PASSWORD" not in os.environ
    assert "WAREHOUSE_PASSWORD" in shown
    assert warehouse not in shown


def test_environment_is_changed_for_this_kernel(cells, warehouse, monkeypatch):
    monkeypatch.setenv("CREDMAGIC_ENVIRONMENT", "draft")
    assert cells("%cred environment live").shown.strip() == "live"
    assert isinstance(cells("%cred use warehouse").error_in_exec, CredentialNotFound)
    cells("%cred environment draft")

    assert cells("x = %cred use warehouse").success


def test_json_is_returned_so_that_it_can_be_kept(cells, warehouse):
    assert cells("found = %cred list --json").shown == ""

    assert cells.ip.user_ns["found"]["credentials"][0]["name"] == "warehouse"
    assert '"name": "warehouse"' in cells("found").shown


@pytest.mark.parametrize("verb", ["run", "protect", "recovery-key", "demo"])
def test_verbs_of_the_shell_say_where_they_live(cells, verb):
    shown = cells(f"%cred {verb} x").shown

    assert f"credmagic {verb}" in shown


@pytest.mark.parametrize("line", ["%cred?", "%cred use?", "%cred recovery-key?", "%cred use --help", "  %cred add ?"])
def test_a_question_mark_is_answered_with_the_help_of_the_verb(cells, line):
    assert "Usage: %cred" in cells(line).shown


def test_every_verb_has_help(cells):
    from credmagic.cli.tree import tree

    for verb in tree.commands:
        shown = cells(f"%cred {verb}?").shown
        assert f"%cred {verb}" in shown, verb


def test_a_use_under_an_open_form_says_that_it_waits(cells, warehouse, monkeypatch):
    import credmagic.forms

    monkeypatch.setattr(credmagic.forms, "open_forms", lambda: {"Reporting", "Warehouse"})
    for line in ("x = %cred use reporting", "x = %cred use reporting --env draft", "%%cred use reporting\npass"):
        error = cells(line).error_in_exec
        assert isinstance(error, NotUsable)
        assert error.code == "form_open"
    assert cells("x = %cred use warehouse").success  # it exists: an open form of that name takes nothing away


def test_unload_takes_everything_back(cells):
    ip = cells.ip
    cells("%unload_ext credmagic")

    assert "cred" not in ip.magics_manager.magics["line"]
    assert "cred" not in ip.magics_manager.magics["cell"]
    assert "store_inputs" not in ip.history_manager.__dict__ or not hasattr(
        ip.history_manager.store_inputs, "__wrapped__"
    )
    assert [m for m in ip.Completer.custom_matchers if "cred" in m.__qualname__] == []
    assert [t for t in ip.input_transformers_cleanup if "credmagic" in t.__module__] == []


def test_loading_again_takes_nothing_back(cells, warehouse):
    """The start-up file has loaded it before the notebook's own %load_ext runs."""
    import os

    import credmagic

    cells("%cred use warehouse --export")
    names = {name for name in os.environ if name.startswith("WAREHOUSE")}
    credmagic.load_ipython_extension(cells.ip)

    assert names
    assert names <= os.environ.keys()


def test_loading_twice_is_loading_once(cells, warehouse):
    cells("%reload_ext credmagic")
    ip = cells.ip

    assert len([m for m in ip.Completer.custom_matchers if "cred" in m.__qualname__]) == 1
    assert cells("x = %cred use warehouse").success
