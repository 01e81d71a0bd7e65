"""The program ended because the weights to load belong to another architecture.

What it detects

"Error(s) in loading state_dict": missing, unexpected or differently shaped weights.

Why it happens

The file was saved from DataParallel or a compiled model (names begin with "module." or "_orig_mod."), inside a larger
checkpoint (a dictionary with "model"), or the model was changed since.

Mend

Wrong:

    model.load_state_dict(torch.load("best.pt"))            # saved from DataParallel

Right:

    weights = torch.load("best.pt")
    model.load_state_dict({name.removeprefix("module."): w for name, w in weights.items()})

When it keeps silent

Any other end of the program.

Source

PyTorch tutorial "Saving and Loading Models".
"""

from __future__ import annotations

import re

from luthier.checks.crashes import finding, matched
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X17", "weights of another architecture", "quick", ()


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is this one."""
    found = matched(trace, r"Error\(s\) in loading state_dict for (\w+)")
    if found is None:
        return []
    crash, match = found
    prefix = re.search(r'Unexpected key\(s\) in state_dict: "(module|_orig_mod)\.', crash.message)
    inside = re.search(r'Unexpected key\(s\) in state_dict: .*"(model|state_dict|model_state_dict)"', crash.message)
    sizes = re.findall(
        r"size mismatch for ([\w.]+): .*?torch\.Size\((\[[\d, ]*\])\).*?torch\.Size\((\[[\d, ]*\])\)", crash.message
    )
    if prefix:
        text = f'the names in the file begin with "{prefix[1]}.": it was saved from a wrapped model'
        remedy = f'Take "{prefix[1]}." off the names, or save model.module.state_dict().'
    elif inside:
        text = f'the file is a whole checkpoint; the weights are in its entry "{inside[1]}"'
        remedy = f'Load the entry: load_state_dict(checkpoint["{inside[1]}"]).'
    elif sizes:
        name, there, here = sizes[0]
        text = f"{name} is {there} in the file and {here} in the model ({len(sizes)} sizes differ)"
        remedy = "Build the model with the sizes it was saved with, or leave the layers that changed out of the file."
    else:
        text = "names in the file and in the model differ"
        remedy = "Build the model as it was when it was saved; strict=False loads what fits and says what does not."
    return [
        finding(
            crash,
            CODE,
            TITLE,
            f"the weights do not fit {match[1]}: {text}.",
            remedy=remedy,
            cause="load_state_dict wants the same names and shapes on both sides.",
            wrong='model.load_state_dict(torch.load("best.pt"))',
            right='weights = torch.load("best.pt")\n'
            'model.load_state_dict({name.removeprefix("module."): w for name, w in weights.items()})',
        )
    ]
