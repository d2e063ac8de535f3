"""Does `%%cred use` give a cell what it asks for, and take all of it back?"""

import os


def test_variables_exist_in_the_cell_only(cells, warehouse):
    done = cells("%%cred use warehouse --export\nimport os\nseen = os.environ['WAREHOUSE_USER']")

    assert done.success
    assert cells.ip.user_ns["seen"] == "ann"
    assert "WAREHOUSE_USER" not in os.environ


def test_what_stood_there_before_is_restored(cells, warehouse, monkeypatch):
    monkeypatch.setenv("WAREHOUSE_USER", "before")
    cells.ip.user_ns["warehouse"] = "mine"
    cells("%%cred use warehouse --export\nimport os\nseen = os.environ['WAREHOUSE_USER']")
    cells("%%cred use warehouse\nuser = warehouse['user']")

    assert (cells.ip.user_ns["seen"], cells.ip.user_ns["user"]) == ("ann", "ann")
    assert os.environ["WAREHOUSE_USER"] == "before"
    assert cells.ip.user_ns["warehouse"] == "mine"


def test_a_cell_that_raises_still_gives_everything_back(cells, warehouse):
    """And it ends with its own error, so that Run All stops."""
    done = cells("%%cred use warehouse --export\n1 / 0")

    assert isinstance(done.error_in_exec, ZeroDivisionError)
    assert "WAREHOUSE_USER" not in os.environ
    assert warehouse not in done.shown


def test_a_cell_that_does_not_parse_uses_nothing(cells, warehouse):
    from credmagic import api

    before = len(api.client().call("audit")["events"])
    done = cells("%%cred use warehouse\nthis is no python")

    assert isinstance(done.error_in_exec or done.error_before_exec, SyntaxError)
    assert len(api.client().call("audit")["events"]) == before


def test_as_names_the_variable(cells, warehouse):
    cells("%%cred use warehouse as db\npw = db['user']")

    assert cells.ip.user_ns["pw"] == "ann"
    assert "db" not in cells.ip.user_ns


def test_several_credentials_in_one_cell(cells, warehouse):
    cells("%cred add lake --kind basic user=bob --secret password=env:HOME")
    cells(
        "%%cred use warehouse lake --export\nimport os\nboth = os.environ['WAREHOUSE_USER'] + os.environ['LAKE_USER']"
    )

    assert cells.ip.user_ns["both"] == "annbob"
    assert "one NAME" in cells("%%cred use warehouse lake as x\npass").shown


def test_the_last_expression_is_displayed_and_magics_work_inside(cells, warehouse):
    shown = cells("%%cred use warehouse as db\n%cred environment\ndb['user'] + '!'").shown

    assert "draft" in shown
    assert "ann!" in shown


def test_names_defined_in_the_cell_stay(cells, warehouse):
    cells("%%cred use warehouse as db\ndef f():\n    return 41\nx = f() + 1")

    assert cells.ip.user_ns["x"] == 42


def test_only_use_takes_a_cell(cells):
    assert "only `use` takes a cell" in cells("%%cred show x\npass").shown


# ── cells that await ─────────────────────────────────────────────────────────────────────────────────────────
SLEEPING = "import asyncio, os\n"


def test_a_cell_may_await(cells, warehouse):
    done = cells(
        f"%%cred use warehouse --export\n{SLEEPING}await asyncio.sleep(0)\nseen = os.environ['WAREHOUSE_USER']\n"
        "async def answer():\n    return seen + '!'\nawait answer()"
    )

    assert done.success
    assert cells.ip.user_ns["seen"] == "ann"
    assert "ann!" in done.shown
    assert "WAREHOUSE_USER" not in os.environ
    assert warehouse not in done.shown


def test_what_an_awaiting_cell_raises_takes_everything_back(cells, warehouse):
    done = cells(f"%%cred use warehouse --export\n{SLEEPING}await asyncio.sleep(0)\n1 / 0")

    assert isinstance(done.error_in_exec, ZeroDivisionError)
    assert "WAREHOUSE_USER" not in os.environ


def test_async_with_and_for_are_awaited_and_what_stands_in_functions_is_not(cells, warehouse):
    cells(
        f"%%cred use warehouse as db\n{SLEEPING}async def three():\n    for n in range(3):\n        yield n\n"
        "total = 0\nasync for n in three():\n    total += n\nuser = db['user']"
    )
    plain = cells("%%cred use warehouse as db\nasync def later():\n    await later()\nname = db['user']")

    assert (cells.ip.user_ns["total"], cells.ip.user_ns["user"], cells.ip.user_ns["name"]) == (3, "ann", "ann")
    assert plain.success


def test_an_awaiting_cell_asks_for_help_or_is_refused_as_any_other(cells, warehouse):
    assert cells("%%cred use --help\nawait nothing()").success
    assert "no credential" in cells(f"%%cred use nothing-of-that-name\n{SLEEPING}await asyncio.sleep(0)").shown


def test_without_autoawait_an_await_is_a_mistake_as_in_any_cell(cells, warehouse):
    cells("%autoawait off")

    done = cells(f"%%cred use warehouse\n{SLEEPING}await asyncio.sleep(0)")

    assert isinstance(done.error_in_exec or done.error_before_exec, SyntaxError)
    cells("%autoawait asyncio")


def test_unloading_leaves_no_transformer(cells):
    before = len(cells.ip.input_transformers_cleanup)
    cells("%unload_ext credmagic")

    assert len(cells.ip.input_transformers_cleanup) == before - 3
