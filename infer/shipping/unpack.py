"""Unpacks an archive to a temporary folder."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from infer.shipping.contents import Contents

UNNAMED = "artifact"


@contextmanager
def unpacked(files: Contents) -> Iterator[Path]:
    """Yield a folder with the files of a verified archive, named like it, which is removed after the block."""
    name = files.path.stem
    with TemporaryDirectory(prefix="tinybert-") as temporary:
        folder = Path(temporary, name if name.strip(".") else UNNAMED)
        for file in files.sizes_bytes:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            with files.open(file) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
        yield folder
