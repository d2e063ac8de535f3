"""Does the recovery key open a whole store whose key file is gone, and does nothing else?"""

from __future__ import annotations

from pathlib import Path

import pytest

from credmagic.errors import VaultLocked
from credmagic.wiring import local_client


def test_a_store_whose_key_file_is_gone_opens_with_the_recovery_key_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, canary: str
) -> None:
    client = local_client()
    client.call("create", name="api", kind="bearer", fields={"token": canary}, verify=False)
    paper = client.call("recovery_key")["recovery_key"]
    newest = client.call("recovery_key")["recovery_key"]
    client.close()
    (home / "config" / "credmagic.key").unlink()
    with pytest.raises(VaultLocked) as caught:
        local_client().resolve("api")
    assert "CREDMAGIC_RECOVERY_KEY_FILE" in caught.value.next_step
    monkeypatch.setenv("CREDMAGIC_RECOVERY_KEY", paper)
    with pytest.raises(VaultLocked):  # an older one is void
        local_client().resolve("api")
    monkeypatch.setenv("CREDMAGIC_RECOVERY_KEY", newest)
    again = local_client()
    assert again.resolve("api")["fields"]["token"] == canary
    again.call("protect", provider="key_file")
    again.close()
    monkeypatch.delenv("CREDMAGIC_RECOVERY_KEY")
    assert local_client().resolve("api")["fields"]["token"] == canary
