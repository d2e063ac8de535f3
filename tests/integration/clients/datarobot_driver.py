"""Runs in the environment of the `datarobot` package: one JSON request a line, one JSON answer a line."""

import json
import sys
import warnings

import datarobot as dr
from datarobot.rest import RESTClientObject
from datarobot.utils.pagination import unpaginate

answers, sys.stdout = sys.stdout, sys.stderr


def shown(made):
    if not isinstance(made, dr.Credential):
        return made
    return {**vars(made), "creation_date": made.creation_date.isoformat()}


def connect(**settings):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client = dr.Client(**settings)
    return {"endpoint": client.endpoint, "warnings": [str(one.message) for one in caught]}


def methods():
    """What a user may call on `dr.Credential`."""
    return sorted(name for name in vars(dr.Credential) if name[0] != "_" and callable(getattr(dr.Credential, name)))


def rest(method, path, body=None):
    client: RESTClientObject = dr.client.get_client()
    answer = getattr(client, method)(path, **({} if body is None else {"json": body}))
    return {"status": answer.status_code, "body": answer.json() if answer.content else None}


def pages(path, **query):
    return list(unpaginate(path, query, dr.client.get_client()))


def test_data_store(data_store_id, credential_id):
    store = dr.DataStore(data_store_id=data_store_id)
    return store.test(credential_id=credential_id, set_default_credential=True)


def on_credential(method, settings):
    """Call that method of `dr.Credential`; with a credential_id, and but for `get`, of that very credential."""
    if method == "get" or "credential_id" not in settings:
        made = getattr(dr.Credential, method)(**settings)
        return [shown(one) for one in made] if isinstance(made, list) else shown(made)
    credential = dr.Credential.get(settings.pop("credential_id"))
    getattr(credential, method)(**settings)
    return shown(credential)


OWN = {"connect": connect, "methods": methods, "rest": rest, "pages": pages, "test_data_store": test_data_store}

for line in sys.stdin:
    request = json.loads(line)
    call = request.pop("call")
    try:
        answer = {"ok": OWN[call](**request) if call in OWN else on_credential(call, request)}
    except Exception as error:
        answer = {
            "error": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "text": str(error),
            "json": getattr(error, "json", None),
        }
    print(json.dumps(answer), file=answers, flush=True)
