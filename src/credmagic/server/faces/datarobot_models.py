"""What may be sent to and comes from the DataRobot face?

Answers have exactly these fields, none of them for a secret value. What may be sent is said by the kinds themselves:
a credential's body is one of as many shapes as there are kinds, made from each kind's own JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import ConfigDict, Field, WithJsonSchema

from credmagic.kinds import names
from credmagic.kinds.base import CredentialKind
from credmagic.kinds.registry import all_kinds
from credmagic.server.views import View

FACE = "datarobot"
DEFAULT_TYPE = "basic"
"""The type of a credential whose creation names none."""
OBJECT_TYPES = {
    "batch_prediction_job_definition": "batchPredictionJobDefinition",
    "dataconnection": "dataconnection",
    "job": "job",
    "kernelspec": "kernelspec",
    "notebook": "notebook",
    "server": "server",
}
"""How a type of object is spelled in addresses (and in the vault) → in bodies."""


class ApiVersion(View):
    """The version of the DataRobot API this server speaks."""

    major: int
    minor: int
    versionString: str
    releasedVersion: str


class DataRobotCredential(View):
    """A credential in DataRobot's shape; the last five are extensions."""

    credentialId: str
    name: str
    credentialType: str
    creationDate: str
    description: str
    environment: str
    status: str
    version: int
    expiresAt: str | None
    verifiedAt: str | None


class DataRobotAssociation(View):
    """What a credential is attached to."""

    objectId: str
    objectType: str
    isDefault: bool
    link: str | None


class DataRobotAssociatedCredential(DataRobotCredential):
    """A credential seen from the object it is attached to."""

    objectId: str
    objectType: str
    isDefault: bool


class _Page(View):
    count: int
    totalCount: int
    next: str | None
    previous: str | None


class DataRobotCredentials(_Page):
    """A page of credentials."""

    data: list[DataRobotCredential]


class DataRobotAssociations(_Page):
    """A page of associations of one credential."""

    data: list[DataRobotAssociation]


class DataRobotAssociatedCredentials(_Page):
    """A page of credentials attached to one object."""

    data: list[DataRobotAssociatedCredential]


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────────────────


def _each_kind(schema: dict[str, Any]) -> None:
    """A new credential: what describes it, and the fields of its kind."""
    describing, required = schema.pop("properties"), schema.pop("required")
    for key in ("type", "additionalProperties"):
        del schema[key]
    schema["anyOf"] = [_shape(cls, describing, required) for cls in all_kinds()]


def _any_kind(schema: dict[str, Any]) -> None:
    """A change: fields of whichever kind it is, and something is sent."""
    for name, forms in _fields_of_all().items():
        schema["properties"][name] = forms[0] if len(forms) == 1 else {"anyOf": forms}
    schema["minProperties"] = 1


def _fields_of_all() -> dict[str, list[dict[str, Any]]]:
    """Every field's name here → its schemas: kinds may mean different things by one name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for cls in all_kinds():
        for name, field in _fields(cls).items():
            forms = found.setdefault(name, [])
            bare = {key: value for key, value in field.items() if key not in ("title", "description", "default")}
            if bare not in forms:
                forms.append(bare)
    return found


def _shape(cls: type[CredentialKind], describing: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """The body for one kind."""
    kind = cls.wire_kind(FACE)
    needed = [*required, *(cls.wire_name(FACE, name) for name in cls.json_schema().get("required", []))]
    return {
        "title": cls.title,
        "type": "object",
        "additionalProperties": False,
        "properties": {**describing, "credentialType": {"const": kind}, **_fields(cls)},
        "required": needed if kind == DEFAULT_TYPE else ["credentialType", *needed],
    }


def _fields(cls: type[CredentialKind]) -> dict[str, dict[str, Any]]:
    """The kind's fields by DataRobot's names."""
    fields = cls.json_schema()["properties"]
    return {cls.wire_name(FACE, name): _taken(cls, name, field) for name, field in fields.items()}


def _taken(cls: type[CredentialKind], name: str, field: dict[str, Any]) -> dict[str, Any]:
    """A field's own schema; JSON documents may be sent as what they are, or as text."""
    spec = cls.spec(name)
    if spec is None or spec.type != "json":
        return field
    said = {key: value for key, value in field.items() if key not in ("type", "anyOf", "additionalProperties")}
    return {**said, "type": ["object", "string", *(["null"] if "anyOf" in field else [])]}


_Name: TypeAlias = Annotated[str, Field(max_length=names.NAME_LENGTH, pattern=names.NAME)]


class _Described(View):
    """What is said of a credential beside its fields."""

    description: Annotated[str, Field(max_length=names.DESCRIPTION_LENGTH, pattern=names.SOME_LINES)] | None = None
    expiresAt: Annotated[str, Field(description="A date, or date and time (ISO 8601)")] | None = None
    tags: (
        Annotated[
            list[Annotated[str, Field(max_length=names.TAG_LENGTH, pattern=names.ONE_LINE)]],
            Field(max_length=names.TAG_COUNT),
        ]
        | None
    ) = None


class DataRobotCreation(_Described):
    """A new credential; its type says which fields it has."""

    model_config = ConfigDict(json_schema_extra=_each_kind)

    name: _Name
    credentialType: str = DEFAULT_TYPE
    environment: Annotated[str, Field(pattern=f"^({names.ENVIRONMENT})?$")] | None = None


class DataRobotChanges(_Described):
    """What of a credential changes; what is absent stays, null clears a field.

    A name without a description clears the description.
    """

    model_config = ConfigDict(json_schema_extra=_any_kind)

    name: _Name | None = None


_OBJECT_TYPE = WithJsonSchema({"type": "string", "enum": sorted({*OBJECT_TYPES, *OBJECT_TYPES.values()})})


class DataRobotObject(View):
    """Something to attach to."""

    model_config = ConfigDict(extra="ignore")

    objectType: Annotated[str, _OBJECT_TYPE]
    objectId: Annotated[str, Field(min_length=1, max_length=1024)]


def _one_of_both(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        del field["default"]
    schema["oneOf"] = [{"required": [name]} for name in schema["properties"]]


class DataRobotObjects(View):
    """What to attach to, or what to detach from: one of both."""

    model_config = ConfigDict(json_schema_extra=_one_of_both)

    credentialsToAdd: Annotated[list[DataRobotObject], Field(min_length=1)] = []
    credentialsToRemove: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)] = []


class DataRobotDefault(View):
    """Whether the credential is to be the default of that object."""

    model_config = ConfigDict(extra="ignore")

    isDefault: bool = False
