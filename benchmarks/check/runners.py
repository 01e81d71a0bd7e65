"""One script through one tool, in a process of its own: luthier, the framework's own messages, TorchFix."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.check.judging import HERE, Case, Finding

FAULTS = {  # form in lightning_forms.py: the case that it is a form of
    "softmax": "torch/l01_softmax_layer_in_sequential",
    "broadcast": "torch/gh18_loss_broadcasts",
    "head": "torch/o01_head_replaced_after_optimizer",
    "frozen": "torch/o01_everything_frozen",
    "list": "torch/m02_layers_in_list",
    "unused": "torch/m01_layer_never_called",
    "horizon": "torch/o07_cosine_horizon_in_epochs",
    "raw": "torch/kr10_mnist_not_scaled",
    "sorted": "torch/d05_sorted_not_shuffled",
    "eval": "torch/t08_stays_in_eval",
    "nan": "torch/d04_constant_column_scaled",
    "lr": "torch/o02_lr_too_high",
    "detach": "torch/t03_detach_in_forward",
    "shared": "torch/d07_oversampled_before_split",
}
LIMIT_S = 240.0
ROOT = HERE.parents[1]

MESSAGES = (  # what PyTorch, Keras and Lightning say by themselves, and the code of the fault that it names
    (r"Using a target size .* different to the input size", "L04"),
    (r"lr_scheduler\.step\(\)` before `optimizer\.step", "O04"),
    (r"Implicit dimension choice for (log_)?softmax", "L02"),
    (r"reduction: 'mean' divides the total loss by both", "L08"),
    (r"None of the inputs have requires_grad", "T03"),
    (r"from_logits.*(but|although).*(softmax|Softmax|Sigmoid)", "K01"),
    (r"softmax over axis .* of a tensor of shape \(.*, 1\)", "L02"),
    (r"Converting a tensor with requires_grad=True to a scalar", "S05"),
    (r"module\(s\) in eval mode at the start of training", "T07"),  # Lightning
    (r"training_step` returned `None`", "T03"),
    (r"sampler has shuffling enabled", "D05"),
)


@dataclass(frozen=True)
class Answer:
    """What luthier said of a script. error: luthier itself failed (its own faults stand in `faults`)."""

    seconds: float
    findings: list[Finding] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    crash: str = ""
    exit_code: int | None = None
    error: str = ""


def environment() -> dict[str, str]:
    """One thread, quiet TensorFlow, no bytecode beside the scripts."""
    fixed = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1"}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **fixed, "PYTHONPATH": path}


def run(command: list[str], folder: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """The finished process and its wall time; a process that hangs ends with code 124."""
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        done = subprocess.CompletedProcess(command, 124, "", f"more than {LIMIT_S:.0f} s")
    return done, time.perf_counter() - start


def luthier(script: str, args: tuple[str, ...]) -> Answer:
    """`luthier check --format json` on a script, as a person would run it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "diagnosis.json"
        options = ["check", "--format", "json", "--output", str(out)]
        done, seconds = run([sys.executable, "-m", "luthier.cli", *options, str(HERE / script), *args], folder)
        if not out.exists():
            return Answer(seconds, error=f"exit {done.returncode}: {done.stderr.strip()[-400:]}")
        return answer(out, seconds)


def answer(out: Path, seconds: float) -> Answer:
    """What stands in the JSON of `luthier check`."""
    body = json.loads(out.read_text())
    faults = [f"{fault['part']}: {fault['error']}" for fault in body.get("faults", [])]
    return Answer(seconds, body["findings"], faults, body.get("crash", ""), body.get("exit_code"))


def plain(script: str, args: tuple[str, ...]) -> tuple[list[str], str, float]:
    """What Python and the framework say by themselves: (warnings, exception, seconds)."""
    with tempfile.TemporaryDirectory() as folder:
        done, seconds = run([sys.executable, str(HERE / script), *args], folder)
    warned = re.findall(r"^\S+:\d+: \w*Warning: .*$", done.stderr, re.MULTILINE)
    lines = done.stderr.strip().splitlines()
    return warned, lines[-1] if done.returncode and lines else "", seconds


def framework_names(case: Case, warned: list[str], exception: str) -> bool:
    """Does the framework's own message name the fault? A warning by the table above, an exception by the words that
    the case asks for (where it asks for none, a crash with any text counts when crashes are an accepted answer)."""
    if any(re.search(pattern, text) and code in case.accepted for text in warned for pattern, code in MESSAGES):
        return True
    crashes = any(code.startswith("X") for code in case.accepted)
    return bool(exception) and crashes and (not case.match or re.search(case.match, exception) is not None)


def torchfix(script: str) -> list[tuple[str, int]] | None:
    """(code, line) of everything TorchFix reports in a script; None where it is not on the path."""
    program = shutil.which("torchfix")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        done, _ = run([program, "--select=ALL", str(HERE / script)], folder)
    return [(code, int(line)) for line, code in re.findall(r":(\d+):\d+: (TOR\d+)", done.stdout)]


def torchfix_version() -> str:
    """Empty where TorchFix is not on the path."""
    program = shutil.which("torchfix")
    return run([program, "--version"], str(HERE))[0].stdout.strip() if program else ""


def lightning(case: Case) -> bool | None:
    """Does Lightning name the fault? None where the case has no Lightning form, or Lightning is not installed."""
    form = next((name for name, id_ in FAULTS.items() if id_ == case.id), None)
    if form is None or importlib.util.find_spec("lightning") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        done, _ = run([sys.executable, str(HERE / "lightning_forms.py"), "--fault", form], folder)
    said = re.findall(r"^\S+\.py:\d+: .*$", done.stderr, re.MULTILINE)
    lines = done.stderr.strip().splitlines()
    return framework_names(case, said, lines[-1] if done.returncode and lines else "")
