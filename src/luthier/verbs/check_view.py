"""From a diagnosis to what is shown: comments in the source are followed, safe mends are put together."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path

from luthier.checks.silence import silence
from luthier.findings import Diagnosis, Place
from luthier.reports.findings.view import View
from luthier.verbs import patches


def text_of(diagnosis: Diagnosis) -> str:
    """A diagnosis as `luthier check` prints it, with paths below the current folder."""
    from luthier.reports.findings import rendered
    from luthier.verbs.check_pages import codes

    return rendered(view_of(diagnosis, root=Path.cwd(), known=codes()), "text")


def view_of(
    diagnosis: Diagnosis,
    *,
    root: Path,
    script: str = "",
    since: float | None = None,
    fix: bool = False,
    write: bool = False,
    known: Collection[str] = (),
) -> View:
    """What is shown of a diagnosis.

    Args:
        root: paths below it are shown relative to it. script: absolute path of the program's file.
        since: seconds since the epoch when the program was started: files written later are not mended.
        fix: the patch was asked for. write: write it into the files.
        known: all codes, to find mistyped ones in comments.
    """
    silenced = silence(diagnosis, script=script, known=known)
    patch = patches.plan(silenced.diagnosis.findings, since=since)
    notes: list[tuple[Place | None, str]] = [*silenced.complaints]
    failed = patches.apply(patch) if write else ()
    if fix:
        notes += [*patch.refused, *failed]
    return View(
        diagnosis=silenced.diagnosis,
        root=str(root),
        script=script,
        version=version("luthier"),
        notes=tuple(notes),
        patch=patches.diff(patch, str(root)),
        mended=patch.mended,
        fix=fix,
        applied=write and bool(patch.mended) and not failed,
    )
