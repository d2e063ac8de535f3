"""Is a secret that was typed into `%cred` nowhere in IPython's memory or history file?"""

import sqlite3

import pytest

S = "hunter2-kanari"


def everywhere(ip):
    """All text IPython keeps of what was typed, the history file included."""
    manager = ip.history_manager
    manager.writeout_cache()
    rows = sqlite3.connect(manager.hist_file).execute("SELECT source, source_raw FROM history").fetchall()
    kept = [str(v) for k, v in ip.user_ns.items() if k.startswith("_i") or k in ("In", "_ih", "_dh", "_oh")]
    kept += manager.input_hist_raw + manager.input_hist_parsed + [manager._i00, manager._i, manager._ii, manager._iii]
    return "\n".join([*kept, *(text for row in rows for text in row)])


@pytest.mark.parametrize(
    "cell",
    [
        f"%cred add db --kind basic user=me password={S}",
        f"x = %cred add db --kind basic user=me password={S}",
        f"if True:\n    %cred add db --kind basic user=me password={S}",
        f"%cred add db --kind basic user=me \\\n   password={S}",
        f'%cred add db --kind basic user=me password="{S} with \'blank"',
        f"%cred add db --kind basic user=me --secret password={S}",
        f"%cred use db --token {S}",
        f"%%cred use db --token {S}\npass",
        f"a = 1\n%cred add db --kind basic password={S}\nb = 2",
        f"%cred add db --kind basic password={S}\nthis does not parse",
        f"%cred add db --kind basic password={S}\n1 / 0",
        f"cred add db --kind basic password={S}",
        f"!credmagic add db --kind basic password={S}",
    ],
)
def test_a_refused_value_is_kept_nowhere(cells, cell):
    cells("1")
    shown = cells(cell).shown
    cells("2")

    assert S not in everywhere(cells.ip)
    assert S not in shown


@pytest.mark.parametrize(
    "cell",
    [
        f"get_ipython().run_line_magic('cred', 'add db --kind basic user=me password={S}')",
        f"line = 'add db --kind basic user=me --password {S}'\nget_ipython().run_line_magic('cred', line)",
    ],
)
def test_a_value_that_code_hands_to_the_magic_is_kept_nowhere_either(cells, cell):
    """No line of the cell begins with `%cred`: only the refused words say what to look for."""
    cells("password = 'the word itself stays'")
    shown = cells(cell).shown
    cells("2")

    assert S not in everywhere(cells.ip)
    assert S not in shown
    assert "the word itself stays" in everywhere(cells.ip)


def test_the_safe_form_takes_its_place_and_the_cell_is_rewritten(cells):
    rewritten = []
    cells.ip.set_next_input = lambda text, replace=False: rewritten.append((text, replace))
    done = cells(f"a = 1\n%cred add db --kind basic user=me password={S}\nb = 2")

    safe = "a = 1\n%cred add db --kind basic user=me --secret password=prompt\nb = 2"
    assert done.success  # a cell that raises cannot be rewritten
    assert cells.ip.history_manager.input_hist_raw[-1] == safe
    assert rewritten == [(safe, True)]
    assert "Write instead: %cred add db --kind basic user=me --secret password=prompt" in done.shown


def test_a_cell_that_loaded_the_extension_itself_is_cleaned_afterwards(shell, capsys):
    ip = shell
    ip.run_cell(f"%load_ext credmagic\n%cred add db --kind basic user=me password={S}", store_history=True)
    ip.run_cell("1", store_history=True)

    assert S not in everywhere(ip)
    assert "--secret password=prompt" in ip.history_manager.input_hist_raw[1]


def test_rows_that_were_written_already_are_rewritten(shell, capsys):
    """The history thread may have flushed the cell before the magic ran."""
    ip = shell
    ip.run_cell("0", store_history=True)
    ip.history_manager.store_inputs(7, f"%cred add db password={S}", f"%cred add db password={S}")
    ip.history_manager.writeout_cache()
    ip.run_cell(f"%load_ext credmagic\n%cred add db --kind basic password={S}", store_history=True)

    assert S not in everywhere(ip)


@pytest.mark.parametrize(
    "cell",
    [
        "password = 'hunter2'",
        "# %cred add db password=x",
        "print('%cred add db password=x')",
        "%cred add db --kind basic user=me --secret password=env:PW",
        "%cred list --kind basic",
        "x = dict(password='%cred')",
        "%timeit -n1 -r1 f(password=1)",
    ],
)
def test_innocent_cells_are_stored_as_they_are(cells, cell):
    cells(cell)

    assert cells.ip.history_manager.input_hist_raw[-1] == cell


def test_a_vault_that_does_not_open_does_not_let_values_through(cells, home):
    """Which fields are secret is not known then: everything typed is dropped."""
    from credmagic import api

    (home / "data").mkdir(parents=True, exist_ok=True)
    api.close()
    (home / "data/credmagic.db").write_bytes(b"no database at all" * 100)
    cells(f"%cred add db --kind basic user=me password={S}")

    assert S not in everywhere(cells.ip)


@pytest.mark.parametrize(
    "cell",
    [
        f"1 / 0\n%cred add db --kind basic password={S}",
        f"%cred add db --kind basic password={S}\n1 / 0",
        f"%load_ext credmagic\n%cred add db --kind basic password={S}\n1 / 0",
    ],
)
def test_a_traceback_of_the_same_cell_does_not_show_it(shell, capsys, cell):
    """Tracebacks print the lines around an error, whether those ran or not."""
    if "load_ext" not in cell:
        shell.run_line_magic("load_ext", "credmagic")
    shell.run_cell(cell, store_history=True)
    out, err = capsys.readouterr()

    assert "ZeroDivisionError" in out + err
    assert S not in out + err
