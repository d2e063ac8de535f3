"""What is the least such a thing can cost on this machine?

*Read limit*: one SQLite point read in WAL mode by a unique name, AES-GCM decryption and `json.loads` of 200 bytes.
*Write limit*: one durable SQLite insert (`synchronous=FULL`). Plain standard library and `cryptography`, no credmagic.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Limits:
    """A plain database with `rows` sealed records of 200 bytes."""

    def __init__(self, path: Path, rows: int = 1000) -> None:
        self.path = path
        self.key = os.urandom(32)
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.execute("CREATE TABLE r (name TEXT PRIMARY KEY, created INTEGER, nonce BLOB, sealed BLOB) STRICT")
        self.db.execute("CREATE INDEX by_created ON r (created, name)")
        self.db.execute("CREATE TABLE w (id INTEGER PRIMARY KEY, body BLOB) STRICT")
        text = json.dumps({"user": "ada", "password": "x" * 160}).encode()
        self.cipher = AESGCM(self.key)
        self.db.execute("BEGIN")
        for number in range(rows):
            nonce = os.urandom(12)
            row = (f"n{number}", number, nonce, self.cipher.encrypt(nonce, text, None))
            self.db.execute("INSERT INTO r VALUES (?, ?, ?, ?)", row)
        self.db.execute("COMMIT")

    def read(self) -> object:
        """One record by name, opened."""
        nonce, sealed = self.db.execute("SELECT nonce, sealed FROM r WHERE name = ?", ("n7",)).fetchone()
        return json.loads(self.cipher.decrypt(nonce, sealed, None))

    def write(self) -> None:
        """One durable insert."""
        self.db.execute("BEGIN IMMEDIATE")
        self.db.execute("INSERT INTO w (body) VALUES (?)", (b"x" * 200,))
        self.db.execute("COMMIT")

    def read_and_write(self) -> None:
        """What a use with its durable audit row cannot cost less than."""
        self.read()
        self.write()

    def page(self, opened: Callable[[], object]) -> None:
        """The first 20 rows by creation, and 20 times `opened` (one meta, decrypted)."""
        self.db.execute("SELECT * FROM r ORDER BY created, name LIMIT 20").fetchall()
        for _ in range(20):
            opened()


COLD = """
import json, sqlite3, sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
db = sqlite3.connect(sys.argv[1], isolation_level=None)
nonce, sealed = db.execute("SELECT nonce, sealed FROM r WHERE name = 'n7'").fetchone()
json.loads(AESGCM(bytes.fromhex(sys.argv[2])).decrypt(nonce, sealed, None))
"""
"""The read limit as a program of its own: what a fresh process cannot start under."""
