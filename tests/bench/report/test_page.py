import re
import shutil
import struct
import subprocess
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.record import Record
from bench.report.read import read_sessions
from bench.report.view import view_of
from bench.report.write import write_report, write_views

FolderOf = Callable[[Sequence[Record]], Path]
HOSTILE = "<script>alert(1)</script>|`::error file=x`"
SCRIPT = re.compile(r"<script([^>]*)>(.*?)</script>", re.DOTALL)
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
    assert not URL.search(SCRIPT.sub("", text))
    assert not elements.fetched
    assert not {"link", "img", "iframe"} & set(elements.names)
    assert "@import" not in text


def test_a_page_with_its_script_is_small_enough_to_mail(page: Path) -> None:
    assert page.stat().st_size < 2**20


def test_only_the_script_of_the_page_may_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    *data, script = SCRIPT.findall(text)
    assert [kind for kind, _ in data] == [' type="application/json"'] * 2
    allowed = b64encode(sha256(script[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'\">" in text


def test_the_page_has_both_tables_and_both_pictures(page: Path, session_records: tuple[Record, ...]) -> None:
    elements = Elements(page.read_text(encoding="utf-8"))
    assert elements.names.count("table") == 2
    assert elements.names.count("tr") == 2 * (1 + len(session_records))
    assert elements.names.count("figure") == 2


def test_a_hostile_name_stays_text(folder_of: FolderOf, session_records: tuple[Record, ...], tmp_path: Path) -> None:
    plain = session_records[0]
    machine = plain.machine.model_copy(update={"model": HOSTILE})
    changes = {"command": HOSTILE, "machine": machine, "causes": (HOSTILE,)}
    records = [record.model_copy(update=changes) for record in session_records]
    records += [record.model_copy(update={**changes, "name": "other"}) for record in session_records[2:]]
    sessions = read_sessions([folder_of(records)])
    names = {"name": HOSTILE, "target": HOSTILE}  # reading would refuse these
    hostile = [
        replace(session, records=tuple(record.model_copy(update=names) for record in session.records), target=HOSTILE)
        for session in sessions
    ]
    page = write_views([view_of(session) for session in hostile], tmp_path / "report.html")
    text = page.read_text(encoding="utf-8")
    assert "<script>alert" not in text
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
    assert "Nothing to draw: no model of this session has" in text
    assert "<script" not in text
    assert not (tmp_path / "pareto.svg").exists()
    assert "pareto.svg" not in (tmp_path / "REPORT.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def chromium() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium is installed")
    return path


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
    assert re.findall(r'class="chart vega-embed" role="graphics-document"[^>]* aria-label="([^"]*)"', done.stdout) == [
        "Accuracy against median latency of each model",
        "Distribution of the latency samples of each model",
    ]
    assert 'aria-label="Model: openvino int8; Latency p50 (ms): 2.' in done.stdout
    assert "CONSOLE" not in done.stderr


@pytest.mark.browser
@pytest.mark.parametrize("width", [1440, 500])
def test_a_browser_paints_the_page(chromium: str, page: Path, tmp_path: Path, width: int) -> None:
    picture = tmp_path / "page.png"
    browse(chromium, tmp_path / "profile", f"--window-size={width},2400", f"--screenshot={picture}", page.as_uri())
    written = picture.read_bytes()
    assert struct.unpack(">II", written[16:24]) == (width, 2400)
    # An empty page of that size has a tenth of these bytes.
    assert len(written) > 100_000
