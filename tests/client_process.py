"""How does a test talk to an unmodified client that lives in a virtual environment of its own?

A driver script runs there and keeps running: one JSON request a line in, one JSON answer a line out. So the client is
imported once, and the test stays readable.
"""

import json
import os
import subprocess
from pathlib import Path

from credmagic.testing.fixtures import require

DRIVERS = Path(__file__).parent / "integration" / "clients"


def python_of(client):
    """The interpreter of that client's environment (`CREDMAGIC_TEST_{CLIENT}_PYTHON`); skips where there is none."""
    python = os.environ.get(f"CREDMAGIC_TEST_{client.upper()}_PYTHON", "")
    require(f"the real {client} client (CREDMAGIC_TEST_{client.upper()}_PYTHON)", python and Path(python).exists())
    return python


def alone(home, **variables):
    """An environment with a home of its own and nothing of this process but what finds programs and words."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", **variables}


class ClientProcess:
    """A driver at work. `ask` answers what the driver answered: `{"ok": …}` or `{"error": class, …}`."""

    def __init__(self, client, home, **variables):
        self._process = subprocess.Popen(
            [python_of(client), str(DRIVERS / f"{client}_driver.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=alone(home, **variables),
        )  # fmt: skip

    def ask(self, call, /, **request):
        self._process.stdin.write(json.dumps({"call": call, **request}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def ok(self, call, /, **request):
        """The answer; fails where the client raised."""
        answer = self.ask(call, **request)
        assert "ok" in answer, answer
        return answer["ok"]

    def close(self):
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
