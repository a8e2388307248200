"""
Write `docs/tour.md` from the first sentences of the modules: `make tour`.

With `--check` nothing is written; exit status 1 says that the tour is not true any more.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOUR = ROOT / "docs" / "tour.md"

HEAD = """\
# A tour of the tree

One line a folder and file, taken from the first sentence of each module. `make tour` writes this page anew.

Imports go downwards only, never sideways within a layer (`make lint` checks it):

```text
entry        wsgi.py  run.py  launcher  streamlit.py  validate.py  */__main__.py  bench
composition  app.py                              the only module that names concrete parts
edge         api | ui                            Flask only in api, Streamlit only in ui
behaviour    agents | knowledge | tools          LangGraph only in agents, utils.checkpointer, stores.checkpoint*, stores.fallback*
choosers     utils | prompts                     utils may read config
machinery    stores | speech | auth              plain arguments; never config, never Flask
words        language                            English and Indonesian; used by search, store and answerer alike
vocabulary   domain                              standard library only
beside       config.py                           imports domain.errors only
```

A question travels: `api/bridge.py` takes the request, `api/v1/chat.py` makes it a turn, `agents/rag.py` runs the graph (`agents/steps.py`),
which asks `knowledge/search.py` for passages and `stores/conversations.py` for the right to go on with the conversation; the answer is
committed through `stores/checkpoints.py` and leaves as JSON or, event by event, through `api/sse.py`.

A document travels: `api/v1/documents.py` or `python -m knowledge` hands it to `knowledge/pipeline.py`, which has it parsed in a limited
child process (`knowledge/sandbox.py`, `knowledge/loaders/`), cut into passages (`knowledge/splitter.py`) and written to `stores/vectors.py`.
"""

FOLDERS = {
    "": "The root",
    "docs": "Pages for people, and what makes them",
    "samples": "Documents and questions to try things out with",
    "deploy": "Files for running it elsewhere",
    "tests": "Tests; each folder has a README that says what does not belong in it",
}
OTHERS = {
    "": {
        "Makefile": "The verbs: `make help` lists them.",
        "pyproject.toml": "Dependencies and the settings of every tool.",
        "requirements.lock": "What the service runs on, pinned with hashes.",
        "requirements-dev.lock": "The same with the tools of the tests.",
        "Dockerfile": "One image for service, web chat and workers.",
        "docker-compose.yml": "All of it on one machine with Redis and Qdrant.",
        ".env.sample": "Every variable, to copy.",
        ".ci/run": "What must hold for every change.",
    },
    "deploy": {
        "system_packages.sh": "Programs that tests drive: found, installed or named.",
        "kubernetes/": "Manifests for a cluster, for `kubectl apply -k`; [deployment](deployment.md) says how.",
    },
    "samples": {
        "documents/": "Eighteen documents of an invented university, in six formats.",
        "questions.jsonl": "Questions about them with their answers.",
    },
}
ROOMS = (
    "domain agents knowledge knowledge/loaders tools prompts utils stores stores/migrations"
    " speech language auth api api/v1 ui launcher bench docs samples deploy"
).split()


def first_sentence(path: Path) -> str:
    """Return the first paragraph of a module's docstring on one line."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def render() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for room in ("", *ROOMS):
        folder = ROOT / room
        note = folder / "__init__.py"
        title = f"`{room}/`" if room else FOLDERS[""]
        parts.append(f"\n## {title}\n")
        if note.exists():
            parts.append(f"{first_sentence(note)}\n")
        elif room:
            parts.append(f"{FOLDERS[room]}.\n")
        lines = dict(OTHERS.get(room, {}))
        for path in sorted(folder.glob("*.py")):
            if path.name != "__init__.py":
                lines[path.name] = first_sentence(path)
        if lines:
            rows = (f"| `{name}` | {lines[name]} |" for name in sorted(lines))
            parts.append("\n| file | |\n|---|---|\n" + "\n".join(rows) + "\n")
    parts.append(f"\n## `tests/`\n{FOLDERS['tests']}.\n")
    return "".join(parts)


def main() -> int:
    """Write or check the page; return the exit status."""
    page = render()
    if "--check" in sys.argv[1:]:
        return int(TOUR.read_text(encoding="utf-8") != page)
    TOUR.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
