"""Writes what is made from the code: the pages of the checks, the schema of the report, snapshots of its wording.

    python -m tests.cli.renew

Then read the difference (`git diff docs tests/cli/snapshots`) before it is committed.
"""

from __future__ import annotations

from pathlib import Path

from luthier.reports.findings import rendered
from luthier.reports.findings.json import schema_text
from luthier.reports.findings.pages import index, page
from luthier.verbs.check_pages import rules

from .fixtures import RULES, place, view_of

HERE = Path(__file__).parent
SNAPSHOTS = HERE / "snapshots"
DOCS = HERE.parents[1] / "docs"
SCHEMA = DOCS / "check.schema.json"
PATCH = """\
--- a/train.py
+++ b/train.py
@@ -15,3 +15,4 @@
 for x, y in loader:
     loss = F.cross_entropy(net(x), y)
+    optimizer.zero_grad()
     loss.backward()
"""


def snapshots() -> dict[str, str]:
    """File name -> what a person or a program reads."""
    fixed = {"fix": True, "patch": PATCH, "notes": ((place(3), '"luthier: ignore" silences nothing'),)}
    said = {f"{name}.txt": rendered(view_of(name), "text", RULES) for name in ("faulty", "sound", "crashed")}
    said |= {f"faulty.{form}": rendered(view_of("faulty"), form, RULES) for form in ("github", "sarif", "json")}
    return said | {"fixed.txt": rendered(view_of("faulty", **fixed), "text", RULES)}


def pages() -> dict[Path, str]:
    """The pages of the documentation that are made from docstrings."""
    found = {DOCS / "checks" / f"{code}.md": page(code, rule) for code, rule in rules().items()}
    return found | {DOCS / "checks.md": index(rules()), SCHEMA: schema_text()}


def main() -> None:
    """Write all, and take away the pages of checks that are no more."""
    (DOCS / "checks").mkdir(exist_ok=True)
    made = pages()
    for old in {*(DOCS / "checks").glob("*.md")} - set(made):
        old.unlink()
    for path, text in [*made.items(), *((SNAPSHOTS / name, text) for name, text in snapshots().items())]:
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
