"""How are many commands of the real `orchestrate` CLI run in one process, each as its own? It starts slowly.

Runs in the CLI's own virtual environment. One line of JSON in, the words after `orchestrate`; one line out: `code` and
`out`, everything it wrote to its terminal (file descriptors are redirected, whatever writes to them).
"""

import contextlib
import io
import json
import os
import sys
import tempfile
import traceback


def main():
    commands, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    with run_into():
        from ibm_watsonx_orchestrate.cli.main import app
    for line in commands:
        with run_into() as written:
            code = run(app, json.loads(line))
        json.dump({"code": code, "out": written[0]}, answers)
        answers.write("\n")
        answers.flush()


@contextlib.contextmanager
def run_into():
    """Inside, standard output and error are a file; after, its text is the one item of the list."""
    written = []
    with tempfile.TemporaryFile("w+b") as file:
        kept = [os.dup(1), os.dup(2)]
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield written
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, descriptor in zip((1, 2), kept, strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
        file.seek(0)
        written.append(file.read().decode(errors="replace"))


def run(app, words):
    """The exit code of one command; an exception ends a process with its traceback and 1."""
    sys.argv, sys.stdin = ["orchestrate", *words], io.StringIO()  # `exit()` closes what is there
    try:
        app(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


main()
