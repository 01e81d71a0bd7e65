"""What happens in backward passes, optimizer steps and around them, as facts."""

from __future__ import annotations

from luthier.findings import Place
from luthier.watching.facts import NAN, Event, Fact, Origin, Shape


class Backward(Event, kw_only=True):
    """One backward pass.

    Args:
        call: "backward", "autograd.backward" or "autograd.grad".
        loss: value where it is a scalar (divided by the loss scale where a GradScaler made it).
        loss_is_nonfinite: it was read and is NaN or infinite. loss_shape.
        source: the operation that made the loss. requires_grad: False: the call raises.
        grad_enabled: gradients were recorded when it began. retain_graph, create_graph: as given.
        num_stale: parameters of optimizers that still held, when it began, the very gradient that an optimizer step
            has already used (same memory, same version, not zero): the new gradient is added to a used one.
        num_deposited: parameters of optimizers that got a gradient. num_held: that had one, unused, before.
        num_used: of the deposits, those that an optimizer step used. num_discarded: cleared before any step did.
        discarded_at, discarded_place: of the clearing (None: by hand). skipped_by_scaler counts as used.
        optimizers: numbers of the optimizers whose parameters got a gradient.
        num_nodes: of the graph, counted up to 20000, sampled (0: not counted).
        grad_norm: of all deposits together, sampled. forwards: numbers of the outermost calls that it went through.
        losses: numbers of the loss calls that it went through.
        active_train, active_eval: layers with a training behaviour that ran in training mode, in evaluation mode, in
            the sampled forwards that it went through; -1: not sampled.
        num_forwards_since: outermost calls since the last backward pass.
        in_step: it happened inside optimizer.step (closures). raised: it raised.
        again: the very same tensor had been through backward before.
        of_inputs: autograd.grad was asked for gradients of something that is no weight.
        past_scaler: a GradScaler has scaled a loss since its last step, and this pass does not begin at that.
    """

    call: str = "backward"
    loss: float = NAN
    loss_is_nonfinite: bool = False
    loss_shape: Shape = ()
    source: Origin | None = None
    requires_grad: bool = True
    grad_enabled: bool = True
    retain_graph: bool = False
    create_graph: bool = False
    num_stale: int = 0
    num_deposited: int = 0
    num_held: int = 0
    num_used: int = 0
    num_discarded: int = 0
    discarded_at: int = 0
    discarded_place: Place | None = None
    optimizers: tuple[int, ...] = ()
    num_nodes: int = 0
    grad_norm: float = NAN
    num_nonfinite: int = 0
    forwards: tuple[int, ...] = ()
    losses: tuple[int, ...] = ()
    active_train: int = -1
    active_eval: int = -1
    in_step: bool = False
    raised: bool = False
    again: bool = False
    of_inputs: bool = False
    past_scaler: bool = False
    scale: float = 1.0


class GraphSign(Event, kw_only=True):
    """Something in the graph of a loss, seen before one of the first backward passes.

    Args:
        kind: "bootstrap": a difference (or a loss of two sides) of what one call of a model returned and of what
            another call of it returned, scaled and added to something: the target of temporal differences.
            "advantage": the log-probability of an action times (something without gradient - something with one).
            "exp of mean": exp of a cross-entropy that is one number.
            "last step": the last step of what a recurrent layer returned; `share`: of the rows, those that end in
            padding there.
            "lesson": what one model returned is the target of what another one returned, and the gradient flows into
            both; `models`: the pupil and the teacher, `even`: a distance, which does not say which of them is which.
            "similarity": a log-softmax of cosine similarities times `share`, over `size` of them.
            "divergence": of a normal posterior from the standard normal one; `share`: nats a row.
            "jump": a function such as round (`layer`), through which alone the loss depends on `size` weights.
            "own loss": a model that was such a teacher is reached in another way; `models`: twice its number.
        backward: `at` of the pass.
    """

    kind: str = ""
    backward: int = 0
    layer: str = ""
    share: float = NAN
    size: int = 0
    models: tuple[int, ...] = ()
    even: bool = False


class ZeroGrad(Event, kw_only=True):
    """A call of zero_grad, of an optimizer or of a model (one of the two numbers is set).

    Args:
        num_cleared: parameters that held a gradient. num_discarded: of these, not used by any step, and not zero.
    """

    optimizer: int | None = None
    model: int | None = None
    num_cleared: int = 0
    num_discarded: int = 0
    set_to_none: bool = True


class TensorStep(Fact, kw_only=True):
    """What one step did to one parameter (sampled steps; from at most 4096 entries).

    Args:
        grad_rms, weight_rms, update_rms: root mean squares; weight before the step.
        grad_zero_share, unchanged_share: share of entries whose gradient was zero; that did not change although
            their gradient was not zero.
        nonfinite: entries of the gradient that are not finite.
        grad_rows_equal: all rows of the gradient are equal up to rounding (of at least two), looked at
            in the first five steps of an optimizer.
    """

    parameter: int = 0
    grad_rms: float = NAN
    weight_rms: float = NAN
    update_rms: float = NAN
    weight_absmax: float = NAN
    grad_zero_share: float = NAN
    unchanged_share: float = NAN
    num_nonfinite: int = 0
    grad_rows_equal: bool = False


class Step(Event, kw_only=True):
    """One step of an optimizer; `step` counts the steps of all optimizers before it.

    Args:
        optimizer: number; index: of this optimizer, from 0. lr: one a group.
        num_parameters: in its groups. num_none: without a gradient. num_zero: gradient exactly zero, num_nonfinite:
            not finite (both sampled, else -1). num_nonzero: the rest.
        num_reused: gradients that contain one that an earlier step has already used (see Backward.num_stale).
        num_checked, num_unchanged: parameters with a nonzero gradient that were compared before and after, and those
            that stayed equal; unchanged: their numbers (at most 20). Sampled, else 0.
        tensors: what it did to each parameter (at most 200), sampled.
        grad_norm: of all gradients together (after unscaling, before this step), sampled.
        update_ratio: median over matrices of update norm / weight norm; update_ratio_max: the largest; of parameter
            `update_ratio_name`. Sampled.
        num_backwards: backward passes since this optimizer's last step that left gradients for it.
        num_closures: calls of the closure. skipped: the GradScaler left the step out; then this event is not a call
            of the optimizer. scaled: the gradients still carried the loss scale.
        seconds: since this optimizer's last step. rss_bytes: memory of the process, sampled (else 0).
        num_graphs: autograd graphs of earlier backward passes that are still alive (loss tensors kept); exact.
    """

    optimizer: int = 0
    index: int = 0
    lr: tuple[float, ...] = ()
    num_parameters: int = 0
    num_none: int = 0
    num_zero: int = -1
    num_nonfinite: int = -1
    num_nonzero: int = -1
    num_reused: int = 0
    num_checked: int = 0
    num_unchanged: int = 0
    unchanged: tuple[int, ...] = ()
    tensors: list[TensorStep] = []
    grad_norm: float = NAN
    update_ratio: float = NAN
    update_ratio_max: float = NAN
    update_ratio_parameter: int = 0
    num_backwards: int = 0
    num_closures: int = 0
    skipped: bool = False
    scaled: bool = False
    sampled: bool = False
    grad_enabled: bool = True
    seconds: float = NAN
    rss_bytes: int = 0
    num_graphs: int = 0


class Clip(Event, kw_only=True):
    """A call of clip_grad_norm_ or clip_grad_value_.

    Args:
        num_fresh: gradients that no step has used yet. num_consumed: already used. num_none: no gradient.
        norm: total norm that it returned (NaN: not read). max_norm: the bound.
        scaled: a GradScaler has scaled the loss and unscale_ was not called since.
    """

    name: str = "clip_grad_norm_"
    max_norm: float = NAN
    norm: float = NAN
    num_fresh: int = 0
    num_consumed: int = 0
    num_none: int = 0
    scaled: bool = False


class SchedulerStep(Event, kw_only=True):
    """A call of a scheduler's step by the person; metric: the number that it was given, as for ReduceLROnPlateau."""

    scheduler: int = 0
    lr_before: tuple[float, ...] = ()
    lr_after: tuple[float, ...] = ()
    metric: float = NAN


class ScalerCall(Event, kw_only=True):
    """A call of an enabled GradScaler: "scale", "unscale_", "step" or "update"."""

    call: str = ""
    scale: float = NAN
    skipped: bool = False
    optimizer: int | None = None


class ModeCall(Event, kw_only=True):
    """A call of .train() or .eval() on an outermost module or on one that is none (model None)."""

    model: int | None = None
    layer: str = ""
    kind: str = ""
    training: bool = True


class GradSwitch(Event, kw_only=True):
    """Recording of gradients switched by a call that is no `with` block, such as torch.set_grad_enabled(False)."""

    enabled: bool = True
    in_forward: bool = False


class StateTaken(Event, kw_only=True):
    """A state_dict() of a whole model.

    Args:
        alive_until: `at` when it was last seen alive. steps_alive: optimizer steps taken while it was alive and
            still shared its memory with the live weights.
    """

    number: int = 0
    model: int | None = None
    steps_alive: int = 0


class StateUsed(Event, kw_only=True):
    """load_state_dict of a model, or torch.save.

    Args:
        call: "load_state_dict" or "save". model: that was loaded, or whose weights are inside what was saved.
        num_tensors: in it. num_aliases: of these, the live weights themselves (same memory).
        taken: number of the StateTaken that it is; None: another. steps_since: optimizer steps since then.
        seconds: of the call. num_bytes: of tensors.
        num_fit: of the tensors that a model was loaded with, those whose name it has. num_own: tensors of the model.
            keys: of the model and of what it was loaded with, one of each, where none fits.
    """

    call: str = "load_state_dict"
    model: int | None = None
    num_tensors: int = 0
    num_aliases: int = 0
    taken: int | None = None
    steps_since: int = 0
    num_fit: int = -1
    num_own: int = 0
    keys: tuple[str, str] = ("", "")
    seconds: float = 0.0


class RanksCompared(Fact, kw_only=True):
    """What the first and another rank of a distributed run had after the same step.

    Args:
        step: counted from 0. rank: the other one.
        weights_apart: largest difference of a parameter's sums, over the sum of its sizes; 0: they are the same.
        same_rows: both were trained on the same rows in this step, where `rows_known`.
    """

    step: int
    rank: int
    weights_apart: float
    rows_known: bool
    same_rows: bool
