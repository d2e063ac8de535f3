"""The kind `ssh_key`: a private key, with the place it opens if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from credmagic.kinds.adapters import adapter
from credmagic.kinds.base import CredentialKind, variable
from credmagic.kinds.fields import field, secret
from credmagic.kinds.pem import pem_file, pem_warnings
from credmagic.values import SecretStr


class SshKey(CredentialKind):
    """An SSH or other private key."""

    kind: ClassVar[str] = "ssh_key"
    title: ClassVar[str] = "SSH or private key"
    aliases: ClassVar[tuple[str, ...]] = ("rsa",)
    wire_kinds: ClassVar[Mapping[str, str]] = {"datarobot": "rsa"}
    probe: ClassVar[str | None] = "ssh"
    help: ClassVar[str] = "The private key file, kept byte for byte. git and ssh get it as a private file."
    variables: ClassVar[tuple[str, ...]] = ("NAME_KEY_FILE", "NAME_KNOWN_HOSTS_FILE", "GIT_SSH_COMMAND")

    private_key: SecretStr = secret(
        "Private key",
        "The whole file; drop it on the field.",
        type="text",
        aliases=("private_key_str", "rsa_private_key"),
        wire={"datarobot": "privateKeyStr"},
        placeholder="-----BEGIN OPENSSH PRIVATE KEY-----",
    )
    passphrase: SecretStr | None = secret("Passphrase", "Only if the key has one.", default=None)
    host: str | None = field("Host", default=None, trim=True, placeholder="git.example.org")
    user: str | None = field("User", default=None, aliases=("username",), trim=True, placeholder="git")
    port: int = field("Port", default=22, type="int", bounds=(1, 65535), more=True)
    public_key: str | None = field("Public key", default=None, type="text", more=True)
    known_hosts: str | None = field(
        "Known hosts",
        "Lines of a known_hosts file: the host must show one of these keys.",
        default=None,
        type="text",
        more=True,
    )

    def check(self) -> Mapping[str, str]:
        """Host and user become arguments of ssh and must not pass for options."""
        text = "must not begin with '-' or contain blanks"
        parts = {"host": self.host, "user": self.user}
        return {name: text for name, part in parts.items() if part and (part.startswith("-") or len(part.split()) > 1)}

    def environ(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """`GIT_SSH_COMMAND`, which git gives to a shell: it finds the files through their variables, if set."""
        key = variable("NAME_KEY_FILE", name, prefix)
        hosts = variable("NAME_KNOWN_HOSTS_FILE", name, prefix)
        command = f'ssh ${{{key}:+-i "${key}" -o IdentitiesOnly=yes}}'
        if self.known_hosts:
            command += f' ${{{hosts}:+-o "UserKnownHostsFile=\\"${hosts}\\"" -o StrictHostKeyChecking=yes}}'
        return {"GIT_SSH_COMMAND": command}

    def files(self, name: str, prefix: str | None = None) -> dict[str, str]:
        """The key (and the known hosts) with the line endings that ssh insists on."""
        found: dict[str, str] = {variable("NAME_KEY_FILE", name, prefix): SecretStr(pem_file(self.private_key))}
        if self.known_hosts:
            found[variable("NAME_KNOWN_HOSTS_FILE", name, prefix)] = pem_file(self.known_hosts)
        return found

    @adapter
    def ssh_args(self, key_file: str) -> list[str]:
        """Arguments for the program `ssh`: `subprocess.run(["ssh", *cred.ssh_args(key_file), "uptime"])`.

        `key_file` is the path of the private file that `%cred use NAME --export` names in `NAME_KEY_FILE`.
        """
        args = ["-i", key_file, "-o", "IdentitiesOnly=yes", "-p", str(self.port)]
        if self.host:
            args += ["--", f"{self.user}@{self.host}" if self.user else self.host]
        return args

    def warnings(self) -> list[str]:
        """With a word on a key that does not look like one."""
        return [*super().warnings(), *pem_warnings("private_key", self.private_key, "PRIVATE KEY")]
