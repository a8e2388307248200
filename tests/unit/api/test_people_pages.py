"""The pages with a microphone: every part is there, in both languages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain import errors
from tests.fakes.problems import assert_problem

STATIC = Path(__file__).resolve().parents[3] / "api" / "static"
PAGES = ("voice", "kiosk", "visit")
# Reasons that the pages give themselves.
OWN_CODES = {"network", "other"}


@pytest.fixture(scope="module")
def words() -> Any:
    node = shutil.which("node")
    assert node, "Node.js is needed to read the texts of the pages"
    script = (
        f'import {{ wordsOf }} from "{(STATIC / "words.js").as_uri()}";'
        'console.log(JSON.stringify({ id: wordsOf("id"), en: wordsOf("en") }));'
    )
    done = subprocess.run(
        [node, "--input-type=module", "-e", script],
        capture_output=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def shape(value: Any) -> Any:
    return {key: shape(one) for key, one in value.items()} if type(value) is dict else 0


def test_both_languages_say_everything(words: Any) -> None:
    assert shape(words["id"]) == shape(words["en"])
    for language in ("id", "en"):
        assert all(words[language].values())


def test_a_problem_that_is_explained_exists(words: Any) -> None:
    known = {
        error.code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.AppError)
    }

    assert set(words["en"]["problems"]) <= known | OWN_CODES


@pytest.mark.parametrize("name", PAGES)
def test_every_text_of_a_page_exists(words: Any, name: str) -> None:
    page = (STATIC / f"{name}.html").read_text(encoding="utf-8")
    named = re.findall(r'data-say(?:-label|-placeholder)?="(\w+)"', page)

    assert named
    assert set(named) <= set(words["en"])


def parts() -> list[str]:
    """Return what pages and modules ask for, by name."""
    found = set()
    for file in STATIC.iterdir():
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".html":
            found |= set(re.findall(r'(?:src|href)="pages/([^"]+)"', text))
        if file.suffix == ".js":
            found |= set(re.findall(r'from "\./([^"]+)"', text))
    return sorted(found)


@pytest.mark.parametrize("name", parts())
async def test_every_part_is_served(client: httpx.AsyncClient, name: str) -> None:
    reply = await client.get(f"/pages/{name}")

    assert reply.status_code == 200
    assert reply.content == (STATIC / name).read_bytes()
    kinds = {".js": "text/javascript", ".css": "text/css"}
    assert reply.headers["content-type"].startswith(kinds[Path(name).suffix])


@pytest.mark.parametrize("name", ["README.md", "kiosk.html", "people.py", "x.js"])
async def test_nothing_else_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert_problem(await client.get(f"/pages/{name}"), 404, "not_found")


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_lets_nothing_in_from_outside(
    client: httpx.AsyncClient, name: str
) -> None:
    reply = await client.get(f"/{name}")

    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert reply.headers["permissions-policy"].startswith("microphone=(self)")
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["etag"]


def test_no_module_writes_html_or_reaches_elsewhere() -> None:
    for file in STATIC.glob("*.js"):
        text = file.read_text(encoding="utf-8")
        for risky in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
            "write(",
        ):
            found = text.replace("answers.write(", "").replace("#write(", "")
            found = re.sub(r"^  write\(", "", found, flags=re.MULTILINE)
            assert risky not in found, (file.name, risky)
        assert not re.search(r"https?://(?!www\.w3\.org)", text), file.name
