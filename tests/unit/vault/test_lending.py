"""What a team lends goes where the team says: who borrows it cannot have it sent to a place of his own."""

import pytest

from credmagic.errors import InvalidCredential
from credmagic.testing.authorization_server import AuthorizationServer
from vault_principals import another

LENT = {
    "databricks_service_principal_account": {"client_id": "app", "client_secret": "Kanari-lent-1"},
    "azure_service_principal": {"client_id": "app", "client_secret": "Kanari-lent-1", "azure_tenant_id": "t"},
    "snowflake_oauth_user_account": {"client_id": "app", "client_secret": "Kanari-lent-1", "account": "acc-1"},
}
PLACE = {
    "databricks_service_principal_account": "host",
    "azure_service_principal": "authority",
    "snowflake_oauth_user_account": "host",
}


@pytest.fixture
def mallory():
    with AuthorizationServer() as running:
        yield running


@pytest.mark.parametrize("kind", LENT)
def test_a_borrower_s_own_address_gets_nothing(vault, act, mallory, kind):
    lender = act("create", name="lender", kind=kind, fields=LENT[kind], team=True, verify=False)["id"]
    borrower = another(vault, "mallory")
    own = {"config_id": lender, PLACE[kind]: mallory.url}
    if "snowflake" in kind:
        own |= {"account": "acc-1", "refresh_token": "r-1234567"}
    act("create", by=borrower, name="mine", kind=kind, fields=own, verify=False)

    with pytest.raises(InvalidCredential, match="only where its lender says") as refused:
        act("resolve", by=borrower, ref="mine")
    assert PLACE[kind] in refused.value.errors
    assert not mallory.asked


def test_the_same_address_as_the_lenders_is_no_other(vault, act, mallory):
    kind = "databricks_service_principal_account"
    fields = {**LENT[kind], "host": mallory.url}
    lender = act("create", name="lender", kind=kind, fields=fields, team=True, verify=False)["id"]
    borrower = another(vault, "jo")
    act("create", by=borrower, name="mine", kind=kind, fields={"config_id": lender, "host": mallory.url}, verify=False)

    with pytest.raises(Exception) as refused:  # the lender's address is asked; this server knows no Databricks
        act("resolve", by=borrower, ref="mine")
    assert "lender says" not in str(refused.value)
    assert mallory.asked


@pytest.mark.parametrize("account", ["evil.example.org/", "evil.example.org?x=", "a@b", "a#b", "https://x"])
def test_an_account_of_snowflake_is_no_address(act, account):
    with pytest.raises(InvalidCredential) as refused:
        act("create", name="flake", kind="snowflake_oauth_user_account", verify=False,
            fields={"account": account, "client_id": "a", "client_secret": "s-1234567"})  # fmt: skip
    assert "account" in refused.value.errors
