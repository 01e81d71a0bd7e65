"""An exception that ended a program: where it came from, and how it is shown without our own frames."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import FrameType, TracebackType

from luthier.findings import Place
from luthier.watching.ends import Crash, Flight
from luthier.watching.lines import is_own, is_users, place_at
from luthier.watching.recorder import Recorder

MAX_TEXT = 2000
MAX_FRAMES = 20


def crash_of(error: BaseException, recorder: Recorder) -> Crash:
    """What is kept of an exception."""
    trace = recorder.trace
    steps = list(_steps(error.__traceback__))
    own = [i for i, (frame, _) in enumerate(steps) if is_users(frame.f_code.co_filename)]
    below = [frame.f_code for frame, _ in steps[own[-1] + 1 if own else 0 :]]
    inner = tuple(code.co_name for code in below if not is_own(code.co_filename))
    files = [(code.co_name, code.co_filename.replace(os.sep, "/")) for code in below]
    last = trace.losses[-1] if len(trace.losses) else None
    passes = [b for b in trace.backwards if not b.raised]
    called = trace.backwards[-1] if len(trace.backwards) else None
    return Crash(
        at=recorder.tick(),
        step=trace.num_steps,
        place=_place(*steps[own[-1]]) if own else None,
        kind=type(error).__name__,
        message=str(error)[:MAX_TEXT],
        frames=tuple(_place(*steps[i]) for i in reversed(own))[:MAX_FRAMES],
        inner=inner,
        modules=_flights([frame for frame, _ in steps], trace.frameworks),
        loss=last if last is not None and last.raised and last.name in inner else None,
        in_backward=any(name in ("backward", "grad") and "/torch/" in file for name, file in files),
        in_step=any(name == "step" and "/torch/optim/" in file for name, file in files),
        previous_backward=passes[-1].place if passes else None,
        previous_step=trace.steps[-1].place if len(trace.steps) else None,
        same_loss_again=called is not None and called.raised and called.again,
        causes=tuple(_chain(error)),
    )


def _flights(frames: list[FrameType], frameworks: dict[str, str]) -> list[Flight]:
    if "torch" not in frameworks:
        return []
    from luthier.watching.torch.flights import flights

    return flights(frames)


def without_own(error: BaseException) -> BaseException:
    """The exception, and those that it came from, with the frames of the person and the framework only."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = _sifted(one.__traceback__)
        waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return error


def _sifted(trace: TracebackType | None) -> TracebackType | None:
    kept: list[TracebackType] = []
    while trace is not None:
        if not _is_ours(trace.tb_frame):
            kept.append(trace)
        trace = trace.tb_next
    following: TracebackType | None = None
    for one in reversed(kept):
        following = TracebackType(following, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return following


def _is_ours(frame: FrameType) -> bool:
    return is_own(frame.f_code.co_filename) or frame.f_globals.get("__name__") == "runpy"


def _steps(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _place(frame: FrameType, line: int) -> Place:
    return place_at(frame.f_code.co_filename, line, frame.f_code.co_name)


def _chain(error: BaseException) -> Iterator[tuple[str, str]]:
    seen = {id(error)}
    following = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield type(following).__name__, str(following)[:MAX_TEXT]
        following = following.__cause__ or following.__context__
