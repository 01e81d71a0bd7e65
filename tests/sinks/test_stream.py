"""Sinks hear all of a run, once, and nothing that they do touches the run."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

import fakes
import luthier
from luthier.errors import InvalidInput, MissingExtra, TrainingFailed
from luthier.sinks import SINKS, sink
from luthier.sinks.stream import Stream, replay
from luthier.verbs.export import export
from luthier.verbs.session import Watcher

from .listeners import Faulty, Forgetful, Hanging, Hasty, Listener, complaints


class Remarks(Watcher):
    """Keeps what is said beside the run."""

    def __init__(self):
        self.said = []

    def remark(self, text):
        self.said.append(text)


def tuned(root, *sinks, task="half_broken", **more):
    """A run of the engine that trains nothing, with trials that diverge and trials that are stopped."""
    given = {"budget": "30trials", "workers": 0, "root": root, "name": "run", "sinks": sinks, **more}
    return luthier.tune(fakes.task(task), **given)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """(run, what a sink heard while it went on)."""
    heard = Listener()
    return tuned(tmp_path_factory.mktemp("live"), heard), heard


def test_sink_hears_the_run_as_its_record_has_it(live):
    run, heard = live
    assert {t.status for t in run.record.history.trials} == {"finished", "stopped", "diverged"}
    assert complaints(heard, run.record) == []


def test_sink_hears_the_same_afterwards(live):
    run, _ = live
    heard = Listener()
    export(run.folder, sinks=[heard])
    assert complaints(heard, run.record) == []


@pytest.mark.parametrize("twin", [Forgetful, Hasty])
def test_a_wrong_listener_is_noticed(live, twin):
    run, _ = live
    heard = twin()
    replay(run.record, run.folder, heard)
    assert complaints(heard, run.record) != []


def test_sink_knows_settings_plan_and_folder_from_the_beginning(live):
    run, heard = live
    assert heard.run.plan == run.record.plan
    assert heard.run.facts == run.record.facts
    assert dict(heard.run.space.domains) == dict(run.record.space.domains)
    assert heard.folder == run.folder


def test_run_without_sinks_decides_the_same(live, tmp_path):
    run, _ = live
    alone = tuned(tmp_path)
    assert alone.verdict == run.verdict
    assert [t.config for t in alone.record.history.trials] == [t.config for t in run.record.history.trials]


@pytest.mark.parametrize("method", ["begin", "point", "ended", "finished", "close"])
def test_fault_of_a_sink_is_told_once_and_the_run_goes_on(live, tmp_path, method):
    run, watcher, heard = live[0], Remarks(), Faulty(method)
    beside = Listener()
    other = tuned(tmp_path, heard, beside, watcher=watcher)
    assert other.verdict == run.verdict
    assert complaints(beside, other.record) == []
    assert heard.calls.count(method) == 1
    assert heard.calls.count("close") == 1
    (finding,) = [f for f in luthier.Run.open(other.folder).record.findings if f.code == "RUN002"]
    assert "ConnectionError: no answer from the server" in finding.text
    assert "luthier export" in finding.remedy
    assert len(watcher.said) == 1
    assert "Traceback" in (other.folder / "logs" / "sinks.log").read_text()


def test_sink_that_hangs_does_not_hold_the_run(live, tmp_path):
    """The run is told without it; what it misses is said."""
    run, heard, beside = live[0], Hanging(), Listener()
    stream = Stream([heard, beside], tmp_path, last_s=0.2)
    stream.begin(run.record)
    stream.see({t.id: t for t in run.record.history.trials})
    (finding,) = stream.close(run.record)
    heard.answer.set()
    assert "hanging" in finding.text
    assert "0.2 s" in finding.text
    assert complaints(beside, run.record) == []


def test_sink_of_a_run_that_fails_hears_why(tmp_path):
    heard = Listener()
    with pytest.raises(TrainingFailed) as error:
        tuned(tmp_path, heard, task="broken")
    assert heard.verdict == str(error.value)
    assert heard.calls[-2:] == ["finished", "close"]


def test_run_that_is_asked_for_again_is_told_again(tmp_path):
    first = tuned(tmp_path)
    heard = Listener()
    tuned(tmp_path, heard, resume=True)
    assert complaints(heard, first.record) == []


def test_unknown_sink_is_refused_before_the_run_begins(tmp_path):
    with pytest.raises(InvalidInput, match="sink is one of"):
        tuned(tmp_path, "tensorbord")
    with pytest.raises(InvalidInput, match="a sink is a name or has the methods"):
        tuned(tmp_path, 7)
    assert list(tmp_path.iterdir()) == []


def test_missing_package_is_named_with_the_command_that_installs_it():
    missing = [name for name in SINKS if find_spec(name) is None]
    if not missing:
        pytest.skip("all packages are installed")
    with pytest.raises(MissingExtra, match=rf"pip install 'luthier\[{missing[0]}\]'"):
        sink(missing[0])


def test_sink_of_the_documentation_writes_what_it_says(live):
    """A person copies it."""
    text = (Path(__file__).parents[2] / "docs" / "seeing.md").read_text("utf-8")
    names = {}
    exec(text.partition("```python\n")[2].partition("```")[0], names)
    export(live[0].folder, sinks=[names["Lines"]()])
    *points, verdict = (live[0].folder / "points.txt").read_text().splitlines()
    assert len(points) == sum(len(t.curve) for t in live[0].record.history.trials)
    assert verdict == live[0].verdict


def test_export_of_what_is_no_run_says_so(tmp_path):
    with pytest.raises(luthier.LuthierError, match="no run"):
        export(tmp_path / "none", sinks=[Listener()])


def test_export_says_what_a_sink_raised(live):
    with pytest.raises(luthier.LuthierError, match="faulty did not take the run: ConnectionError"):
        export(live[0].folder, sinks=[Faulty("point")])
