"""A keyring in a file, for clients that keep their settings in one: `PYTHON_KEYRING_BACKEND=file_keyring.FileKeyring`."""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class FileKeyring(KeyringBackend):
    """All entries as one JSON object in `FILE_KEYRING`."""

    priority = 1

    def _read(self):
        file = Path(os.environ["FILE_KEYRING"])
        return json.loads(file.read_text()) if file.exists() else {}

    def _write(self, entries):
        Path(os.environ["FILE_KEYRING"]).write_text(json.dumps(entries))

    def get_password(self, service, username):
        return self._read().get(f"{service}/{username}")

    def set_password(self, service, username, password):
        self._write({**self._read(), f"{service}/{username}": password})

    def delete_password(self, service, username):
        entries = self._read()
        if entries.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError("no such entry")
        self._write(entries)
