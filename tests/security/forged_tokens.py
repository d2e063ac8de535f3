"""Every way to forge, bend or replay a token that we know of: `attacks(...)` yields (name, token).

`Forge` holds what the worst attacker of each kind has: a valid token of somebody, the public key, keys of its own; and,
to show that a signature alone is not enough, the store's signing key itself.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from credmagic.crypto.jwt import PERIOD
from credmagic.crypto.keyset import Keyset

ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the group that Ed25519 signatures live in."""
Attack = tuple[str, str]
_GONE = object()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Forge:
    """`token` is valid for the store of `keyset`, `other` for another identity; `stranger` are another store's keys."""

    keyset: Keyset
    stranger: Keyset
    token: str
    other: str

    @property
    def parts(self) -> list[str]:
        return self.token.split(".")

    @cached_property
    def header(self) -> dict[str, Any]:
        return dict(json.loads(unb64(self.parts[0])))

    @cached_property
    def claims(self) -> dict[str, Any]:
        return dict(json.loads(unb64(self.parts[1])))

    @property
    def key(self) -> Ed25519PrivateKey:
        return self.keyset.signing_key(int(self.header["kid"]))

    @property
    def raw_public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def signed(self, header: Any = None, claims: Any = None, key: Any = None) -> str:
        """A token with these parts, signed by `key` (else the store's own) with EdDSA."""
        said = f"{b64(compact(self.header if header is None else header))}.{b64(compact(claims or self.claims))}"
        return f"{said}.{b64((key or self.key).sign(said.encode()))}"

    def with_header(self, **changed: Any) -> str:
        return self.signed({k: v for k, v in {**self.header, **changed}.items() if v is not _GONE})

    def with_claims(self, **changed: Any) -> str:
        return self.signed(claims={k: v for k, v in {**self.claims, **changed}.items() if v is not _GONE})

    def hmac_signed(self, alg: str, key: bytes, **header: Any) -> str:
        said = f"{b64(compact({**self.header, 'alg': alg, **header}))}.{self.parts[1]}"
        return f"{said}.{b64(hmac.digest(key, said.encode(), 'sha' + alg[2:]))}"


def attacks(forge: Forge) -> Iterator[Attack]:
    """All of them, each under a name of its own."""
    for family in (
        algorithms, unsigned, other_keys, key_ids, headers, doubled, claims, times, addresses, identities, encodings,
        cuts, flips, signatures, sizes, other_times,
    ):  # fmt: skip
        for name, token in family(forge):
            yield f"{family.__name__}: {name}", token


# ── the algorithm ────────────────────────────────────────────────────────────────────────────────────────────
def algorithms(forge: Forge) -> Iterator[Attack]:
    """What is public about the key, taken for the secret of a MAC."""
    public = forge.key.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    jwk = compact({"kty": "OKP", "crv": "Ed25519", "x": b64(forge.raw_public)})
    keys = {
        "raw": forge.raw_public, "pem": pem, "pem without its last line end": pem.strip(), "der": der, "jwk": jwk,
        "x": b64(forge.raw_public).encode(), "kid": forge.header["kid"].encode(), "nothing": b"", "zeros": bytes(32),
        "issuer": forge.claims["iss"].encode(),
    }  # fmt: skip
    for alg in ("HS256", "HS384", "HS512"):
        for name, key in keys.items():
            yield f"{alg} with {name}", forge.hmac_signed(alg, key)
    for alg in ("Ed25519", "Ed448", "eddsa", "EDDSA", "EdDSA ", " EdDSA", "EdDSA\x00", "ES256", "RS256", "PS256", "HS256",
                "ES256K", "dir", "A128KW", "ECDH-ES", None, 0, 1, True, [], ["EdDSA"], {}, {"alg": "EdDSA"}):  # fmt: skip
        yield f"its own signature under alg {alg!r}", forge.with_header(alg=alg)
    yield "its own signature without alg", forge.with_header(alg=_GONE)


def unsigned(forge: Forge) -> Iterator[Attack]:
    payload, signature = forge.parts[1:]
    for alg in ("none", "None", "NONE", "nOnE", "noNe", "", "null"):
        header = b64(compact({**forge.header, "alg": alg}))
        yield f"alg {alg!r}, no signature", f"{header}.{payload}."
        yield f"alg {alg!r}, the signature of another", f"{header}.{payload}.{signature}"
        yield f"alg {alg!r}, two parts", f"{header}.{payload}"
    yield "the true header, no signature", f"{forge.parts[0]}.{payload}."
    yield "Admin of one's own, unsigned", f"{b64(compact({'alg': 'none'}))}.{b64(compact({**forge.claims}))}."


def other_keys(forge: Forge) -> Iterator[Attack]:
    """Well signed, by somebody else."""
    for name in ("EdDSA", "Ed25519"):
        own = Ed25519PrivateKey.generate()
        yield f"{name} by a key of one's own", forge.signed({**forge.header, "alg": name}, key=own)
    period = int(forge.header["kid"])
    yield "the same period of another store", forge.signed(key=forge.stranger.signing_key(period))
    yield "the key of another period", forge.signed(key=forge.keyset.signing_key(period - 1))
    own = Ed25519PrivateKey.generate()
    said = forge.parts[0] + "." + forge.parts[1]
    yield "Ed448", f"{said}.{b64(ed448.Ed448PrivateKey.generate().sign(said.encode()))}"
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(own.public_key().public_bytes_raw())}
    for extra in ("jwk", "jku", "x5u", "x5c", "x5t", "jwks", "cty"):
        value = {"jwk": jwk, "jwks": {"keys": [jwk]}, "x5c": [jwk["x"]]}.get(extra, "https://evil.example/keys.json")
        yield f"its own key offered as {extra}", forge.signed({**forge.header, extra: value}, key=own)
    said = f"{b64(compact({**forge.header, 'alg': 'RS256'}))}.{forge.parts[1]}"
    signature = rsa.generate_private_key(65537, 2048).sign(said.encode(), padding.PKCS1v15(), hashes.SHA256())
    yield "RS256", f"{said}.{b64(signature)}"
    said = f"{b64(compact({**forge.header, 'alg': 'ES256'}))}.{forge.parts[1]}"
    yield (
        "ES256",
        f"{said}.{b64(ec.generate_private_key(ec.SECP256R1()).sign(said.encode(), ec.ECDSA(hashes.SHA256())))}",
    )
    yield "ES256 of zeros", f"{said}.{b64(bytes(64))}"


# ── the header ───────────────────────────────────────────────────────────────────────────────────────────────
def key_ids(forge: Forge) -> Iterator[Attack]:
    """Each well signed by the store's own key: only the header is wrong."""
    period = int(forge.header["kid"])
    for kid in (
        str(period + 1), str(period - 1), str(period - 2), str(-period), f"0{period}", f" {period}", f"{period} ",
        f"+{period}", f"{period}.0", f"{period}\n", hex(period), "0", "", period, float(period), None, True, [],
        [str(period)], {"kid": period}, "../../../../dev/null", "/dev/null", "file:///etc/passwd", "' OR '1'='1",
        "1; DROP TABLE access_keys", "https://evil.example/key", "a" * 4000, "\u0000", "\ud83d\ude00", "٣٤٥", "$(id)",
    ):  # fmt: skip
        yield f"kid {kid!r:.40}", forge.with_header(kid=kid)
    yield "no kid", forge.with_header(kid=_GONE)


def headers(forge: Forge) -> Iterator[Attack]:
    """The same: signed by the store's key, with a header it never writes."""
    for typ in (
        "JWT",
        "at+JWT",
        "AT+JWT",
        "application/at+jwt",
        "at+jwt ",
        "",
        None,
        ["at+jwt"],
        "dpop+jwt",
        "logout+jwt",
    ):
        yield f"typ {typ!r}", forge.with_header(typ=typ)
    yield "no typ", forge.with_header(typ=_GONE)
    for crit in ([], ["exp"], ["b64"], ["alg"], ["x"], ["crit"], "exp", None, True, {}, ["x", "x"], [1]):
        yield f"crit {crit!r}", forge.with_header(crit=crit)
    yield "crit with what it names", forge.with_header(crit=["x"], x=1)
    yield "b64 false", forge.with_header(b64=False, crit=["b64"])
    for name in ("jku", "x5u"):
        for url in ("http://127.0.0.1:1/", "https://evil.example/", "file:///dev/zero", ""):
            yield f"{name} {url!r}", forge.with_header(**{name: url})
    yield (
        "jwk that is the true key",
        forge.with_header(jwk={"kty": "OKP", "crv": "Ed25519", "x": b64(forge.raw_public)}),
    )
    yield "zip", forge.with_header(zip="DEF")
    yield "enc", forge.with_header(enc="A256GCM")
    yield "an unknown name", forge.with_header(admin=True)
    yield "its names in another order", forge.signed(dict(reversed(forge.header.items())))
    yield "blanks in it", forge.signed(json.dumps(forge.header).encode())
    yield "a line end behind it", forge.signed(compact(forge.header) + b"\n")
    yield "a byte order mark", forge.signed(b"\xef\xbb\xbf" + compact(forge.header))
    yield "UTF-16", forge.signed(json.dumps(forge.header).encode("utf-16"))
    for name, text in {"a list": b"[]", "text": b'"EdDSA"', "null": b"null", "nothing": b" ", "no JSON": b"{", "NaN": b"NaN",
                       "deep": b"[" * 3000, "bytes": bytes(range(256)), "a huge number": b"9" * 4000}.items():  # fmt: skip
        yield f"it is {name}", forge.signed(text)


def doubled(forge: Forge) -> Iterator[Attack]:
    """A name that stands twice: two readers take two values."""
    head, body = compact(forge.header)[1:-1], compact(forge.claims)[1:-1]
    for name, first in {"alg": '"none"', "kid": '"0"', "typ": '"JWT"', "crit": '["x"]'}.items():
        yield (
            f"header {name}, the wrong first",
            forge.signed(b'{"%s":%s,' % (name.encode(), first.encode()) + head + b"}"),
        )
        yield (
            f"header {name}, the wrong last",
            forge.signed(b"{" + head + b',"%s":%s}' % (name.encode(), first.encode())),
        )
    for name, value in forge.claims.items():
        yield (
            f"claim {name} twice, the same",
            forge.signed(claims=b"{" + body + b',"%s":%s}' % (name.encode(), compact(value))),
        )
    for name, value in {"sub": '"00"', "exp": "99999999999", "plane": '"B"', "akid": '""', "akv": "0"}.items():
        pair = f'"{name}":{value}'.encode()
        yield f"claim {name}, another first", forge.signed(claims=b"{" + pair + b"," + body + b"}")
        yield f"claim {name}, another last", forge.signed(claims=b"{" + body + b"," + pair + b"}")


# ── the claims, each under a true signature ──────────────────────────────────────────────────────────────────
def claims(forge: Forge) -> Iterator[Attack]:
    for name, value in forge.claims.items():
        yield f"no {name}", forge.with_claims(**{name: _GONE})
        wrong = [None, [value], {"value": value}, True, 1.5, str(value) if isinstance(value, int) else 7]
        for other in wrong:
            yield f"{name} is a {type(other).__name__}", forge.with_claims(**{name: other})
    for extra in ("role", "scope", "admin", "principal", "cnf", "nonce", "Sub", "sub "):
        yield f"one more: {extra!r}", forge.with_claims(**{extra: "Admin"})
    for name, text in {"a list": b"[]", "text": b'"x"', "null": b"null", "no JSON": b"{", "no UTF-8": b"\xff\xfe", "an empty one": b"{}",
                       "deep": b"[" * 2000, "NaN": b'{"exp":NaN}', "an infinite end": b'{"exp":1e999}'}.items():  # fmt: skip
        yield f"they are {name}", forge.signed(claims=text)


def times(forge: Forge) -> Iterator[Attack]:
    now = int(time.time())
    past, hour = now - 3000, 3600
    yield "expired", forge.with_claims(iat=past, nbf=past, exp=now - 31)
    yield "expired long ago", forge.with_claims(iat=1, nbf=1, exp=900)
    yield "issued tomorrow", forge.with_claims(iat=now + 86400, exp=now + 87300)
    yield "issued in a minute", forge.with_claims(iat=now + 90, exp=now + 900)
    yield "not yet valid", forge.with_claims(nbf=now + 90)
    yield "valid for more than an hour", forge.with_claims(iat=now, exp=now + hour + 1)
    yield "valid for ever", forge.with_claims(exp=2**53)
    yield "valid beyond any clock", forge.with_claims(exp=2**70)
    yield "it ends where it begins", forge.with_claims(iat=now, exp=now)
    yield "it ends before it begins", forge.with_claims(iat=now, exp=now - 10)
    yield "expired before 1970", forge.with_claims(iat=-100, nbf=-100, exp=-1)
    yield "a float that is whole", forge.with_claims(exp=float(now + 900))
    yield "milliseconds", forge.with_claims(iat=now * 1000, nbf=now * 1000, exp=now * 1000 + 900_000)


def addresses(forge: Forge) -> Iterator[Attack]:
    issuer, audience = forge.claims["iss"], forge.claims["aud"]
    for name, other in {
        "empty": "", "with a slash": "/", "longer": "x", "in capitals": None, "with a blank": " ", "with a NUL": "\x00",
    }.items():  # fmt: skip
        yield f"iss {name}", forge.with_claims(iss=issuer.upper() if other is None else issuer + other if other else "")
        yield (
            f"aud {name}",
            forge.with_claims(aud=audience.upper() if other is None else audience + other if other else ""),
        )
    stranger = f"urn:credmagic:{forge.stranger.store_id.hex()}"
    yield "iss of another store", forge.with_claims(iss=stranger)
    yield "aud of another store", forge.with_claims(aud=f"{stranger}:api")
    yield "a list with the right aud", forge.with_claims(aud=[audience, "else"])
    yield "iss and aud exchanged", forge.with_claims(iss=audience, aud=issuer)
    yield "a cut aud", forge.with_claims(aud=audience[:-1])


def identities(forge: Forge) -> Iterator[Attack]:
    """A true signature over an identity that the store does not have, or not so."""
    other = json.loads(unb64(forge.other.split(".")[1]))
    sub = forge.claims["sub"]
    for name, value in {
        "nobody": "00" * 16, "empty": "", "no hex": "z" * 32, "cut": sub[:-2], "longer": sub + "00", "another": other["sub"],
        "a path": "../owner", "SQL": "' OR 1=1 --", "a huge one": "ab" * 2000,
    }.items():  # fmt: skip
        yield f"sub is {name}", forge.with_claims(sub=value)
    for name, value in {"another's": other["akid"], "unknown": "cmk_" + "a" * 20, "empty": "", "a huge one": "cmk_" + "a" * 4000,
                        "half a character": "\ud800"}.items():  # fmt: skip
        yield f"akid is {name}", forge.with_claims(akid=value)
    for step in (-2, -1, 1, 2, 1000, 2**63, 2**70, -(2**63)):
        yield f"akv {step:+}", forge.with_claims(akv=forge.claims["akv"] + step)
    for plane in ("", "m", "b", "K", "M ", "MB", "local", "kernel"):
        yield f"plane {plane!r}", forge.with_claims(plane=plane)


# ── the bytes ────────────────────────────────────────────────────────────────────────────────────────────────
def encodings(forge: Forge) -> Iterator[Attack]:
    head, body, signature = forge.parts
    token = forge.token
    yield "empty", ""
    for dots in (1, 2, 3, 4):
        yield f"{dots} dots", "." * dots
    yield from {
        "two parts": f"{head}.{body}", "four parts": f"{token}.", "five parts": f"{head}..{body}.{signature}.",
        "the parts exchanged": f"{body}.{head}.{signature}", "a blank before": f" {token}", "a blank behind": f"{token} ",
        "a line end": f"{token}\n", "padding": f"{token}==", "padding in the middle": f"{head}=.{body}.{signature}",
        "a word before": f"Bearer {token}", "quotes": f'"{token}"', "percent": token.replace(".", "%2E"),
        "twice": f"{token}{token}", "twice with a comma": f"{token},{token}", "capitals": token.upper(), "small": token.lower(),
        "a NUL": token + "\x00", "a NUL inside": f"{head}\x00.{body}.{signature}", "full stops": token.replace(".", "\u3002"),
        "a letter of another alphabet": token.replace("e", "\u0435", 1), "backwards": token[::-1], "hex": token.encode().hex(),
        "base64 of it": b64(token.encode()), "half a character": token + "\ud800", "a plus": head + "+." + body + "." + signature,
        "JSON": json.dumps({"protected": head, "payload": body, "signature": signature}),
        "JSON with signatures": json.dumps({"payload": body, "signatures": [{"protected": head, "signature": signature}]}),
        "no header": f".{body}.{signature}", "no payload": f"{head}..{signature}", "a key id": "cmk_" + "a" * 20,
    }.items()  # fmt: skip
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(signature[-1])
    for low in range(1, 16):  # the last character of 64 bytes carries two bits; decoders ignore the other four
        yield f"spare bits {low}", token[:-1] + alphabet[(last & 0b110000) | ((last + low) & 0b001111)]


def cuts(forge: Forge) -> Iterator[Attack]:
    size = len(forge.token)
    for end in [*range(1, 8), *range(10, size - 8, 23), *range(size - 8, size)]:
        yield f"the first {end}", forge.token[:end]
    for start in (1, 2, 4, 30, len(forge.parts[0]) + 1, size - 86):
        yield f"without the first {start}", forge.token[start:]


def flips(forge: Forge) -> Iterator[Attack]:
    """One bit of one byte, over the whole token."""
    for part in range(3):
        data = bytearray(unb64(forge.parts[part]))
        for at in range(0, len(data), max(1, len(data) // 14)):
            changed = bytearray(data)
            changed[at] ^= 1 << (at % 8)
            parts = forge.parts
            parts[part] = b64(bytes(changed))
            yield f"part {part}, byte {at}", ".".join(parts)


def signatures(forge: Forge) -> Iterator[Attack]:
    said = ".".join(forge.parts[:2])
    true = unb64(forge.parts[2])
    r, s = true[:32], int.from_bytes(true[32:], "little")
    for name, value in {
        "zeros": bytes(64), "ones": b"\xff" * 64, "cut by a byte": true[:-1], "a byte longer": true + b"\x00", "exchanged halves": true[32:] + r,
        "s plus the order": r + (s + ORDER).to_bytes(32, "little"), "s negated": r + (ORDER - s).to_bytes(32, "little"),
        "a point of small order": b"\x01" + bytes(31) + bytes(32), "r alone": r, "s zero": r + bytes(32), "twice": true + true,
        "of the payload alone": forge.key.sign(forge.parts[1].encode()), "of the decoded": forge.key.sign(unb64(forge.parts[1])),
        "of nothing": forge.key.sign(b""), "of another token": unb64(forge.other.split(".")[2]),
    }.items():  # fmt: skip
        yield name, f"{said}.{b64(value)}"


def sizes(forge: Forge) -> Iterator[Attack]:
    yield "a claim of 8 KiB", forge.with_claims(jti="x" * 8192)
    yield "a claim of 32 KiB", forge.with_claims(jti="x" * 32768)
    yield "a payload that begins well", forge.token + "A" * 8192
    yield "60 000 dots", "." * 60_000
    yield "60 000 letters", "A" * 60_000
    yield "1 MiB of claims", forge.with_claims(jti="x" * (1 << 20))
    yield "1 MiB of letters", "e" * (1 << 20)
    yield "1 MiB of dots", "." * (1 << 20)
    yield "1 MiB of brackets", f"{b64(b'[' * 786_000)}.{forge.parts[1]}.{forge.parts[2]}"


def other_times(forge: Forge) -> Iterator[Attack]:
    """Whole tokens as this store would have made them, or will."""
    now = int(time.time())
    for away in (-3, -2, 2, 3):
        period = now // PERIOD + away
        header = {**forge.header, "kid": str(period)}
        yield f"{away:+} periods, signed then", forge.signed(header, key=forge.keyset.signing_key(period))
        at = period * PERIOD + 5
        then = {**forge.claims, "iat": at, "nbf": at, "exp": at + 900}
        yield f"{away:+} periods, all of it", forge.signed(header, then, forge.keyset.signing_key(period))
