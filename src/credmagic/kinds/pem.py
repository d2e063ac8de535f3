"""What is in a key or certificate file, and how does it have to look where it is used?

Stored byte for byte as given. Where a program reads it, it is brought into the form programs insist on: real line
breaks, LF, one at the end.
"""

from __future__ import annotations

import re
from datetime import datetime

_KNOWN = ("CERTIFICATE", "PUBLIC KEY", "PRIVATE KEY", "CERTIFICATE REQUEST")
_LABEL = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,64})-----")


def pem_label(text: str) -> str | None:
    """What the text says it is, e.g. `OPENSSH PRIVATE KEY`; None if it is no PEM."""
    found = _LABEL.search(text)
    return found.group(1) if found else None


def pem_file(text: str) -> str:
    """The text as a file: literal `\\n` in a single line become line breaks, CRLF becomes LF, the last line ends."""
    text = str.__str__(text)
    if "\\n" in text and "\n" not in text.strip():
        text = text.replace("\\r", "").replace("\\n", "\n")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") else text + "\n"


def pem_warnings(field: str, text: str, expected: str) -> list[str]:
    """What looks odd about a PEM whose label should end in `expected`; never a reason to refuse it."""
    label = pem_label(text)
    if label is None:
        return [f"{field} does not look like a PEM (no -----BEGIN … line); it was kept exactly as given"]
    if not label.endswith(expected):
        known = next((what for what in _KNOWN if label.endswith(what)), "something else")
        return [f"{field} holds {known.lower()}, not a {expected.lower()}; it was kept exactly as given"]
    return []


def certificate_end(text: str | None) -> datetime | None:
    """When the certificates in a PEM have ended (UTC): of several the last; None where no certificate is read.

    The last, because a use is refused from then on: a bundle serves as long as one in it does.
    """
    from cryptography import x509

    try:
        return max(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(pem_file(text or "").encode()))
    except (ValueError, x509.InvalidVersion):
        return None
