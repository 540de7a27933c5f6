"""What MkDocs does beyond docs/: the documents at the root of the repository become pages of the site.

Links between them and docs/ are written as the repository needs them; here they get the form that the site needs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the documents of the root."""
    for name in DOCUMENTS:
        files.append(File.generated(config, name, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Turn links between docs/ and the root into links of the site."""
    if page.file.src_uri in DOCUMENTS:
        return markdown.replace("](docs/", "](").replace("](README.md", "](index.md")
    names = "|".join(re.escape(name) for name in DOCUMENTS)
    return re.sub(rf"\]\(\.\./((?:\.\./)*(?:{names}))", r"](\1", markdown)
