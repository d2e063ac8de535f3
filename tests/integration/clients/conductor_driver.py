"""Does as told with Conductor's own, unmodified client: one JSON line in, one out. Runs where that client is installed.

In: `{"call": "method", "name": …, "args": […]}` and the other functions of `Driver`; `{"model": class, …}` in `args`
becomes an object of the client's. Out: `{"ok": …}`, or `{"error": class, "status", "error_code", "message"}`.
"""

import asyncio
import json
import sys

from conductor.client.configuration.configuration import Configuration
from conductor.client.http import models
from conductor.client.http.async_api_client import AsyncApiClient
from conductor.client.http.models.create_or_update_role_request import CreateOrUpdateRoleRequest
from conductor.client.http.models.target_ref import TargetType
from conductor.client.orkes.models.metadata_tag import MetadataTag
from conductor.client.orkes_clients import OrkesClients

MODELS = vars(models) | {cls.__name__: cls for cls in (CreateOrUpdateRoleRequest, MetadataTag, TargetType)}
PLAIN = (str, int, float, bool, type(None))


class Driver:
    """One client at a time; without `new` it is the one that the environment alone describes."""

    def __init__(self):
        self.configuration = self.client = None

    def new(self, **settings):
        self.configuration = Configuration(**settings)
        self.client = OrkesClients(self.configuration).get_authorization_client()
        return self.configuration.AUTH_TOKEN is not None

    def method(self, name, args):
        return plain(getattr(self.client, name)(*[model(arg) for arg in args]))

    def methods(self):
        return [name for name, value in vars(type(self.client)).items() if callable(value) and name[0] != "_"]

    def age(self, minutes):
        """The client believes that it fetched its token so long ago."""
        self.configuration.token_update_time -= minutes * 60_000

    def token(self, becomes=None):
        """The token the client holds, or shall hold from now on."""
        if becomes is not None:
            self.configuration.AUTH_TOKEN = becomes
        return self.configuration.AUTH_TOKEN

    def is_anonymous(self):
        return self.configuration.authentication_settings is None

    def in_loop(self, paths):
        """GET all of `paths` at once with the asynchronous client."""

        async def all_of_them():
            async with AsyncApiClient(self.configuration) as client:
                get = [
                    client.call_api(path, "GET", response_type="object", _return_http_data_only=True) for path in paths
                ]
                return await asyncio.gather(*get)

        return asyncio.run(all_of_them())


def model(arg):
    if isinstance(arg, list):
        return [model(item) for item in arg]
    if not isinstance(arg, dict):
        return arg
    fields = {name: model(value) for name, value in arg.items() if name != "model"}
    return MODELS[arg["model"]](**fields)


def plain(value):
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, PLAIN):
        return value
    shown = value.to_dict() if hasattr(value, "to_dict") else vars(value)
    return {name.lstrip("_"): plain(item) for name, item in shown.items()}


def main():
    driver = Driver()
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"ok": getattr(driver, asked.pop("call"))(**asked)}
        except Exception as error:
            told = {name: getattr(error, name, None) for name in ("status", "error_code", "message")}
            answer = {"error": type(error).__name__, **told}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
