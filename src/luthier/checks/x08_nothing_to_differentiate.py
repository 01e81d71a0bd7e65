"""The program ended in backward because the loss has no graph.

What it detects

"element 0 of tensors does not require grad and does not have a grad_fn".

Why it happens

Something between the parameters and the loss cut the graph: `torch.no_grad()`, `.detach()`, `.data`, `.item()`,
`torch.tensor(...)` of a tensor, numpy, `argmax` or a comparison; or all parameters are frozen.

Mend

Wrong:

    loss = torch.tensor(F.cross_entropy(model(x), y).item())

Right:

    loss = F.cross_entropy(model(x), y)

When it keeps silent

Any other end of the program.

Source

PyTorch documentation, "Autograd mechanics".
"""

from __future__ import annotations

from luthier.checks.crashes import finding, matched
from luthier.checks.wording import code
from luthier.findings import Finding, Place, Unknown
from luthier.watching.ends import Crash
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X08", "nothing to differentiate", "quick", ("T06", "O01")
CUTS = ("argmax", "detach", "round", "sign", "gt", "lt", "ge", "le", "eq", "ne")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is this one."""
    found = matched(trace, r"does not require grad and does not have a grad_fn")
    if found is None:
        return []
    crash = found[0]
    reason, place = _reason(trace, crash)
    return [
        finding(
            crash,
            CODE,
            TITLE,
            f"backward was called on a loss that does not depend on any trainable parameter: {reason}.",
            remedy="Leave detach, .data, .item(), numpy, argmax and comparisons out of the way from the model to the "
            "loss, and no_grad off in training.",
            cause="The graph from the loss back to the parameters is cut, so there is no gradient to compute.",
            wrong=code("""
                loss = torch.tensor(F.cross_entropy(model(x), y).item())
                loss.backward()
            """),
            right=code("""
                loss = F.cross_entropy(model(x), y)
                loss.backward()
            """),
            place=place,
        )
    ]


def _reason(trace: Trace, crash: Crash) -> tuple[str, Place | None]:
    """The nearest thing that cut the graph, and its line."""
    call = trace.forwards[-1] if len(trace.forwards) else None
    if call is not None:
        model = trace.models.get(call.model)
        if model is not None and model.parameters and not model.num_trainable:
            return f"all parameters of {model.name} are frozen", crash.place
        if not call.grad_before:
            return "the model was called while gradients were switched off (no_grad)", call.place
        if not call.grad_after:
            return "gradients were switched off inside the model's forward", call.place
    return _before_the_loss(trace, crash)


def _before_the_loss(trace: Trace, crash: Crash) -> tuple[str, Place | None]:
    """What cut the graph between the model and the loss, or after it."""
    call = trace.forwards[-1] if len(trace.forwards) else None
    loss = trace.losses[-1] if len(trace.losses) else None
    if loss is not None and loss.input is not None and not loss.input.requires_grad:
        source = loss.source
        if source is not None and source.op in CUTS:
            return f"{source.op} cuts the graph before {loss.name}", source.place or loss.place
        return (
            f"the input of {loss.name} carries no graph (detach, .data, argmax, numpy or no_grad before it)",
            loss.place,
        )
    cutting = [o for o in trace.ops if o.name == "argmax"]
    if cutting and call is not None and cutting[-1].forward == call.number:
        return "argmax has no gradient", cutting[-1].place
    if loss is not None:
        return f"{loss.name} has a graph, so it was cut after it (.item(), torch.tensor, detach)", crash.place
    return "the graph was cut on the way (detach, .data, .item(), argmax, numpy or no_grad)", crash.place
