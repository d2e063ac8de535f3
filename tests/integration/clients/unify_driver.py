"""Runs in the environment of `unify-cli`: one JSON request a line, one JSON answer a line.

A request is a command's words and the file its keyring lies in.
"""

import contextlib
import io
import json
import os
import sys

from source.ah import cli

answers, sys.stdout = sys.stdout, sys.stderr


def run(words):
    """The command as its console script runs it; exit code and all it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            cli.main(words, prog_name="unify")
            code = 0
        except SystemExit as end:
            code = end.code
    return {"code": code, "printed": printed.getvalue()}


for line in sys.stdin:
    request = json.loads(line)
    os.environ["FILE_KEYRING"] = request["keyring"]
    print(json.dumps({"ok": run(request["words"])}), file=answers, flush=True)
