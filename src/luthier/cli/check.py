"""`luthier check` and `luthier checks`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TextIO

import typer
from typer.core import TyperCommand

from luthier.cli.app import app

if TYPE_CHECKING:
    from luthier.findings import Diagnosis
    from luthier.verbs.check_target import Target


class Tier(StrEnum):
    """How much is measured."""

    QUICK = "quick"
    FULL = "full"
    DEEP = "deep"


class Format(StrEnum):
    """How the report is written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


class Level(StrEnum):
    """From which severity on findings make the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


MACHINE = (Format.JSON, Format.SARIF)
MOST_EFFECTS = 5


class CheckCommand(TyperCommand):
    """Everything behind a script belongs to the script; behind a model under test there are further options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Find out which of the two it is, then parse."""
        from luthier.verbs.check_target import names_a_model

        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        words = given.get("program") or ()
        if words and names_a_model(words[0]):
            ctx.allow_interspersed_args = True
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


class Asked(NamedTuple):
    """What the report needs of the options."""

    target: Target
    format: Format
    output: Path | None
    fail_on: Level
    fix: bool
    write: bool
    root: Path
    since: float


@app.command(cls=CheckCommand, context_settings={"allow_interspersed_args": False})
def check(
    ctx: typer.Context,
    program: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROGRAM [ARGS]...",
            help="A script and its arguments, run as it is; or FILE.py:FUNCTION with --data, or a ready task.",
        ),
    ] = None,
    module: Annotated[bool, typer.Option("-m", help="PROGRAM is a module, as for python -m.")] = False,
    steps: Annotated[int, typer.Option(min=1, help="Stop after so many optimizer steps and an evaluation.")] = 300,
    seconds: Annotated[float, typer.Option(min=1, help="Stop after so many seconds.")] = 90.0,
    full: Annotated[bool, typer.Option("--full", help="Do not stop: run the program to its end.")] = False,
    tier: Annotated[Tier | None, typer.Option(help="How much is measured; default: quick, full for a model.")] = None,
    data: Annotated[Path | None, typer.Option(help="Rows for a model under test.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="Column of --data that is predicted.")] = None,
    select: Annotated[list[str] | None, typer.Option(help="Only these codes or families, as T01,L.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Without these codes or families.")] = None,
    fail_on: Annotated[Level, typer.Option(help="Severity from which on the exit code is 1.")] = Level.ERROR,
    format: Annotated[Format, typer.Option(help="How the report is written.")] = Format.TEXT,
    output: Annotated[Path | None, typer.Option(help="Write the report into this file.")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Show a patch for what can be mended safely.")] = False,
    write: Annotated[bool, typer.Option("--apply", help="With --fix: write the patch into the files.")] = False,
    explain: Annotated[str, typer.Option(metavar="CODE", help="Print the page of a check, and end.")] = "",
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Run a training program under watch, unmodified, and say what is wrong with it."""
    from luthier.cli.streams import report_stream, writable
    from luthier.errors import InvalidInput
    from luthier.verbs.check_pages import codes, page_of
    from luthier.verbs.check_settings import choose
    from luthier.verbs.check_target import target_of

    if explain:
        sys.stdout.write(page_of(explain))
        return
    if write and not fix:
        raise InvalidInput("--apply without --fix", remedy="Write --fix --apply")
    found = target_of(program or (), module=module, has_data=bool(data or target))
    chosen = choose(select or (), ignore or (), folder=found.folder, known=codes())
    path = writable(output) if output else None
    asked = Asked(found, format, path, fail_on, fix, write, Path.cwd(), time.time())
    with report_stream(machine=format in MACHINE and path is None) as stream:
        if found.kind == "model":
            from luthier.verbs.active import examine

            wanted: Any = (tier or Tier.FULL).value
            diagnosis = examine(found.words[0], data=data, target=target or (), tier=wanted, **chosen._asdict())
        else:
            from luthier.heap import keep_freed_memory
            from luthier.verbs.check import diagnose

            _warn(found.file)
            keep_freed_memory()
            diagnosis = diagnose(
                found.words,
                module=module,
                steps=steps,
                seconds=seconds,
                full=full,
                tier=(tier or Tier.QUICK).value,
                **chosen._asdict(),
                last_words=lambda diagnosis: _tell(diagnosis, asked, stream),
            )
        code = _tell(diagnosis, asked, stream)
    if diagnosis.exit_code and not diagnosis.num_steps:
        _warn_of_own_options(found.words, ctx.command.params)
    raise typer.Exit(code)


@app.command()
def checks(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False) -> None:
    """List all checks by family."""
    from luthier.reports.findings.pages import listing
    from luthier.verbs.check_pages import rules

    sys.stdout.write("\n".join(listing(rules())) + "\n")


def _warn(script: str) -> None:
    """Say before the start what the run may leave behind."""
    from luthier.reports.words import clean
    from luthier.verbs.effects import effects

    found = effects(script) if script else []
    for effect in found[:MOST_EFFECTS]:
        place = f"{os.path.relpath(effect.place.file)}:{effect.place.line}"
        sys.stderr.write(clean(f"luthier: {place} looks as if it {effect.kind} ({effect.call})") + "\n")
    if found:
        more = f", and {len(found) - MOST_EFFECTS} more such calls" if len(found) > MOST_EFFECTS else ""
        sys.stderr.write(f"luthier: the program is run for real{more}; Ctrl-C ends it.\n")
        sys.stderr.flush()


def _warn_of_own_options(words: tuple[str, ...], options: Sequence[Any]) -> None:
    """A program that failed at once may have been given an option that was meant for luthier."""
    own = {name for option in options for name in option.opts if name.startswith("--")}
    for word in words[1:]:
        if (name := word.partition("=")[0]) in own:
            sys.stderr.write(
                f"luthier: {name} went to {words[0]}, as all that stands behind it does; "
                f"where it is luthier's own, write luthier check {name} ... {words[0]}\n"
            )
            return


def _tell(diagnosis: Diagnosis, asked: Asked, stream: TextIO) -> int:
    """Write the report, and the patch where that was asked for; the exit code."""
    from luthier.cli.streams import in_colour
    from luthier.reports.findings import rendered, summary
    from luthier.reports.findings.view import reaches
    from luthier.verbs.check_pages import codes, rules
    from luthier.verbs.check_view import view_of

    speaks = os.environ.get("RANK", "0") == "0"  # of several processes that train one model, one does
    view = view_of(
        diagnosis,
        root=asked.root,
        script=asked.target.file,
        since=asked.since,
        fix=asked.fix,
        write=asked.write and speaks,
        known=codes(),
    )
    if speaks:
        colour = asked.format is Format.TEXT and asked.output is None and in_colour(stream)
        named = rules() if asked.format is Format.SARIF else None
        report = rendered(view, asked.format.value, named, colour=colour)
        if asked.output is not None:
            asked.output.write_text(report, "utf-8")
            report = f"luthier: {summary(view)} The report is in {asked.output}.\n"
        stream.write(report)
        stream.flush()
    return 1 if reaches(view.diagnosis.findings, asked.fail_on.value) else view.diagnosis.exit_code or 0
