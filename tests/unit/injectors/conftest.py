"""Credentials of three clouds, for the tests of `--sdk`."""

from sdk_clouds import bucket, clean, entra, injector, provider, session_keys  # noqa: F401
