"""How does the quickstart run without a browser?

The same notebook in a real kernel, cell by cell, each output printed as it comes; cells tagged `interactive`
(the form and what depends on it) are left out.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

INTERACTIVE = "interactive"
CELL_SECONDS = 120
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def execute(notebook: Path) -> int:
    """Run the notebook beside its files; 0, or 1 when a cell failed (its error is printed)."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    book = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    book.cells = [cell for cell in book.cells if INTERACTIVE not in cell.metadata.get("tags", [])]
    client = NotebookClient(
        book,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    with client.setup_kernel():
        for index, cell in enumerate(book.cells):
            if cell.cell_type != "code":
                continue
            _print(f"In  {cell.source}")
            failure = ""
            try:
                client.execute_cell(cell, index)
            except CellExecutionError:
                failure = "This cell failed."
            except (CellTimeoutError, DeadKernelError) as error:
                failure = f"This cell did not end ({type(error).__name__})."
            for output in cell.outputs:
                _print(f"Out {as_text(output)}")
            if failure:
                print(failure, file=sys.stderr)
                return 1
    print("The quickstart ran to its end.")
    return 0


def as_text(output: dict[str, Any]) -> str:
    """One output of a cell in plain text."""
    if output["output_type"] == "stream":
        text = output["text"]
    elif output["output_type"] == "error":
        text = "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"
    else:
        text = output["data"].get("text/plain", "")
    return _COLOURS.sub("", text).rstrip("\n")


def _print(text: str) -> None:
    """Indent what follows the first line, so that cells and outputs stay apart."""
    print(text.replace("\n", "\n    "), flush=True)
