"""Where do the published vectors come from? From here, with a stand-in for randomness: the same bytes each time.

    cd tests && python -m vectors.generate            writes tests/vectors/*.json

Once a format is released its vectors are frozen; a run that changes a file is then a change of the format. What a
vector expects is written down here by hand, and checked by the code and by `decoder.py` alike.
"""

import json
from pathlib import Path

from vectors.make_others import entries, indexes, passphrases, recovery_keys
from vectors.make_records import records
from vectors.make_stores import contexts, stores

HERE = Path(__file__).parent
FILES = {
    "records": records, "contexts": contexts, "stores": stores, "indexes": indexes, "passphrases": passphrases,
    "recovery_keys": recovery_keys, "entries": entries,
}  # fmt: skip


def text(name):
    """One file: a JSON list, a vector on each line."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=True) for row in FILES[name]())
    return f"[\n{lines}\n]\n"


if __name__ == "__main__":
    for name in FILES:
        (HERE / f"{name}.json").write_text(text(name), encoding="ascii")
