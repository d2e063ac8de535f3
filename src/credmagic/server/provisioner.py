"""How does a kernel learn where the socket is and what its token is?

By the environment of its process, set as late as possible: in `pre_launch` of its provisioner, which
Jupyter calls for every launch, restart and automatic restart alike. Wrapping the *instance* of the
provisioner factory also covers kernelspecs that name a provisioner of their own and custom kernel managers.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from credmagic.client import token as kernel_token
from credmagic.server.tokens import KernelTokens

SOCKET_VARIABLE = "CREDMAGIC_SOCKET"


def starts_local_kernels(kernel_manager: Any) -> bool:
    """False for gateway kernels: they run elsewhere, and the server would log their whole environment."""
    return not any("gateway" in cls.__module__ for cls in type(kernel_manager).__mro__)


def equip_kernels(
    serverapp: Any, tokens: KernelTokens, socket_path: Callable[[], str | None], ended: Callable[[str], None]
) -> Callable[[], None]:
    """From now on every kernel starts with a socket and a fresh token; returns a function that ends this.

    `socket_path` is asked at each launch; while it answers None kernels start as if we were not here. `ended` is
    told the id of a kernel whose process is gone, at its end and before each launch.
    """
    from jupyter_client.provisioning.factory import KernelProvisionerFactory

    factory = KernelProvisionerFactory.instance(parent=serverapp)
    create = factory.create_provisioner_instance

    @functools.wraps(create)
    def create_equipped(*args: Any, **kwargs: Any) -> Any:
        provisioner = create(*args, **kwargs)
        _equip(provisioner, tokens, socket_path, ended)
        return provisioner

    factory.create_provisioner_instance = create_equipped  # type: ignore[method-assign]

    def undo() -> None:
        if factory.create_provisioner_instance is create_equipped:
            del factory.create_provisioner_instance

    return undo


def _equip(
    provisioner: Any, tokens: KernelTokens, socket_path: Callable[[], str | None], ended: Callable[[str], None]
) -> None:
    launch, clean_up = provisioner.pre_launch, provisioner.cleanup

    @functools.wraps(launch)
    async def pre_launch(**kwargs: Any) -> Any:
        ended(provisioner.kernel_id)
        path = socket_path()
        env = dict(os.environ if kwargs.get("env") is None else kwargs["env"])
        env.pop(SOCKET_VARIABLE, None)  # a server that itself runs in a kernel must not hand on its own
        env.pop(kernel_token.VARIABLE, None)
        if path is not None:
            env[SOCKET_VARIABLE] = path
            env[kernel_token.VARIABLE] = tokens.issue(provisioner.kernel_id)
        kwargs["env"] = env
        return await launch(**kwargs)

    @functools.wraps(clean_up)
    async def cleanup(*args: Any, **kwargs: Any) -> Any:
        ended(provisioner.kernel_id)
        return await clean_up(*args, **kwargs)

    provisioner.pre_launch = pre_launch
    provisioner.cleanup = cleanup
