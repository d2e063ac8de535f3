"""Where do kinds, key providers, injectors, probes and clients come from?

From entry points, built-ins through the same door as everybody's: one file and one line in `pyproject.toml`
add one. Our own distribution is asked first, so that using a built-in does not scan the whole environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import metadata
from typing import Any, Generic, TypeVar

from credmagic.errors import CredmagicError, NotFound

T = TypeVar("T")


class BrokenPlugin(CredmagicError):
    """A plug-in that was asked for by name cannot be imported."""

    codes = ("broken_plugin",)


@cache
def _own() -> metadata.EntryPoints:
    try:
        return metadata.distribution("credmagic").entry_points
    except metadata.PackageNotFoundError:  # run from a source tree that was never installed
        return metadata.EntryPoints()


class Registry(Generic[T]):
    """The plug-ins of one entry-point group, loaded one by one when asked for.

    A plug-in that does not import is skipped when all are listed (`broken` names it) and is an error when
    asked for by name. Two distributions offering one name is an error, never a silent choice.
    """

    def __init__(self, group: str) -> None:
        self.group = group
        self.broken: dict[str, str] = {}
        self._loaded: dict[str, T] = {}
        self._found: dict[str, metadata.EntryPoint] | None = None

    def get(self, name: str) -> T:
        """The plug-in `name`. Raises `NotFound` (unknown name) or `BrokenPlugin` (does not import)."""
        if name not in self._loaded:
            self._loaded[name] = self._load(self._point(name))
        return self._loaded[name]

    def names(self) -> list[str]:
        """All names on offer, sorted."""
        return sorted(self._points())

    def items(self) -> Iterator[tuple[str, T]]:
        """Every plug-in that imports, by name."""
        for name, point in sorted(self._points().items()):
            try:
                if name not in self._loaded:
                    self._loaded[name] = self._load(point)
            except BrokenPlugin as error:
                self.broken[name] = error.message
                continue
            yield name, self._loaded[name]

    def _point(self, name: str) -> metadata.EntryPoint:
        for point in _own().select(group=self.group, name=name):
            return point
        points = self._points()
        if name not in points:
            raise NotFound(f"no plug-in {name!r} in {self.group}", next_step=f"Installed: {', '.join(sorted(points))}")
        return points[name]

    def _points(self) -> dict[str, metadata.EntryPoint]:
        if self._found is None:  # what is installed does not change while a process runs
            self._found = self._scan()
        return self._found

    def _scan(self) -> dict[str, metadata.EntryPoint]:
        found: dict[str, metadata.EntryPoint] = {}
        for point in (*_own().select(group=self.group), *metadata.entry_points(group=self.group)):
            known = found.setdefault(point.name, point)
            if known.value != point.value:
                raise BrokenPlugin(
                    f"two packages offer {point.name!r} in {self.group}: {known.value} and {point.value}",
                    next_step="Uninstall one of them.",
                )
        return found

    def _load(self, point: metadata.EntryPoint) -> T:
        try:
            loaded: Any = point.load()
        except Exception as error:
            raise BrokenPlugin(
                f"the plug-in {point.name!r} of {self.group} does not import ({type(error).__name__})",
                next_step=f"Reinstall the package that ships {point.value}.",
            ) from error
        return loaded  # type: ignore[no-any-return]
