"""How are credentials verified, one or all of them?

All: several at once, each with its own time limit, with progress; one that fails changes nothing for the others. What
came out is kept by the vault and shown in the overview.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from credmagic.cli.door import Door
from credmagic.cli.pages import Cell, Column, Page, Section
from credmagic.errors import CredmagicError

MOST = 6
"""Probes at once: a server answers its kernels with eight threads, and some must stay free."""

_SHOWN = {
    "refused": ("▲", "error", "refused"),
    "unreachable": ("▲", "warn", "no answer"),
    "failed": ("▲", "warn", "not asked"),
    "skipped": ("○", "muted", "skipped"),
    "unverifiable": ("○", "muted", "not verifiable"),
    "ok": ("●", "ok", "works"),
}
"""The worst first, as they are listed."""
_BAD = ("refused", "unreachable", "failed")


def one(door: Door, ref: str, environment: str | None, *, timeout: int | None, as_json: bool) -> Any:
    """Verify one credential; raises what its service answered."""
    result = door.client.call("verify", ref=ref, environment=door.environment(environment), timeout=timeout)
    if as_json:
        return door.show(Page("", result), as_json=True)
    if result["outcome"] == "ok":
        return door.say(f"✓ {ref} works ({result['took_ms']:.0f} ms)")
    return door.say(f"○ {ref} cannot be verified: {result['reason'] or 'its kind has no check yet'}")


def every(door: Door, environment: str | None, jobs: int, *, timeout: int | None, as_json: bool) -> Any:
    """Verify all (of one environment). In a shell the exit code is 7 when one does not work."""
    views = list(_all(door, environment))
    results = []
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="credmagic-verify")
    try:
        asked = [pool.submit(_asked, door, view, timeout) for view in views]
        for answer in door.progress(as_completed(asked), len(asked), "Verifying"):
            results.append(answer.result())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    order = list(_SHOWN)
    results.sort(key=lambda row: (order.index(row["outcome"]), row["name"]))
    counts = Counter(row["outcome"] for row in results)
    shown = door.show(_page({"results": results, "counts": dict(counts)}, counts), as_json=as_json)
    if any(counts[outcome] for outcome in _BAD) and door.in_shell:
        return 7
    return shown


def _all(door: Door, environment: str | None) -> Iterator[dict[str, Any]]:
    after: str | None = None
    while True:
        page = door.client.call("list", limit=200, after=after, environment=environment)
        yield from (view for view in page["credentials"] if view["owner"] != "another")
        after = page["next"]
        if after is None:
            return


def _asked(door: Door, view: Mapping[str, Any], timeout: int | None) -> dict[str, Any]:
    """The result of one, whatever it is."""
    known = {key: view[key] for key in ("id", "name", "kind", "environment")}
    if view["status"] != "active":
        return {**known, "outcome": "skipped", "reason": f"is {view['status']}", "took_ms": 0}
    try:
        return {**known, **door.client.call("verify", ref=view["id"], timeout=timeout)}
    except CredmagicError as error:
        outcomes = {"not_accepted": "refused", "unreachable": "unreachable", "timeout": "unreachable"}
        return {**known, "outcome": outcomes.get(error.code, "failed"), "reason": error.message, "took_ms": 0}


def _page(data: dict[str, Any], counts: Mapping[str, int]) -> Page:
    rows = []
    for row in data["results"]:
        glyph, tone, words = _SHOWN[row["outcome"]]
        took = f" ({row['took_ms']:.0f} ms)" if row["took_ms"] else ""
        rows.append(
            (
                Cell(row["name"], code=True),
                Cell(row["environment"] or "all"),
                Cell(f"{words}{took}", tone=tone, glyph=glyph),
                Cell(row["reason"] or ""),
            )
        )
    said = ", ".join(f"{counts[outcome]} {_SHOWN[outcome][2]}" for outcome in _SHOWN if counts.get(outcome))
    columns = (Column("Name"), Column("Environment", 2), Column("Answer"), Column("Why", 1))
    return Page("", data, columns=columns, sections=(Section(rows),), foot=(said or "There is nothing to verify.",))
