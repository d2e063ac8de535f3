"""The wrap around Jupyter's real provisioner factory: what a kernel's environment gets, at which launch."""

import asyncio
import os

import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from traitlets.config import Configurable

from credmagic.errors import NotSignedIn
from credmagic.server.provisioner import equip_kernels, starts_local_kernels
from credmagic.server.tokens import KernelTokens


@pytest.fixture
def factory():
    KernelProvisionerFactory.clear_instance()
    yield KernelProvisionerFactory.instance()
    KernelProvisionerFactory.clear_instance()


class Manager(Configurable):
    """As much of a kernel manager as `LocalProvisioner.pre_launch` asks for."""

    transport = "ipc"
    ip = "127.0.0.1"
    cache_ports = False
    extra_arguments = ()

    def write_connection_file(self, **kwargs):
        pass

    def get_connection_info(self, **kwargs):
        return {}

    def format_kernel_cmd(self, extra_arguments=None):
        return ["true"]


def provisioner(factory, kernel_id="k1"):
    spec = KernelSpec(argv=["true"], display_name="x", language="python")
    return factory.create_provisioner_instance(kernel_id, spec, Manager())


async def launch(made, **env):
    return (await made.pre_launch(env=dict(env)))["env"]


def run(coroutine):
    return asyncio.run(coroutine)


def test_each_launch_has_a_token_of_its_own_and_voids_the_one_before(factory):
    tokens = KernelTokens()
    equip_kernels(None, tokens, lambda: "/run/k.sock", tokens.revoke)
    made = provisioner(factory)

    first, second = run(launch(made, A="b")), run(launch(made))

    assert first["A"] == "b"
    assert first["CREDMAGIC_SOCKET"] == second["CREDMAGIC_SOCKET"] == "/run/k.sock"
    assert tokens.kernel_of(second["CREDMAGIC_KERNEL_TOKEN"]) == "k1"
    with pytest.raises(NotSignedIn):
        tokens.kernel_of(first["CREDMAGIC_KERNEL_TOKEN"])


def test_cleaning_up_voids_the_token(factory):
    tokens = KernelTokens()
    equip_kernels(None, tokens, lambda: "/run/k.sock", tokens.revoke)
    made = provisioner(factory)
    token = run(launch(made))["CREDMAGIC_KERNEL_TOKEN"]

    run(made.cleanup(restart=False))

    with pytest.raises(NotSignedIn):
        tokens.kernel_of(token)


def test_without_a_socket_a_kernel_starts_as_if_we_were_not_here(factory, monkeypatch):
    """Also when the server was itself started in a kernel of another one."""
    monkeypatch.setenv("CREDMAGIC_KERNEL_TOKEN", "of-another-server")
    tokens = KernelTokens()
    equip_kernels(None, tokens, lambda: None, tokens.revoke)

    env = run(launch(provisioner(factory), CREDMAGIC_SOCKET="/other.sock", CREDMAGIC_KERNEL_TOKEN="other"))

    assert not [name for name in env if name in ("CREDMAGIC_SOCKET", "CREDMAGIC_KERNEL_TOKEN")]
    assert os.environ["CREDMAGIC_KERNEL_TOKEN"] == "of-another-server"
    assert len(tokens) == 0


def test_it_can_be_taken_back(factory):
    tokens = KernelTokens()
    undo = equip_kernels(None, tokens, lambda: "/run/k.sock", tokens.revoke)

    undo()

    assert "CREDMAGIC_SOCKET" not in run(launch(provisioner(factory)))


def test_gateway_kernels_are_told_from_local_ones():
    from jupyter_server.gateway.managers import GatewayMappingKernelManager
    from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

    assert starts_local_kernels(AsyncMappingKernelManager.__new__(AsyncMappingKernelManager))
    assert not starts_local_kernels(GatewayMappingKernelManager.__new__(GatewayMappingKernelManager))
