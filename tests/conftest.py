"""What every test gets: an isolated home and a canary (shipped in `credmagic.testing`)."""

from credmagic.testing.fixtures import canary, home  # noqa: F401
