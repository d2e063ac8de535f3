"""What does `docs/kinds.md` say? It is written by this module and by nothing else.

Write it anew with `python -m credmagic.kinds.document > docs/kinds.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from credmagic.kinds.base import CredentialKind
from credmagic.kinds.dialects import DIALECTS
from credmagic.kinds.fields import TYPES, FieldSpec
from credmagic.kinds.registry import all_kinds
from credmagic.kinds.services import SERVICES
from credmagic.kinds.token_kind import TokenKind

_HEAD = """# Kinds

*Made from the classes in `src/credmagic/kinds/` by `python -m credmagic.kinds.document > docs/kinds.md`; a test
compares. For people who use credentials; how to add a kind stands at the end.*

A **secret** field is sealed and never shown. `*` marks a required one. `NAME` stands for the credential's name in
upper case, with `_` for all but letters and digits; `--prefix P` takes its place. Every field can also be written in
camelCase, and by its other names. A field is emptied by null (in a form: "clear").
"""

_TAIL = """
## Services of `api_key`

| service | variables | header | Verify asks |
|---|---|---|---|
{services}

The variable `env` and the `header` of a credential win over the service's. A key of a named service is sent to that
service's host, or to the host of `url`, and nowhere else.

## Dialects of `database`

| dialect | in URLs | install | port |
|---|---|---|--:|
{dialects}

Any other SQLAlchemy dialect works when `driver` is given.

## Adding a kind

One file with a subclass of `credmagic.kinds.base.CredentialKind`, and one line in `pyproject.toml`, in credmagic or
in a package of your own:

```toml
[project.entry-points."credmagic.kinds"]
gitlab = "credmagic_gitlab:Gitlab"
```

```python
class Gitlab(CredentialKind):
    kind: ClassVar[str] = "gitlab"
    title: ClassVar[str] = "GitLab token"
    probe: ClassVar[str | None] = "http"

    token: SecretStr = secret("Access token", env=("GITLAB_TOKEN",))
    url: str = field("URL", "Your GitLab.", type="url", default="https://gitlab.com")

    def http_check(self) -> HttpCheck:
        return HttpCheck(f"{{self.url}}/api/v4/user", {{"PRIVATE-TOKEN": self.token}})
```

Its test is a subclass of `credmagic.testing.kind_suite.KindSuite` with `kind`, `good` and `bad` examples. A kind whose
secrets stay in the vault is a subclass of `credmagic.kinds.token_kind.TokenKind` that names its `exchange` and gives
it `token_request()`. When fields change, raise `version` and override `migrate`: what was stored before opens as
today's.

### Without code

A file `kinds/NAME.yaml` (or `.json`) in the configuration directory does for a kind of plain fields. `%cred status`
names a file that is damaged; the other kinds stay.

```yaml
kind: gitlab
title: GitLab token
fields:
  token: {{title: Access token, secret: true, env: GITLAB_TOKEN}}
  url: {{type: url, default: https://gitlab.com}}
verify: {{url: "{{url}}/api/v4/user", headers: {{PRIVATE-TOKEN: "{{token}}"}}}}
```

A field may have `title help type secret required default choices open_choice aliases env wire more placeholder`; types
are {types}. A JSON Schema with `properties` is taken as well (`writeOnly` marks a secret).
"""


def document() -> str:
    """The whole of `docs/kinds.md`."""
    parts = [_HEAD, *map(_section, all_kinds())]
    services = "\n".join(_row(f"`{name}`", _code(row.env), f"`{row.header}`", _asks(row.base, row.probe))
                         for name, row in SERVICES.items())  # fmt: skip
    dialects = "\n".join(
        _row(f"`{name}`", f"`{row.drivername}`", _code([row.package] if row.package else []), str(row.port or ""))
        for name, row in DIALECTS.items()
    )
    return "\n".join(parts) + _TAIL.format(services=services, dialects=dialects, types=_code(TYPES))


def _section(kind: type[CredentialKind]) -> str:
    about = kind.describe()
    lines = [f"## `{kind.kind}` · {kind.title}", "", about["help"], ""]
    lines += ["| field | other names | what | |", "|---|---|---|---|"]
    lines += [_field(spec) for spec in kind.specs()]
    lines += [f"| `{name}` | | derived | |" for name in kind.model_computed_fields]
    lines += ["", *_facts(kind)]
    return "\n".join(lines) + "\n"


def _facts(kind: type[CredentialKind]) -> Iterator[str]:
    about = kind.describe()
    if about["aliases"]:
        yield f"* Also called {_code(about['aliases'])}."
    if about["env"]:
        yield f"* Variables: {_code(about['env'])}."
    if about["adapters"]:
        yield f"* In code: {_code(f'{name}()' for name in about['adapters'])}."
    if issubclass(kind, TokenKind):
        yield (
            f"* Where one can be fetched (exchange `{kind.exchange}`), notebooks get a short-lived token as "
            f"`{kind.token_field}`; the secrets stay in the vault unless it is exportable."
        )
    if kind.lent:
        yield f"* `config_id` names a team credential that lends {_code(kind.lent)}."
    yield "* Verify asks the service." if about["verifiable"] else "* It cannot be verified."
    if about["help_url"]:
        yield f"* More: <{about['help_url']}>"


def _field(spec: FieldSpec) -> str:
    name = f"**`{spec.name}`**" if spec.secret else f"`{spec.name}`"
    default = "" if spec.default in (None, [], "") else f"default `{_text(spec.default)}`"
    choices = f"one of {_code(spec.choices)}{' or another' if spec.open_choice else ''}" if spec.choices else ""
    facts = "; ".join(filter(None, [spec.help.rstrip("."), choices, default]))
    type_ = f"secret {spec.type}" if spec.secret else spec.type
    return _row(name + ("*" if spec.required else ""), _code(spec.aliases), type_, f"{spec.title}. {facts}".strip())


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _text(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _asks(base: str | None, path: str) -> str:
    return f"{base or '`url`'}{path}" if base or path else "`url`"


def _code(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.stdout.write(document())
