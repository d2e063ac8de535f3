"""Where do sealed records lie, and how do they get there without being lost?

Opaque bytes only: nothing in here can open a record. `rows` says what is kept, `sql` keeps it (SQLite or
PostgreSQL), `hot_read` is the short way of the embedded kernel.
"""
