"""A command line of one's own: JSON lines, CSV and printed words; paused by a signal; resumed."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

import luthier
from luthier import Float
from luthier.errors import InvalidInput
from luthier.programs.command import Command, Tail, reading_of, words_of
from programs.running import ENVIRONMENT, finish

SCRIPT = Path(__file__).parent / "digits.py"
TRAIN = f"{sys.executable} {SCRIPT} --lr {{lr}} --l2 {{l2}} --seed {{seed}}"
SPACE = {"lr": Float(1e-3, 3.0, log=True), "l2": Float(1e-6, 1e-2, log=True)}
TODAY = {"lr": 0.003, "l2": 1e-4}


def tune(command, metric, root, **more):
    asked = {"space": SPACE, "baseline": TODAY, "budget": "5trials", "workers": 2, **more}
    return luthier.tune(command=command, metric=metric, root=root, name="run", **asked)


def curves(run):
    return [[(p.step, p.score) for p in t.curve] for t in run.record.history.trials]


@pytest.fixture(scope="module")
def of_lines(tmp_path_factory):
    """The run that reads JSON lines."""
    return tune(
        f"{TRAIN} --out {{dir}}", "{dir}/log.jsonl:val_acc", tmp_path_factory.mktemp("lines"), budget="40trials"
    )


def test_a_better_setting_is_found_on_real_data_and_adopted(of_lines):
    assert of_lines.adopted, of_lines.verdict
    assert of_lines.best.score.score > 0.9
    assert of_lines.record.task["options"]["command"][-2:] == ["--out", "{dir}"]
    assert any(t.status == "stopped" and 0 < len(t.curve) < 6 for t in of_lines.record.history.trials)


def test_what_a_trial_printed_and_wrote_is_kept(of_lines):
    place = of_lines.folder / "trials" / "00000"
    lines = [json.loads(line) for line in (place / "files" / "log.jsonl").read_text().splitlines()]
    assert [line["val_acc"] for line in lines] == [p.score for p in of_lines.record.history.trials[0].curve]
    assert (place / "output.txt").read_text() == ""


@pytest.mark.parametrize(
    ("more", "metric"),
    [
        ("--out {dir} --csv", "{dir}/log.csv:val_acc"),
        ("--loud", r"max:stdout:epoch (?P<epoch>\d+)/(?P<of>\d+) accuracy is (?P<val_acc>[\d.]+)"),
    ],
)
def test_a_table_and_printed_words_say_the_same_as_lines(tmp_path, of_lines, more, metric):
    run = tune(f"{TRAIN} {more}", metric, tmp_path, budget="40trials")
    told = [[(s, round(v, 4)) for s, v in curve] for curve in curves(of_lines)]
    assert [[(s, round(v, 4)) for s, v in curve] for curve in curves(run)] == told


def test_a_command_that_cannot_be_parked_goes_on_from_its_checkpoint(tmp_path, of_lines):
    more = "--out {dir} --checkpoint {checkpoint_dir}"
    run = tune(f"{TRAIN} {more}", "{dir}/log.jsonl:val_acc", tmp_path, budget="40trials", parked=0)
    assert curves(run) == curves(of_lines)
    assert (run.best.checkpoint / "last.npz").exists()


@pytest.mark.slow
def test_a_killed_run_goes_on_and_decides_the_same(tmp_path, of_lines):
    arguments = {
        "command": f"{TRAIN} --out {{dir}}",
        "metric": "{dir}/log.jsonl:val_acc",
        "budget": "40trials",
        "root": str(tmp_path),
        "name": "run",
        "baseline": TODAY,
        "workers": 2,
    }
    wide = {"lr": [1e-3, 3.0], "l2": [1e-6, 1e-2]}
    code, _, said = finish(arguments=arguments, space=wide, kill_after=["report", 60])
    assert code == -9, said
    code, decided, said = finish(arguments={**arguments, "resume": True}, space=wide)
    assert code == 0, said
    assert decided["verdict"] == of_lines.verdict
    assert [[(p[0], float(p[3])) for p in t[8]] for t in decided["trials"]] == curves(of_lines)


def test_the_command_line_tunes_a_command(tmp_path):
    (tmp_path / "space.toml").write_text('[lr]\ntype = "float"\nlow = 0.001\nhigh = 3.0\nlog = true\n')
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "luthier.cli",
            "tune",
            "--command",
            f"{TRAIN} --out {{dir}}",
            "--metric",
            "{dir}/log.jsonl:val_acc",
            "--space",
            "space.toml",
            "--budget",
            "4trials",
            "--baseline",
            "lr=0.003",
            "--fixed",
            "l2=0.0001",
            "--time-limit",
            "2min",
            "--workers",
            "2",
            "--json",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metric"] == "val_acc"
    assert "digits: a command of your own; val_acc; 6 reports a run, on cpu" in done.stderr
    assert (tmp_path / "runs" / "digits" / "report.html").exists()


def test_values_are_put_in_word_by_word_and_no_shell_looks_at_them():
    words = words_of("train --name '{name} x' --lr {lr} {{braces}}", ["name", "lr"], ["lr"])
    filled = Command(words, reading_of("stdout:loss")).filled({"name": "a; rm -rf b", "lr": 1e-05})
    assert filled == ["train", "--name", "a; rm -rf b x", "--lr", "1e-05", "{braces}"]


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("stdout:loss", "step 3  loss=0.25 val_loss=0.5", 0.25),
        ("val_loss", "loss: 0.25, val_loss: 1e-3", 1e-3),
        ("stdout:val/loss", "val/loss 7", 7.0),
        ("min:stdout:took (?P<cost>[0-9.]+) s", "it took 2.5 s", 2.5),
        ("f.jsonl:loss", '{"step": 2, "loss": 0.5, "name": "x"}', 0.5),
        ("f.jsonl:loss", '{"step": 2, "loss": NaN}', None),
    ],
)
def test_a_metric_is_read_from_a_line(tmp_path, text, line, expected):
    reading = reading_of(text)
    (tmp_path / "file").write_text(f"nothing\n{line}\n")
    found = Tail(tmp_path / "file", reading, skip=False).read()
    score = found[-1].metrics[reading.metric.name]
    assert score == expected or (expected is None and math.isnan(score))


def test_a_file_is_read_as_it_grows_and_from_its_beginning_when_it_is_begun_anew(tmp_path):
    file = tmp_path / "log.csv"
    tail = Tail(file, reading_of("log.csv:loss"), skip=False)
    assert tail.read() == []
    file.write_text("step,loss\n1,0.5\n2,0.")
    assert [(x.step, x.metrics) for x in tail.read()] == [(1.0, {"loss": 0.5})]
    with file.open("a") as stream:
        stream.write("25\n")
    assert [(x.step, x.metrics) for x in tail.read()] == [(2.0, {"loss": 0.25})]
    file.write_text("step,loss\n3,1\n")
    assert [(x.step, x.metrics) for x in tail.read()] == [(3.0, {"loss": 1.0})]


@pytest.mark.parametrize(
    ("command", "metric", "sentence"),
    [
        (
            "python train.py --lr {lr --l2 {l2}",
            "stdout:loss",
            "'{lr' in the command: `each { has its }, with a name between them` must hold (command). Write "
            "{lr}; a brace "
            "that is meant as one is doubled: {{.",
        ),
        (
            "python train.py --lr {lrr} --l2 {l2}",
            "stdout:loss",
            "the command has a place for {lrr}: `one of lr, l2, seed, dir, checkpoint_dir, device` must hold "
            "(command). "
            "Did you mean {lr}?",
        ),
        (
            "python train.py --lr {lr}",
            "stdout:loss",
            "the space varies 'l2', and the command does not use it: `{l2} stands in the command` must hold "
            "(command). "
            "Write {l2} where the command takes it, or take it out of the space.",
        ),
        (
            "python train.py --lr {lr} --l2 {l2} 'x",
            "stdout:loss",
            'command="python train.py --lr {lr} --l2 {l2} \'x": `every quote is closed` must hold (command).',
        ),
        (
            "python train.py --lr {lr} --l2 {l2}",
            "",
            "metric='': `where the command writes what is compared` must hold (metric). Write "
            '"{dir}/log.jsonl:val_loss",'
            ' or "stdout:val_loss".',
        ),
        (
            "python train.py --lr {lr} --l2 {l2}",
            "log.csv:score",
            "metric='score': `it is known whether larger or smaller is better` must hold (metric). Write "
            'metric="max:score" or metric="min:score".',
        ),
        (
            "python train.py --lr {lr} --l2 {l2}",
            "stdout:(?P<loss>x",
            "pattern '(?P<loss>x': `a regular expression` must hold (metric). missing ), unterminated subpattern at "
            "position 0.",
        ),
        (
            "pyhton train.py --lr {lr} --l2 {l2}",
            "stdout:loss",
            "'pyhton': there is no such program: `a program that can be started` must hold (command).",
        ),
        (
            "echo {lr} {l2}",
            "stdout:loss",
            "the command came to its end without loss on its standard output; it said last: 0.003 0.0001: `each "
            "run writes "
            "loss at least once` must hold (command). Its output is in {output}.",
        ),
        (
            "true {lr} {l2}",
            "{dir}/log.jsonl:loss",
            "the command came to its end without loss in {dir}/log.jsonl: `each run writes loss at least once` "
            "must hold "
            "(command). Its output is in {output}.",
        ),
        (
            "sh -c 'echo loss=1; echo no room on the disk >&2; exit 3' {lr} {l2}",
            "stdout:loss",
            "the program ended with exit code 3; it said last: no room on the disk (the program's own code). "
            "Its output is in {output}.",
        ),
        (
            "sh -c 'echo loss=1; kill -11 $$' {lr} {l2}",
            "stdout:loss",
            "the program was ended by SIGSEGV; it said last: loss=1 (the program's own code). "
            "Its output is in {output}.",
        ),
        (
            "sh -c 'echo train_loss=1 val_loss=2' {lr} {l2}",
            "stdout:val_los",
            "metric='val_los': `it is known whether larger or smaller is better` must hold (metric). Write "
            'metric="max:val_los" or metric="min:val_los".',
        ),
        (
            "sh -c 'echo {{\\\"val_acc\\\": 1}} > {dir}/log' {lr} {l2}",
            "min:{dir}/log:val_los",
            "val_los was never reported: `the metric is one of val_acc` must hold (metric). Report val_los, or "
            "name another "
            "metric.",
        ),
    ],
)
def test_what_is_wrong_with_a_command_is_said_before_anything_is_searched(tmp_path, command, metric, sentence):
    with pytest.raises(luthier.LuthierError) as told:
        tune(command, metric, tmp_path)
    output = tmp_path / "run" / "trials" / "00000" / "output.txt"
    assert str(told.value) == sentence.replace("{output}", str(output))
    assert isinstance(told.value, InvalidInput) or "own code" in sentence
