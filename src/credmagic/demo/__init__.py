"""`credmagic demo`: the quickstart notebook over a small service that really checks who logs in."""

from __future__ import annotations

from credmagic.demo.show import run

__all__ = ["run"]
