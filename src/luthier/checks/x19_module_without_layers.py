"""The program ended because a module or an optimizer holds no parameters.

What it detects

"optimizer got an empty parameter list", "cannot assign module before Module.__init__() call", a module without
`forward`.

Why it happens

Layers in a plain list are not registered (use ModuleList); `super().__init__()` was forgotten; `forward` is spelt
otherwise or indented into `__init__`.

Mend

Wrong:

    self.layers = [nn.Linear(8, 3)]

Right:

    self.layers = nn.ModuleList([nn.Linear(8, 3)])

When it keeps silent

Any other end of the program.

Source

PyTorch documentation of nn.Module and nn.ModuleList.
"""

from __future__ import annotations

from luthier.checks.crashes import finding, matched
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X19", "a module without layers", "quick", ("M02",)


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is one of these."""
    rules = (
        (
            r"optimizer got an empty parameter list",
            "the optimizer was given no parameters: the module knows of none.",
            "Put layers into nn.ModuleList or nn.ModuleDict instead of a list or dict, and pass model.parameters() "
            "itself (an iterator that was read once is empty).",
            "self.layers = [nn.Linear(8, 3)]",
            "self.layers = nn.ModuleList([nn.Linear(8, 3)])",
        ),
        (
            r"cannot assign (?:module|parameters?) before Module\.__init__\(\) call",
            "a layer was set before the module was initialised: super().__init__() is missing or comes too late.",
            "Make super().__init__() the first line of __init__.",
            "def __init__(self):\n    self.layer = nn.Linear(8, 3)",
            "def __init__(self):\n    super().__init__()\n    self.layer = nn.Linear(8, 3)",
        ),
        (
            r'Module \[\w+\] is missing the required "forward" function',
            "the module has no forward: its name is spelt otherwise, or it is indented into __init__.",
            "Define forward(self, x) at the level of the class.",
            "def foward(self, x): ...",
            "def forward(self, x): ...",
        ),
    )
    for pattern, text, remedy, wrong, right in rules:
        found = matched(trace, pattern)
        if found is not None:
            return [
                finding(
                    found[0],
                    CODE,
                    TITLE,
                    text,
                    remedy=remedy,
                    wrong=wrong,
                    right=right,
                    cause="torch registers layers when they are set as attributes of an initialised module.",
                )
            ]
    return []
