"""Which errors can credmagic raise, and what does each one mean to a caller?

    CredmagicError
    ├── InvalidCredential     bad_field                          422  exit 2
    ├── AccessDenied          denied                             403  exit 3
    ├── NotFound
    │   ├── CredentialNotFound  not_found                        404  exit 4
    │   └── UnknownKind         unknown_kind                     404  exit 4
    ├── Conflict              conflict                           409  exit 5
    │   ├── NameTaken           name_taken                       409  exit 5
    │   ├── CredentialInUse     in_use                           409  exit 5
    │   └── ChangedMeanwhile    changed_meanwhile                409  exit 5
    ├── VaultLocked           locked                             423  exit 6
    ├── VerificationFailed    not_accepted                       422  exit 7
    ├── Unreachable           unreachable | timeout              422  exit 7
    ├── TokenRefused          token_refused                      400  exit 8
    ├── SealBroken            integrity_error                    500  exit 9
    ├── RollbackDetected      integrity_error                    500  exit 9
    ├── NotUsable             paused | expired | incomplete | form_open   409  exit 10
    ├── NotSignedIn           unauthenticated | kernel_unknown | bad_credentials
    │                         token_expired | token_invalid      401  exit 11
    ├── RateLimited           rate_limited                       429  exit 12
    └── StoreUnusable         store_not_writable | not_a_store | store_newer | store_busy (500)
                              disk_full (507)                         exit 13

Every error says what is wrong, names the field, file or credential, and ends with the next command. None
ever carries a secret value: messages are ours, values of the user's input are never quoted. Errors travel
as JSON (`to_json`) and are rebuilt as the same class on the other side of a socket (`from_json`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar


class CredmagicError(Exception):
    """Base of everything credmagic raises on purpose.

    `message` is one sentence; `next_step` is the command or action that helps; `errors` maps a field name
    to what is wrong with it (never to its value); `details` holds further JSON-able facts (e.g. `closest`).
    """

    codes: ClassVar[tuple[str, ...]] = ("error",)
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        next_step: str = "",
        code: str | None = None,
        errors: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.code: str = code if code in self.codes else self.codes[0]
        self.errors: dict[str, str] = dict(errors or {})
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        return f"{self.message}\n{self.next_step}" if self.next_step else self.message

    @property
    def http_status(self) -> int:
        """The HTTP status of this very error (a class may answer one of its codes with another status)."""
        return self.status

    def to_json(self) -> dict[str, Any]:
        """The error as a JSON object: `message`, `code`, and where present `next_step`, `errors`, `details`."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        for key in ("next_step", "errors", "details"):
            if value := getattr(self, key):
                body[key] = value
        return body

    def lines(self) -> list[str]:
        """What a person sees: at most three lines (what, which field, what next)."""
        shown = [f"{type(self).__name__}: {self.message}"]
        if self.errors:
            shown.append("; ".join(f"{field}: {text}" for field, text in self.errors.items()))
        if self.next_step:
            shown.append(self.next_step)
        return shown

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: show the three lines in place of a stack."""
        return self.lines()


class InvalidCredential(CredmagicError):
    """Input that cannot be a credential: `errors` names each field and what it should be."""

    codes = ("bad_field",)
    status = 422
    exit_code = 2


class AccessDenied(CredmagicError):
    """The caller is known but may not do this."""

    codes = ("denied",)
    status = 403
    exit_code = 3


class NotFound(CredmagicError):
    """Something that was named does not exist (or the caller may not know that it does)."""

    codes = ("not_found",)
    status = 404
    exit_code = 4


class CredentialNotFound(NotFound):
    """No credential of that name or id for this caller."""


class UnknownKind(NotFound):
    """No kind of that name or alias is installed."""

    codes = ("unknown_kind",)


class Conflict(CredmagicError):
    """The state of the store does not allow it."""

    codes = ("conflict",)
    status = 409
    exit_code = 5


class NameTaken(Conflict):
    """The owner already has a credential of that name in that environment."""

    codes = ("name_taken",)


class CredentialInUse(Conflict):
    """Deleting was refused: `details["uses"]` lists what is associated."""

    codes = ("in_use",)


class ChangedMeanwhile(Conflict):
    """Somebody else changed it between reading and writing."""

    codes = ("changed_meanwhile",)


class VaultLocked(CredmagicError):
    """No key slot could be opened: wrong passphrase, missing keyring or key file."""

    codes = ("locked",)
    status = 423
    exit_code = 6


class VerificationFailed(CredmagicError):
    """The service itself refused the credential."""

    codes = ("not_accepted",)
    status = 422
    exit_code = 7


class Unreachable(CredmagicError):
    """The service gave no answer (in time)."""

    codes = ("unreachable", "timeout")
    status = 422
    exit_code = 7


class TokenRefused(CredmagicError):
    """A token could not be fetched or renewed."""

    codes = ("token_refused",)
    status = 400
    exit_code = 8


class SealBroken(CredmagicError):
    """A sealed record does not open. The same words for every cause, on purpose.

    `reason` is a short code of `docs/format.md` for the audit alone: no message, no JSON shows it.
    """

    codes = ("integrity_error",)
    status = 500
    exit_code = 9

    def __init__(self, message: str = "a sealed record does not open", *, reason: str = "", **more: Any) -> None:
        more.setdefault("next_step", "Other credentials stay usable. See what happened: credmagic audit")
        super().__init__(message, **more)
        self.reason = reason


class RollbackDetected(CredmagicError):
    """The store is older than it was when we last saw it."""

    codes = ("integrity_error",)
    status = 500
    exit_code = 9


class NotUsable(CredmagicError):
    """The credential exists, but does not resolve now."""

    codes = ("paused", "expired", "incomplete", "form_open")
    status = 409
    exit_code = 10


class NotSignedIn(CredmagicError):
    """Who is asking could not be told."""

    codes = ("unauthenticated", "kernel_unknown", "bad_credentials", "token_expired", "token_invalid")
    status = 401
    exit_code = 11


class RateLimited(CredmagicError):
    """Too many calls; `details["retry_after"]` is in seconds."""

    codes = ("rate_limited",)
    status = 429
    exit_code = 12


class StoreUnusable(CredmagicError):
    """The store's file or database cannot be used as it is."""

    codes = ("store_not_writable", "not_a_store", "store_newer", "store_busy", "disk_full")
    status = 500
    exit_code = 13

    @property
    def http_status(self) -> int:
        """507 when the disk is full, else 500."""
        return 507 if self.code == "disk_full" else self.status


def short(text: str, most: int = 128) -> str:
    """What a message repeats of what was asked for: all of what could be a name, the beginning of the rest."""
    return text if len(text) <= most else f"{text[:most]}…"


def word(name: str) -> str:
    """`name` as one word of a command, as a next step shows it: quoted where it has to be, in a shell and in a cell."""
    import shlex  # only when something goes wrong

    return shlex.quote(name)


def _leaves(base: type[CredmagicError]) -> Iterator[type[CredmagicError]]:
    for cls in base.__subclasses__():
        yield cls
        yield from _leaves(cls)


def from_json(body: Mapping[str, Any]) -> CredmagicError:
    """Rebuild the error another process sent; an unknown code becomes a plain `CredmagicError`."""
    code = str(body.get("code", ""))
    by_code = {c: cls for cls in _leaves(CredmagicError) for c in cls.__dict__.get("codes", ())}
    by_code["not_found"] = CredentialNotFound
    by_code["integrity_error"] = SealBroken
    cls = by_code.get(code, CredmagicError)
    return cls(
        str(body.get("message") or "the server gave no reason"),
        next_step=str(body.get("next_step", "")),
        code=code,
        errors=body.get("errors") or {},
        details=body.get("details") or {},
    )
