"""Archives of `tinybert pack` among the models to measure: each is verified, and unpacked while it is measured."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from infer.shipping.contents import contents
from infer.shipping.unpack import unpacked
from infer.shipping.verify import verify_contents


@contextmanager
def opened(paths: Sequence[Path]) -> Iterator[dict[Path, Path]]:
    """Yield a folder for each path, in order, with the path that was given; folders are their own.

    Raises:
        InputError: a file is not an archive of `tinybert pack`, or fails verification.
    """
    with ExitStack() as stack:
        yield {_unpack(path, stack) if path.is_file() else path: path for path in paths}


def _unpack(path: Path, stack: ExitStack) -> Path:
    # The end of this block compares the archive byte for byte, before anything of it is used.
    with contents(path) as files:
        verify_contents(files)
        return stack.enter_context(unpacked(files))
