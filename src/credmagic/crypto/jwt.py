"""What does a machine's token look like, and when is one believed?

A JWT of one shape only: EdDSA over Ed25519, `typ: at+jwt`, exactly the claims of `CLAIMS`. Its header is compared with
the two that are valid now and never read, so nothing a sender writes there can choose a key, an address or a way to
verify. Whether the identity behind it still may come in is the vault's question, at each call.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from credmagic.crypto import canonical
from credmagic.crypto.keyset import Keyset
from credmagic.errors import NotSignedIn, SealBroken

if TYPE_CHECKING:
    from joserfc.jwk import OKPKey
    from joserfc.jws import JWSRegistry

ALGORITHM = "EdDSA"
PERIOD = 30 * 86_400
"""Seconds for which one signing key signs; it verifies for as long again."""
LEEWAY = 30
"""Seconds by which clocks may differ."""
LONGEST_LIFE = 3_600
MAX_LENGTH = 8_192

CLAIMS: Mapping[str, type] = {
    "iss": str, "aud": str, "sub": str, "jti": str, "akid": str, "plane": str,
    "iat": int, "nbf": int, "exp": int, "akv": int,
}  # fmt: skip
"""What every token says, no more and no less. Times are whole seconds since 1970."""


def issue(keyset: Keyset, now: int, life: int, **claims: Any) -> str:
    """A signed token for `life` seconds from `now`; `claims` are sub, jti, akid, akv and plane."""
    from joserfc import jws

    period = now // PERIOD
    said = {**claims, **_addresses(keyset), "iat": now, "nbf": now, "exp": now + life}
    return jws.serialize_compact(_header(period), canonical.dump(said), _key(keyset, period), registry=_registry())


def read(keyset: Keyset, token: str, now: int) -> dict[str, Any]:
    """The claims of a token that this store signed and that is valid at `now`.

    Raises `NotSignedIn` with the code `token_expired`, or `token_invalid` for everything else that is wrong with it.
    """
    claims = _signed(keyset, token, now)
    if claims is None or not _well_formed(claims, _addresses(keyset), now):
        raise invalid()
    if claims["exp"] + LEEWAY <= now:
        raise NotSignedIn("the token has expired", code="token_expired", next_step="Sign in again for a new one.")
    return claims


def invalid() -> NotSignedIn:
    """The one answer for a token that is not believed, whatever the cause."""
    return NotSignedIn("the token is not valid", code="token_invalid", next_step="Sign in again for a new one.")


def _signed(keyset: Keyset, token: str, now: int) -> dict[str, Any] | None:
    """What a token says whose signature is ours; None for any other string, of any length."""
    if len(token) > MAX_LENGTH or not token.isascii():
        return None
    header, *rest = token.split(".")
    newest = (now + LEEWAY) // PERIOD  # a clock that is ahead may have begun the next period
    period = next((p for p in (newest, newest - 1) if header == _encoded(_header(p))), None)
    if period is None or len(rest) != 2 or not all(_is_canonical(part) for part in rest):
        return None
    payload = _verified(token, _key(keyset, period))
    try:
        return None if payload is None else canonical.load(payload)
    except SealBroken:
        return None


def _well_formed(claims: Mapping[str, Any], addresses: Mapping[str, str], now: int) -> bool:
    typed = claims.keys() == CLAIMS.keys() and all(type(claims[name]) is kind for name, kind in CLAIMS.items())
    return (
        typed
        and all(claims[name] == value for name, value in addresses.items())
        and max(claims["iat"], claims["nbf"]) <= now + LEEWAY
        and 0 < claims["exp"] - claims["iat"] <= LONGEST_LIFE
    )


def _addresses(keyset: Keyset) -> dict[str, str]:
    issuer = f"urn:credmagic:{keyset.store_id.hex()}"
    return {"iss": issuer, "aud": f"{issuer}:api"}


def _header(period: int) -> dict[str, Any]:
    return {"alg": ALGORITHM, "kid": str(period), "typ": "at+jwt"}


def _encoded(header: Mapping[str, Any]) -> str:
    text = json.dumps(header, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _is_canonical(part: str) -> bool:
    """Base64url without padding in the one spelling it has; a decoder would also take others."""
    try:
        decoded = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return False
    return base64.urlsafe_b64encode(decoded).decode().rstrip("=") == part


# ── the signature ────────────────────────────────────────────────────────────────────────────────────────────
# joserfc is loaded with the first token: it takes as long as the rest of the vault together.


def _verified(token: str, key: OKPKey) -> bytes | None:
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        return jws.deserialize_compact(token, key, registry=_registry()).payload
    except (JoseError, ValueError):
        return None


def _key(keyset: Keyset, period: int) -> OKPKey:
    from joserfc.jwk import OKPKey

    return OKPKey.import_key(keyset.signing_key(period))


@cache
def _registry() -> JWSRegistry:
    from joserfc.errors import UnsupportedAlgorithmError
    from joserfc.jws import JWSRegistry

    class OnlyEdDSA(JWSRegistry):
        """Knows one way to sign. The library warns that the name may also mean Ed448; our keys are all Ed25519."""

        def get_alg(self, name: str) -> Any:
            if name != ALGORITHM:
                raise UnsupportedAlgorithmError(f"only {ALGORITHM} is spoken here")
            return self.algorithms[name]

    return OnlyEdDSA()
