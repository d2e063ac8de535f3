"""What does credmagic add to a Jupyter server, and when?

While the server loads: the REST addresses, the save guard and the wrap that equips kernels; nothing that
needs the vault's libraries. Once its loop runs: the kernel socket, then the vault, opened beside the loop.
When it stops: every kernel token is void and no socket is left.
"""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join
from traitlets import Bool, Int, Unicode
from traitlets.config import LoggingConfigurable

from credmagic import __version__
from credmagic.errors import CredmagicError
from credmagic.server.answers import describe_unforeseen
from credmagic.server.gate import VaultGate
from credmagic.server.handlers import routes
from credmagic.server.kernel_plane import KernelPlane
from credmagic.server.notebooks import Notebooks
from credmagic.server.origin import callback_address
from credmagic.server.provisioner import equip_kernels, starts_local_kernels
from credmagic.server.rates import Allowance, Patience
from credmagic.server.save_guard import guard_saving
from credmagic.server.tokens import KernelTokens

AFTER_START = 1.0
"""Seconds: opening the vault loads libraries, which would slow the first pages down."""
KERNEL_EVENTS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"
CONTENTS_EVENTS = "https://events.jupyter.org/jupyter_server/contents_service/v1"


class Credmagic(LoggingConfigurable):
    """The extension's settings (`c.Credmagic.…`) and its parts."""

    kernel_requests_per_minute = Int(60_000, min=1, config=True, help="Requests one kernel may make in a minute.")
    distinct_credentials_per_minute = Int(
        1_000, min=1, config=True, help="Different credentials one kernel may use in a minute."
    )
    bulk_use = Int(100, min=1, config=True, help="Different credentials in a minute that are recorded as bulk use.")
    browser_writes_per_minute = Int(1_200, min=1, config=True, help="Writes through REST in a minute.")
    machine_requests_per_minute = Int(6_000, min=1, config=True, help="Requests one machine, or one address, may make.")
    sign_ins_per_minute = Int(600, min=1, config=True, help="Tokens one access key or machine may get in a minute.")
    failed_sign_ins_per_minute = Int(10, min=1, config=True, help="Failures of one id before it has to wait.")
    failed_sign_ins_of_an_address = Int(60, min=1, config=True, help="Failures of one address in a minute, any id.")
    socket_dir = Unicode("", config=True, help="Directory of the kernel socket; empty: CREDMAGIC_HOME/run.")
    callback_url = Unicode(
        "",
        config=True,
        help="Where providers send browsers back to (…/credmagic/api/oauth/callback); empty: as the page sees it.",
    )
    save_guard = Bool(True, config=True, help="Keep stored values out of every file that is saved through this server.")

    def __init__(self, serverapp: Any) -> None:
        super().__init__(parent=serverapp)
        self.serverapp = serverapp
        self.gate = VaultGate(self._open_vault)
        self.tokens = KernelTokens(self.gate.forget_kernel)
        self.notebooks = Notebooks(serverapp.session_manager, serverapp.contents_manager)
        self.plane = KernelPlane(
            gate=self.gate,
            tokens=self.tokens,
            kernels=serverapp.kernel_manager,
            notebooks=self.notebooks,
            per_minute=self.kernel_requests_per_minute,
            log=self.log,
        )
        self.browser_writes = Allowance(self.browser_writes_per_minute)
        self.machine_requests = Allowance(self.machine_requests_per_minute)
        self.bad_tokens = Patience()
        self.warnings: list[str] = []
        self._warming: asyncio.Future[None] | None = None

    def _open_vault(self) -> Any:
        from credmagic.vault.rates import Limits, Rates  # cryptography, SQLAlchemy: not while the server starts
        from credmagic.wiring import open_vault

        limits = Limits(
            uses=self.kernel_requests_per_minute,
            bulk=self.bulk_use,
            distinct=self.distinct_credentials_per_minute,
            sign_ins_of_an_id=self.sign_ins_per_minute,
            failures_of_an_id=self.failed_sign_ins_per_minute,
            failures_of_an_address=self.failed_sign_ins_of_an_address,
        )
        vault = open_vault(notify=self.log.warning, rates=Rates(limits))
        vault.logins.callback_url = self.callback_url or None
        vault.logins.own_address = callback_address(self.serverapp)
        return vault

    def load(self) -> None:
        """Register what must be there before the server answers."""
        web_app = self.serverapp.web_app
        web_app.settings["credmagic"] = self
        web_app.add_handlers(".*$", routes(url_path_join(web_app.settings["base_url"], "credmagic/")))
        if self.save_guard:
            guard_saving(self.serverapp.contents_manager, self.gate, self.log)
        if starts_local_kernels(self.serverapp.kernel_manager):
            equip_kernels(self.serverapp, self.tokens, lambda: self.plane.path, self._kernel_ended)
        else:
            self._warn("kernels run behind a gateway: they get no socket and no token; %cred cannot reach this vault")
        self._stop_with_the_server()

    async def start(self) -> None:
        """Open the socket, then the vault."""
        self._follow_kernels()
        self._follow_renames()
        try:
            self.plane.start(Path(self.socket_dir) if self.socket_dir else None)
        except (CredmagicError, OSError) as error:
            why = error if isinstance(error, CredmagicError) else type(error).__name__
            self._warn(f"no kernel socket, kernels open the store themselves: {why}")
        self._warming = asyncio.ensure_future(self._warm())

    async def _warm(self) -> None:
        """Open the vault once the first pages are out; who needs it earlier opens it earlier."""
        await asyncio.sleep(AFTER_START)
        try:
            await self.gate.warm()
        except CredmagicError as error:
            self._warn(str(error))
        except Exception as error:
            self.log.error("credmagic: the vault did not open: %s", describe_unforeseen(error))

    def health(self) -> dict[str, Any]:
        """What `api/health` answers."""
        return {
            "status": "ok",
            "version": __version__,
            "vault": self.gate.state(),
            "kernels": self.plane.path is not None,
            "warnings": self.warnings,
        }

    async def stop(self) -> None:
        """Void every token; leave no socket."""
        if self._warming is not None:
            self._warming.cancel()
        await self.plane.stop()
        await asyncio.to_thread(self.gate.close)

    def _warn(self, text: str) -> None:
        self.warnings.append(text)
        self.log.warning("credmagic: %s", text)

    def _kernel_ended(self, kernel_id: str) -> None:
        """Its token is void, and forms it had open cannot be submitted any more."""
        self.tokens.revoke(kernel_id)
        self.gate.forget_kernel(kernel_id)

    def _follow_kernels(self) -> None:
        """A kernel that was shut down or culled takes its token with it, whatever its provisioner does."""

        async def kernel_acted(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
            if data.get("action") == "shutdown" and (kernel_id := data.get("kernel_id")):
                self._kernel_ended(kernel_id)

        self.serverapp.event_logger.add_listener(schema_id=KERNEL_EVENTS, listener=kernel_acted)

    def _follow_renames(self) -> None:
        """What is attached to a notebook stays attached when it is renamed here."""

        async def contents_changed(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
            if data.get("action") != "rename":
                return
            old, new = (self.notebooks.name_of(data[key]) for key in ("source_path", "path"))
            try:
                await self.gate.renamed(old, new)
            except CredmagicError as error:
                self._warn(f"what was attached to a renamed notebook did not follow: {error.message}")

        self.serverapp.event_logger.add_listener(schema_id=CONTENTS_EVENTS, listener=contents_changed)

    def _stop_with_the_server(self) -> None:
        """Jupyter stops only extension *apps*; we join their turn, before kernels are ended."""
        clean_up = self.serverapp.cleanup_extensions

        @functools.wraps(clean_up)
        async def cleanup_extensions() -> None:
            await self.stop()
            await clean_up()

        self.serverapp.cleanup_extensions = cleanup_extensions


def _load_jupyter_server_extension(serverapp: Any) -> None:
    Credmagic(serverapp).load()


async def _start_jupyter_server_extension(serverapp: Any) -> None:
    await serverapp.web_app.settings["credmagic"].start()
