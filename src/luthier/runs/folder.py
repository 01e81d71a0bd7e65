"""A run's folder: the names of what is in it, whole-or-nothing writes, clear words for what disks refuse.

<root>/<name>/journal.jsonl   the truth: one line an event (`luthier.runs.journal`)
              lock            held while a process works on the run (`luthier.runs.lock`)
              run.json        `RunRecord`, rewritten as the run goes on
              report.html     written by every verb
              snapshots/      paused trials (`luthier.runs.snapshots`)
              evaluations/    scores and losses of each row
              logs/           what the workers said
              trials/         of programs: a folder a trial, with its output, reports and checkpoints
              best/           the winner (`luthier.runs.best`)
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from luthier.codec import from_json, to_json
from luthier.errors import InvalidInput, RunFolderError
from luthier.records import RunRecord

_ROOM = "Free some space there, or set LUTHIER_RUNS to a folder on another disk; --resume goes on"
_ELSEWHERE = "Change its permissions, or set LUTHIER_RUNS to a folder that you may write to"
_CAUSES = {
    errno.ENOSPC: ("the disk is full", _ROOM),
    errno.EDQUOT: ("your disk quota is used up", _ROOM),
    errno.EFBIG: (
        "the file would be larger than this system allows",
        "Raise the limit (ulimit -f); --resume goes on",
    ),
    errno.EACCES: ("no permission", _ELSEWHERE),
    errno.EPERM: ("not permitted", _ELSEWHERE),
    errno.EROFS: ("the disk is mounted read-only", "Set LUTHIER_RUNS to a folder that you may write to"),
    errno.ENOENT: ("it does not exist", "Check the path"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "Check the path, or remove that file"),
    errno.EISDIR: ("it is a folder, a file is meant", "Remove that folder, or choose another --name"),
    errno.EEXIST: ("it exists already", "Go on with --resume, or choose another --name"),
    errno.ENAMETOOLONG: ("the name is too long", "Choose a shorter --name"),
    errno.EMFILE: ("too many files are open", "Raise the limit (ulimit -n); --resume goes on"),
    errno.EIO: ("the disk reports an error", "Copy the folder to another disk and go on there with --resume"),
    errno.ENOLCK: ("this file system has no locks", "Set LUTHIER_RUNS to a folder on a local disk"),
}
"""What an error number means to a person, and what to do about it."""


@contextlib.contextmanager
def folder_errors(path: Path | str, doing: str) -> Iterator[None]:
    """Turn every OSError of the block into one RunFolderError; its `errno` stays readable.

    The text: "cannot <doing>: <what happened> (<path>). <what to do>."

    >>> with folder_errors("/nowhere/run.json", "read the run"):
    ...     open("/nowhere/run.json")
    Traceback (most recent call last):
    luthier.errors.RunFolderError: cannot read the run: it does not exist (/nowhere/run.json). Check the path.
    """
    try:
        yield
    except RunFolderError:
        raise
    except OSError as error:
        raise explained(error, path, doing) from None


def explained(error: OSError, path: Path | str, doing: str) -> RunFolderError:
    """The RunFolderError that `folder_errors` raises for this OSError."""
    what, remedy = _CAUSES.get(error.errno or 0, (error.strerror or str(error), "Check the disk and the path"))
    clear = RunFolderError(f"cannot {doing}: {what}", where=str(path), remedy=remedy)
    clear.errno = error.errno
    return clear


def write_bytes_atomic(path: Path, data: bytes) -> None:
    """Replace a file as a whole: whoever reads it, whenever the machine stops, finds the old or the new one.

    A temporary file in the same folder is written, forced to the disk and renamed; the folder's entry is
    forced too. On failure the temporary file is removed and the old file stays.

    Raises:
        RunFolderError: the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with folder_errors(path, f"write {path.name}"):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)


def write_text_atomic(path: Path, text: str) -> None:
    """`write_bytes_atomic` for text, as UTF-8."""
    write_bytes_atomic(path, text.encode())


def sync_folder(path: Path) -> None:
    """Force a folder's entries to the disk: without it a rename may be forgotten when the power fails."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class RunFolder:
    """Names of everything in one run's folder; making an object touches no disk."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.journal = self.path / "journal.jsonl"
        self.lock = self.path / "lock"
        self.run_json = self.path / "run.json"
        self.report = self.path / "report.html"
        self.snapshots = self.path / "snapshots"
        self.evaluations = self.path / "evaluations"
        self.logs = self.path / "logs"
        self.trials = self.path / "trials"
        self.best = self.path / "best"

    @property
    def name(self) -> str:
        """The run's name: that of its folder."""
        return self.path.name

    def is_run(self) -> bool:
        """Has a run begun here?"""
        return self.journal.exists() or self.run_json.exists()

    def create(self) -> RunFolder:
        """Make the folder and its subfolders. What a run left that died before its first line is taken over.

        Raises:
            RunFolderError: a run is here already, or something that is none, or the disk refuses.
        """
        with folder_errors(self.path, "make the run's folder"):
            if self.is_run():
                raise RunFolderError(
                    f"run {self.name!r} exists already",
                    where=str(self.path),
                    remedy="Go on with it by --resume, or choose another --name",
                )
            ours = {p.name for p in (self.lock, self.snapshots, self.evaluations, self.logs, self.trials)}
            if self.path.is_dir() and (others := sorted(p.name for p in self.path.iterdir() if p.name not in ours)):
                raise RunFolderError(
                    f"the folder is not empty and not a run (it holds {others[0]!r})",
                    where=str(self.path),
                    remedy="Choose another --name, or empty the folder",
                )
            for path in (self.snapshots, self.evaluations, self.logs):
                path.mkdir(parents=True, exist_ok=True)
            sync_folder(self.path)
            sync_folder(self.path.parent)
        return self

    def require(self) -> RunFolder:
        """This folder, if a run has begun here.

        Raises:
            RunFolderError: there is no run; names the runs beside it.
        """
        with folder_errors(self.path, "open the run"):
            if self.is_run():
                return self
            beside = self.path.parent.iterdir() if self.path.parent.is_dir() else ()
            runs = sorted(p.name for p in beside if RunFolder(p).is_run())
        known = f"Runs there: {', '.join(runs[:8])}" if runs else "Start one with luthier tune"
        raise RunFolderError(f"no run {self.name!r}", where=str(self.path), remedy=known)

    def write_run(self, record: RunRecord) -> None:
        """Replace run.json as a whole."""
        write_bytes_atomic(self.run_json, to_json(record))

    def read_run(self) -> RunRecord:
        """What run.json says.

        Raises:
            RunFolderError: missing, damaged, or written by a newer luthier.
        """
        with folder_errors(self.run_json, "read the run"):
            data = self.run_json.read_bytes()
        try:
            return from_json(data, RunRecord)
        except InvalidInput as error:
            remedy = error.remedy or "Go on with --resume: it writes the file anew from the journal"
            raise RunFolderError(
                f"run.json cannot be read: {error}", where=str(self.run_json), remedy=remedy
            ) from None

    def delete_orphans(self, keep: Iterable[str]) -> list[str]:
        """Delete the files of snapshots/ whose names are not in `keep`, and what killed processes left half
        written; returns the names deleted. Only for the holder of the lock."""
        kept = set(keep)
        with folder_errors(self.snapshots, "delete old snapshots"):
            files = self.snapshots.iterdir() if self.snapshots.is_dir() else iter(())
            orphans = [p for p in files if p.name not in kept and not p.is_dir()]
            orphans += [p for p in self.path.glob(".*.tmp") if not p.is_dir()]
            for path in orphans:
                path.unlink(missing_ok=True)
        return sorted(p.name for p in orphans)


def default_root() -> Path:
    """Where runs go: the folder named by LUTHIER_RUNS, else ./runs."""
    return Path(os.environ.get("LUTHIER_RUNS") or "runs")


def free_name(root: Path, stem: str) -> str:
    """A name that nothing in `root` has: the stem, else stem-2, stem-3, ...

    What does not belong in a file name becomes a dash.

    >>> free_name(Path("/nowhere"), "model.py:net")
    'model.py-net'
    """
    clean = re.sub(r"[^\w.-]+", "-", stem).strip("-.")[:80] or "run"
    with folder_errors(root, "look for a free name"):
        taken = {p.name for p in root.iterdir()} if root.is_dir() else set()
    number = 2
    name = clean
    while name in taken:
        name = f"{clean}-{number}"
        number += 1
    return name
