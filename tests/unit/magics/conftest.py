"""An IPython shell of its own for each test, with a history file, and the extension loaded."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from credmagic import api


class Cells:
    """Runs cells in a shell and keeps what they showed."""

    def __init__(self, ip, capsys):
        self.ip = ip
        self._capsys = capsys

    def __call__(self, source):
        """Run one cell; its result (`.result`, `.error_in_exec`) and everything it wrote."""
        done = self.ip.run_cell(source, store_history=True)
        out, err = self._capsys.readouterr()
        done.shown = out + err
        return done


@pytest.fixture
def shell(home, tmp_path):
    config = Config()
    config.HistoryManager.hist_file = str(tmp_path / "history.sqlite")
    config.InteractiveShell.colors = "nocolor"
    InteractiveShell.clear_instance()
    ip = InteractiveShell.instance(config=config)
    yield ip
    ip.run_line_magic("unload_ext", "credmagic")
    ip.history_manager.end_session()
    InteractiveShell.clear_instance()
    api.close()


@pytest.fixture
def cells(shell, capsys):
    shell.run_line_magic("load_ext", "credmagic")
    return Cells(shell, capsys)


@pytest.fixture
def warehouse(cells, canary):
    """A stored credential of kind basic whose password is the canary."""
    fields = {"user": "ann", "password": canary}
    api.client().call("create", name="warehouse", kind="basic", fields=fields, environment="draft", verify=False)
    return canary
