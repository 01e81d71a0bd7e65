"""Diagnoses made by hand: what a check of a script could have found."""

from __future__ import annotations

import math

import msgspec

from luthier.findings import Diagnosis, Edit, Fault, Finding, Place, Unknown
from luthier.reports.findings.view import Rule, View

ROOT = "/home/ada/churn"
TRAIN = f"{ROOT}/train.py"
RULES = {
    code: Rule(title, f"{title.capitalize()}.\n\nWhy it hurts\n\nIt does.", "quick", causes)
    for code, title, causes in (
        ("T01", "gradients are never cleared", ()),
        ("O02", "learning rate too high", ("T01",)),
        ("D05", "rows come in the same order", ()),
        ("E02", "evaluation records gradients", ()),
        ("E01", "evaluation in training mode", ()),
        ("M03", "dead layer", ()),
    )
}


def place(line: int, text: str = "", *, file: str = TRAIN, function: str = "") -> Place:
    """A line of the made-up script."""
    return Place(file=file, line=line, function=function, text=text)


def faulty() -> Diagnosis:
    """A cause with its consequence and a patch, a warning by statistics, a hint without a line."""
    follows = Finding(
        code="O02",
        title="learning rate too high",
        number=0.31,
        threshold=0.1,
        n=12,
        step=10,
        severity="warning",
        text="the median update is 31 % of the weights",
        remedy="divide the learning rate by 10",
        place=place(12, "optimizer = Adam(net.parameters(), lr=1e-1)"),
    )
    cleared = Finding(
        code="T01",
        title="gradients are never cleared",
        n=299,
        severity="error",
        certain=True,
        step=1,
        text="299 of 300 backward passes added to gradients that a step had already used",
        cause="Each step goes along the sum of all gradients so far, not along that of its batch.",
        remedy="clear the gradients before each backward pass",
        wrong="loss.backward()\noptimizer.step()",
        right="optimizer.zero_grad()\nloss.backward()\noptimizer.step()",
        place=place(18, "loss.backward()", function="epoch"),
        others=(place(12, "optimizer = Adam(...)"),),
        edits=(Edit(file=TRAIN, line=18, new=("    optimizer.zero_grad()",)),),
        evidence={"num_stale": 299, "share": 0.9967, "worst": math.nan, "steps": [1, 2, 3]},
        consequences=(follows,),
    )
    order = Finding(
        code="D05",
        title="rows come in the same order",
        number=2.0,
        threshold=1.0,
        n=2,
        severity="warning",
        text="both epochs began with the same 64 rows",
        remedy="set shuffle=True",
        place=place(9, "loader = DataLoader(rows, 64)", file=f"{ROOT}/data/rows.py"),
    )
    hint = Finding(code="E02", title="evaluation records gradients", n=4, text="4 evaluations kept their graph")
    gone = Finding(code="M03", title="dead layer", n=20, text="a layer is off", place=place(5, "nn.ReLU()"))
    return Diagnosis(
        program="train.py --lr 0.1",
        frameworks={"torch": "2.13.0"},
        num_steps=300,
        num_backward=300,
        num_evaluations=1,
        wall_s=12.3,
        watch_s=0.4,
        stopped="300 optimizer steps and one evaluation were seen",
        findings=(cleared, order, hint),
        ignored=(gone,),
        checked=("D05", "E02", "M03", "O02", "T01"),
        unknown=(
            Unknown(
                code="E01",
                title="evaluation in training mode",
                reason="only one evaluation was seen",
                needs="three evaluations: --full",
            ),
            Unknown(
                code="S05",
                title="memory grows",
                reason="only one evaluation was seen",
                needs="three evaluations: --full",
            ),
            Unknown(code="R02", title="two runs differ", reason="it needs --tier deep"),
        ),
        faults=(Fault(part="M04", error="ZeroDivisionError: division by zero", trace="m04.py, line 31, in judge"),),
    )


def sound() -> Diagnosis:
    """Nothing found, the program came to its own end."""
    return Diagnosis(
        program="train.py",
        frameworks={"torch": "2.13.0"},
        num_steps=40,
        num_backward=40,
        num_evaluations=1,
        wall_s=3.0,
        watch_s=0.1,
        exit_code=0,
        checked=("T01",),
    )


def crashed() -> Diagnosis:
    """The program raised, and the cause is known."""
    found = Finding(
        code="X01",
        title="loss of raw outputs",
        n=1,
        severity="error",
        certain=True,
        place=place(30, "loss(p, y)"),
        text="BCELoss got numbers from -0.7 to 0.9",
        remedy="use BCEWithLogitsLoss",
    )
    return msgspec.structs.replace(
        sound(),
        num_steps=0,
        exit_code=1,
        findings=(found,),
        crash="RuntimeError: all elements of input should be between 0 and 1",
    )


def hostile() -> Diagnosis:
    """Text that would move a cursor or end an annotation, a path with every trap, numbers that JSON lacks."""
    trap = place(3, "\x1b[2Jx\u202e = 1", file=f"{ROOT}/a b,c%:d\u00e9.py")
    elsewhere = place(1, file="/opt/lib/net.py")
    found = Finding(
        code="T01",
        title="100 %: bad, very",
        n=0,
        number=math.inf,
        threshold=-math.inf,
        severity="error",
        text="line\x1b[31m one\nline two 100 %",
        cause="\x07",
        wrong="\tif x:\n\t\t\x1b[1m",
        place=trap,
        others=(elsewhere,),
        edits=(Edit(file=trap.file, line=3, old=("x = 1",)),),
        evidence={"x": math.nan, "y": [math.inf, "z"]},
    )
    return msgspec.structs.replace(sound(), program="a\x1b[0m.py", crash="E: \x1b", findings=(found,))


DIAGNOSES = {"faulty": faulty, "sound": sound, "crashed": crashed, "hostile": hostile}


def view_of(name: str, **more: object) -> View:
    """A fixture as it is shown."""
    plain = View(DIAGNOSES[name](), ROOT, TRAIN, "0.1.0", mended=("T01",) if name == "faulty" else ())
    return plain._replace(**more)
