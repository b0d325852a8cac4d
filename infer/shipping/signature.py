"""Signs a manifest with an SSH key, and checks by whom one was signed.

The hashes in a manifest tell damage from what was made, not who made it. OpenSSH signs and verifies (`ssh-keygen -Y`,
its format SSHSIG): most people who copy files to a device have a key and its agent, and nothing is to be installed.
"""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from contract.errors import InputError

SUFFIX = ".sig"
LIMIT_BYTES = 2**14
# Keeps a signature of something else by the same key from being taken for one of a manifest.
NAMESPACE = "tinybert-edge"
SIGNER = "signer"
KEY_TYPES = ("ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-", "sk-ecdsa-sha2-", "ssh-rsa")
FINGERPRINT = re.compile(r"key (SHA256:\S+)")


def sign(data: bytes, key: Path) -> bytes:
    """Sign bytes.

    Args:
        data: the bytes.
        key: a private SSH key, or a public one whose private key the agent holds.

    Returns:
        The signature, as text between two lines that name it.

    Raises:
        InputError: the key cannot be read or used.
    """
    if not key.is_file():
        raise InputError(f"{key}: no such key", "name an SSH key; ssh-keygen -t ed25519 makes one")
    done = _ssh_keygen(["-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(key)], data)
    if done.returncode:
        raise InputError(f"{key}: cannot sign ({_last_line(done)})", "name a private SSH key, or one of your agent")
    return done.stdout


def check(data: bytes, signature: bytes, public_key: Path, source: str) -> str:
    """Check who signed bytes.

    Args:
        data: the bytes.
        signature: what `sign` returned for them.
        public_key: a file of public SSH keys, one per line; any of them may have signed.
        source: name of the signature, to begin an error with.

    Returns:
        The fingerprint of the key that signed them, such as `SHA256:…`.

    Raises:
        InputError: they were signed by another key, they were changed, or the file holds no public key.
    """
    with tempfile.TemporaryDirectory(prefix="tinybert-") as folder:
        allowed, file = Path(folder, "allowed"), Path(folder, "signature")
        allowed.write_text("".join(f"{SIGNER} {key}\n" for key in _public_keys(public_key)), encoding="utf-8")
        file.write_bytes(signature)
        who = ["-f", str(allowed), "-I", SIGNER, "-n", NAMESPACE]
        done = _ssh_keygen(["-Y", "verify", *who, "-s", str(file)], data)
    fingerprint = FINGERPRINT.search(done.stdout.decode(errors="replace"))
    if done.returncode or fingerprint is None:
        cause = f"{source}: is not a signature of this manifest by {public_key} ({_last_line(done)})"
        raise InputError(cause, "do not use it, or name the key of whoever made it")
    return fingerprint.group(1)


def _public_keys(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})", "name a file of public SSH keys") from error
    keys = [key for key in map(str.strip, lines) if key and not key.startswith("#")]
    if not keys or not all(key.startswith(KEY_TYPES) for key in keys):
        raise InputError(f"{path}: is not a public SSH key", "name the .pub file of a key")
    return keys


def _ssh_keygen(arguments: Sequence[str], data: bytes) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(["ssh-keygen", *arguments], input=data, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise InputError("ssh-keygen is not installed", "install OpenSSH 8.1 or newer") from error


def _last_line(done: "subprocess.CompletedProcess[bytes]") -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
