"""Who made an artifact: signed by an SSH key, and checked by the keys that a user trusts."""

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.errors import InputError
from infer.folders.artifact import ARTIFACT_MANIFEST
from infer.shipping.pack import pack
from infer.shipping.signature import NAMESPACE, SUFFIX
from infer.shipping.verify import verify

Tinybert = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH is not installed")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the SSH keys of a maker and of somebody else."""
    folder = tmp_path_factory.mktemp("keys")
    for name, kind in (("maker", "ed25519"), ("other", "ed25519"), ("rsa", "rsa")):
        command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(command, check=True)
    both = (folder / "other.pub").read_text() + "# trusted\n\n" + (folder / "maker.pub").read_text()
    (folder / "trusted.pub").write_text(both)
    return folder


@pytest.fixture
def signed(artifacts: Path, keys: Path, tmp_path: Path) -> Path:
    return pack(artifacts / "onnx-int8", tmp_path / "signed.zip", key=keys / "maker").path


def fingerprint(key: Path) -> str:
    return subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True).stdout.split()[1]


@pytest.mark.parametrize("trusted", ["maker.pub", "trusted.pub"])
def test_the_maker_is_named(tinybert: Tinybert, signed: Path, keys: Path, tmp_path: Path, trusted: str) -> None:
    with zipfile.ZipFile(signed) as file:
        file.extractall(tmp_path / "unpacked")
    for path in (signed, tmp_path / "unpacked"):
        code, out, err = tinybert("verify", path, "--key", keys / trusted)
        assert (code, err) == (0, "")
        assert f"signed by   {fingerprint(keys / 'maker.pub')}" in out.splitlines()
        said = json.loads(tinybert("verify", path, "--key", keys / trusted, "--json")[1])
        assert (said["signed"], said["signed_by"]) == (True, fingerprint(keys / "maker.pub"))


def test_rsa_keys_sign_too(artifacts: Path, keys: Path, tmp_path: Path) -> None:
    path = pack(artifacts / "onnx-int8", tmp_path / "signed.zip", key=keys / "rsa").path
    assert verify(path, keys / "rsa.pub").signed_by == fingerprint(keys / "rsa.pub")


def test_an_unchecked_signature_is_said_to_be_unchecked(tinybert: Tinybert, signed: Path, keys: Path) -> None:
    _, out, _ = tinybert("verify", signed)
    assert "signed      not checked: name the key of whoever made it with --key" in out.splitlines()
    assert json.loads(tinybert("verify", signed, "--json")[1])["signed_by"] is None


def test_another_maker_is_refused(tinybert: Tinybert, signed: Path, keys: Path) -> None:
    code, out, err = tinybert("verify", signed, "--key", keys / "other.pub")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {signed / ARTIFACT_MANIFEST}{SUFFIX}: is not a signature of this manifest by ")
    assert len(err.splitlines()) == 1


def test_what_is_not_signed_is_refused_if_a_key_is_given(artifacts: Path, keys: Path) -> None:
    with pytest.raises(InputError, match=r"onnx-int8: is not signed: do not use it, or have it packed with --sign$"):
        verify(artifacts / "onnx-int8", keys / "maker.pub")


@pytest.mark.parametrize("change", ["a label", "the tokenizer", "the signature", "another namespace"])
def test_a_change_by_somebody_else_is_refused(
    signed: Path, keys: Path, tmp_path: Path, seal: Callable[[Path], None], change: str
) -> None:
    """Whoever can change a file can write its new hash into the manifest, too."""
    folder = tmp_path / "changed"
    with zipfile.ZipFile(signed) as file:
        file.extractall(folder)
    manifest, signature = folder / ARTIFACT_MANIFEST, folder / (ARTIFACT_MANIFEST + SUFFIX)
    if change == "a label":
        text = manifest.read_text(encoding="utf-8")
        manifest.write_text(text.replace('"good"', '"fine"', 1), encoding="utf-8")
    elif change == "the tokenizer":
        text = (folder / "tokenizer.json").read_text(encoding="utf-8")
        (folder / "tokenizer.json").write_text(text + " ", encoding="utf-8")
        entry = json.loads(manifest.read_text(encoding="utf-8"))
        entry["files"]["tokenizer.json"] = {
            "sha256": subprocess.run(
                ["sha256sum", folder / "tokenizer.json"], capture_output=True, text=True, check=True
            ).stdout.split()[0],
            "size_bytes": (folder / "tokenizer.json").stat().st_size,
        }
        manifest.write_text(json.dumps(entry), encoding="utf-8")
    elif change == "the signature":
        signature.write_text("-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n", encoding="utf-8")
    else:
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", f"not-{NAMESPACE}", "-f", str(keys / "maker"), str(manifest)]
        signature.unlink()
        subprocess.run(command, check=True)
    verify(folder)
    with pytest.raises(InputError, match="is not a signature of this manifest by"):
        verify(folder, keys / "maker.pub")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("none", "{keys}/none: no such key: name an SSH key; ssh-keygen -t ed25519 makes one"),
        ("trusted.pub", "{keys}/trusted.pub: cannot sign ("),
    ],
)
def test_a_key_that_cannot_sign_leaves_no_file(
    tinybert: Tinybert, artifacts: Path, keys: Path, tmp_path: Path, key: str, message: str
) -> None:
    out = tmp_path / "model.zip"
    code, _, err = tinybert("pack", artifacts / "onnx-int8", "--out", out, "--sign", keys / key)
    assert (code, out.exists()) == (2, False)
    assert err.startswith(f"error: {message.format(keys=keys)}")


@pytest.mark.parametrize(("text", "cause"), [("", "is not a public SSH key"), ("hello", "is not a public SSH key")])
def test_what_is_no_public_key_is_refused(signed: Path, tmp_path: Path, text: str, cause: str) -> None:
    (tmp_path / "key.pub").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=cause):
        verify(signed, tmp_path / "key.pub")
