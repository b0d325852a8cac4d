"""A drawn figure as SVG text for a page, or as a picture file of its own. The same figure gives the same bytes."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

from bench.report.style import INK
from contract.errors import InputError
from contract.files import write_atomic

PAPER = "#ffffff"
DARK_INK = "#24292f"
PNG_DPI = 160
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def inline(figure: Any, name: str, description: str) -> str:
    """Return a figure as an `<svg>` element for a page: its ink is the page's, its identifiers begin with a name.

    Args:
        figure: a matplotlib figure drawn inside `style.styled`.
        name: letters, digits and hyphens, unlike any other picture's of the page.
        description: what it shows, for readers who do not see it.
    """
    text = _render(figure, "svg", facecolor="none").decode()
    text = text[text.index("<svg") :]
    text = re.sub(r'\s*xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r'<svg width="[^"]*" height="[^"]*"', "<svg", text, count=1)
    text = re.sub(r"\s*<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", text)
    text = _fonts(text).replace(INK, "currentColor")
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(description)}"', 1)


def write_picture(figure: Any, path: Path) -> None:
    """Write a figure as a picture file on white paper, for where no page gives it its ink.

    Raises:
        InputError: the file name ends in neither .svg nor .png.
    """
    if path.suffix == ".svg":
        text = _render(figure, "svg", facecolor=PAPER).decode()
        write_atomic(path, _fonts(text).replace(INK, DARK_INK))
    elif path.suffix == ".png":
        write_atomic(path, _render(figure, "png", facecolor=PAPER))
    else:
        raise InputError(f"{path}: a picture ends in .svg or .png", "rename it")


def _render(figure: Any, kind: str, facecolor: str) -> bytes:
    metadata = NO_METADATA if kind == "svg" else {"Software": None}
    buffer = io.BytesIO()
    with missing_glyphs_allowed():
        figure.savefig(buffer, format=kind, facecolor=facecolor, metadata=metadata, dpi=PNG_DPI)
    return buffer.getvalue()


@contextmanager
def missing_glyphs_allowed() -> Iterator[None]:
    """Let names in any script pass: the font of the measuring lacks them, the browser's does not."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _fonts(text: str) -> str:
    return re.sub(r"'DejaVu Sans'(, [^;\"]*)?", FONTS, text)
