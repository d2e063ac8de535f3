"""Credentials of two clouds, for the tests of scopes."""

from sdk_clouds import bucket, clean, entra, provider  # noqa: F401
