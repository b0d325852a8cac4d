import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.record import Record
from bench.report.write import write_report

FolderOf = Callable[[Sequence[Record]], Path]
HOSTILE = "<script>alert(1)</script>|`::error file=x`"
URL = re.compile(r"(https?:)?//[a-z]", re.IGNORECASE)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)


class Elements(HTMLParser):
    """Collects the names of all elements, the text of body cells, and what an element would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "data"}]


@pytest.fixture
def page(folder_of: FolderOf, session_records: tuple[Record, ...], tmp_path: Path) -> Path:
    return write_report([folder_of(session_records)], tmp_path / "report.html")


def test_the_page_needs_nothing_from_outside(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    elements = Elements(text)
    assert not URL.search(text)
    assert not elements.fetched
    assert not {"script", "link", "img", "iframe"} & set(elements.names)
    assert "url(http" not in text
    assert "@import" not in text


def test_the_page_has_both_tables_and_both_pictures(page: Path, session_records: tuple[Record, ...]) -> None:
    elements = Elements(page.read_text(encoding="utf-8"))
    assert elements.names.count("table") == 2
    assert elements.names.count("tr") == 2 * (1 + len(session_records))
    assert elements.names.count("svg") == 2


def test_identifiers_are_unique(page: Path) -> None:
    names = re.findall(r'\bid="([^"]*)"', page.read_text(encoding="utf-8"))
    assert len(names) == len(set(names))


def test_a_hostile_name_stays_text(folder_of: FolderOf, session_records: tuple[Record, ...], tmp_path: Path) -> None:
    plain = session_records[0]
    machine = plain.machine.model_copy(update={"model": HOSTILE})
    changes = {"name": HOSTILE, "target": HOSTILE, "command": HOSTILE, "machine": machine, "causes": (HOSTILE,)}
    records = [record.model_copy(update=changes) for record in session_records]
    records += [record.model_copy(update={**changes, "name": "other"}) for record in session_records[2:]]
    page = write_report([folder_of(records)], tmp_path / "report.html")
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;|`::error file=x`" in text


def test_the_same_records_give_the_same_bytes(
    folder_of: FolderOf, session_records: tuple[Record, ...], tmp_path: Path
) -> None:
    folder = folder_of(session_records)
    for name in ("one", "two"):
        write_report([folder], tmp_path / name / "report.html")
    for file in ("report.html", "REPORT.md", "pareto.svg"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_session_without_any_speed_has_a_page(
    folder_of: FolderOf, session_records: tuple[Record, ...], tmp_path: Path
) -> None:
    machine = session_records[0].machine.model_copy(update={"emulated": True})
    records = [record.model_copy(update={"machine": machine}) for record in session_records]
    page = write_report([folder_of(records)], tmp_path / "report.html")
    text = page.read_text(encoding="utf-8")
    assert "There is nothing to draw" in text
    assert not (tmp_path / "pareto.svg").exists()
    assert "pareto.svg" not in (tmp_path / "REPORT.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium is installed")
    return found


def browse(chromium: str, profile: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.browser
def test_a_browser_shows_the_rows(
    chromium: str, page: Path, tmp_path: Path, session_records: tuple[Record, ...]
) -> None:
    done = browse(chromium, tmp_path / "profile", "--dump-dom", page.as_uri())
    elements = Elements(done.stdout)
    assert elements.names.count("tr") == 2 * (1 + len(session_records))
    assert elements.names.count("svg") == 2
    assert "openvino int8" in done.stdout
    assert "CONSOLE" not in done.stderr


@pytest.mark.browser
@pytest.mark.parametrize("width", [1440, 500])
def test_a_browser_paints_the_page(chromium: str, page: Path, tmp_path: Path, width: int) -> None:
    from matplotlib.image import imread

    picture = tmp_path / "page.png"
    browse(chromium, tmp_path / "profile", f"--window-size={width},2400", f"--screenshot={picture}", page.as_uri())
    pixels_HWC = imread(picture)
    assert pixels_HWC.shape[:2] == (2400, width)
    assert pixels_HWC.reshape(-1, pixels_HWC.shape[2]).std() > 0.02
