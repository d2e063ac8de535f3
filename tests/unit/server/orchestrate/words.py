"""Where connections are on Orchestrate's face, and what its client lists of them."""

APPS = "connections/applications"
PASSWORD = "correct horse battery"


def rows(call, app=None):
    """The rows of the listing, of one connection or of all."""
    found = call("GET", f"{APPS}?include_details=true").json()["applications"]
    return [row for row in found if app in (None, row["app_id"])]
