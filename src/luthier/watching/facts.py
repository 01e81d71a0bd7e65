"""The facts that a trace is made of: small records of numbers, shapes and places, no tensors and no framework.

Every event carries `at`, its place in the order of all events of the program (1, 2, 3 ...), and `step`, the number
of optimizer steps that were finished before it. Things that live on (parameters, models, optimizers, schedulers,
loaders) carry a running `number` that is never used twice, and events name them by it. Shapes are tuples. NaN
stands for "not measured": tensors are looked at in every one of the first steps and in every 50th later on.

A fact is filled in by the hooks and may be completed later (whether a gradient was used, for instance): the
records can be written to, the checks only read them.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from luthier.findings import Place

Shape = tuple[int, ...]
Phase = Literal["train", "evaluation", "other"]
"""See `luthier.watching.trace.phase_of`."""
NAN = math.nan


class Fact(msgspec.Struct, kw_only=True):
    """Base of all facts; every field has a default, so that a trace can be written by hand in a test."""


class Event(Fact, kw_only=True):
    """Something that happened.

    Args:
        at: its place in the order of all events, from 1.
        step: optimizer steps (of all optimizers together) finished before it.
        place: the innermost line of the person's own code; None where no such line was on the stack.
    """

    at: int = 0
    step: int = 0
    place: Place | None = None


class Stats(Fact, kw_only=True):
    """Numbers of one tensor, from at most 4096 of its entries, taken at even distances.

    Args:
        n: entries looked at. low, high, mean, std, absmax: of the finite ones (NaN where there are none).
        zero_share, integer_share: share of exact zeros, of whole numbers. num_nonfinite: NaN and infinities.
        num_nan: of these, NaN. num_distinct: distinct values among them.
        unit_share: share of values in [0, 1].
    """

    n: int = 0
    low: float = NAN
    high: float = NAN
    mean: float = NAN
    std: float = NAN
    absmax: float = NAN
    zero_share: float = NAN
    integer_share: float = NAN
    unit_share: float = NAN
    num_nonfinite: int = 0
    num_nan: int = 0
    num_distinct: int = 0


class TensorFact(Fact, kw_only=True):
    """Shape, type ("float32", without the framework's name), device ("cpu", "cuda:0") and, when sampled, numbers."""

    shape: Shape = ()
    dtype: str = ""
    device: str = "cpu"
    requires_grad: bool = False
    is_leaf: bool = True
    stats: Stats | None = None


class Origin(Fact, kw_only=True):
    """Where a tensor came from, by the identity of its autograd node or of the tensor itself.

    Args:
        op: "softmax", "log_softmax", "sigmoid", "logsigmoid", "relu", "tanh", "linear", "conv", "embedding",
            "batch_norm", "exp", "argmax", "leaf" (a parameter), "input" (what a model was given), "detach"
            (gradient cut by detach, .data, torch.tensor, .item ...), or the framework's own name of the operation
            in lower case; empty: not known.
        via: shape and type changes between that operation and the tensor, nearest first ("squeeze", "view", "to").
        axis_size: for softmax and log_softmax, the size of the axis.
        layer: name of the module that made it, such as "net.3" (class in `layer_class`), empty outside modules.
        is_model_output: it is what an outermost model returned (perhaps through `via`).
        place, at: of the call, where it was seen.
    """

    op: str = ""
    via: tuple[str, ...] = ()
    axis_size: int | None = None
    layer: str = ""
    layer_class: str = ""
    is_model_output: bool = False
    place: Place | None = None
    at: int = 0


# ---- things that live on ------------------------------------------------------------------------------------------


class Parameter(Fact, kw_only=True):
    """One trainable or frozen parameter, of a model or handed to an optimizer.

    Args:
        model: number of the first model that it was seen in; None: in no model that ran. name: in that model.
        other_names: further names in that model (tied weights).
        requires_grad: when last looked at. was_trainable: at any time.
        optimizers: numbers of all optimizers that ever held it.
        num_gradients: backward passes that left it a gradient (where no optimizer holds it: sampled ones). num_steps: steps of an optimizer that used one.
        loaded: its values were put there by load_state_dict or an in-place copy before the first step.
        rows_equal: all rows (of at least two) were equal when first seen; constant: all entries were.
        sparse: its gradients are sparse.
        copied_at: `at` when it was made by a deep copy of another one; 0: it was not. untouched: it still had the values
            of that moment at the model's first call and at the end (where it lived as long).
    """

    number: int = 0
    model: int | None = None
    name: str = ""
    other_names: tuple[str, ...] = ()
    shape: Shape = ()
    size: int = 0
    dtype: str = "float32"
    device: str = "cpu"
    requires_grad: bool = True
    was_trainable: bool = True
    optimizers: tuple[int, ...] = ()
    num_gradients: int = 0
    num_steps: int = 0
    loaded: bool = False
    rows_equal: bool = False
    constant: bool = False
    sparse: bool = False
    copied_at: int = 0
    untouched: bool = False


class Layer(Fact, kw_only=True):
    """A module inside a model, as it was at the model's first call.

    Args:
        name: as in `named_modules`; empty for the model itself. kind: its class.
        options: its plain settings where it has them: p, inplace, dim, bias, momentum, eps, affine,
            track_running_stats, num_features, in_features, out_features, in_channels, out_channels, kernel_size,
            stride, padding, batch_first, num_layers, dropout, num_heads, num_embeddings, padding_idx, reduction.
        options also holds "spectral_norm": True where the old form of spectral normalisation is on it.
        parameters: numbers of its own parameters. num_calls: calls seen in sampled steps. training: last seen.
        active: it behaves differently in training (dropout with p > 0, batch norm that tracks statistics).
        follows: name of the layer whose output it was given unchanged; empty where that is not so.
        foreign: its class comes from an installed package other than the framework.
    """

    name: str = ""
    kind: str = ""
    options: dict[str, float | int | str | bool | None] = {}
    parameters: tuple[int, ...] = ()
    num_calls: int = 0
    training: bool = True
    active: bool = False
    follows: str = ""
    foreign: bool = False


class Hidden(Fact, kw_only=True):
    """A module or trainable tensor that a model holds where the framework does not see it (a list, a dict)."""

    owner: str = ""
    attribute: str = ""
    kind: str = ""
    num_parameters: int = 0
    in_optimizer: bool = False


class Override(Fact, kw_only=True):
    """A method of the framework that the person's class defines itself.

    Args:
        name: train, eval, parameters, named_parameters, zero_grad, state_dict, load_state_dict, __call__, modules,
            children, to, step (optimizers). arguments: without self. calls_super: its source calls super().
        returns_value: its source returns something.
    """

    name: str = ""
    kind: str = ""
    arguments: tuple[str, ...] = ()
    calls_super: bool = False
    returns_value: bool = False
    place: Place | None = None


class Model(Fact, kw_only=True):
    """An outermost module that was called.

    Args:
        name: its class. variable: the person's name for it where it was found ("model", "self.net").
        parameters: numbers; num_trainable: entries that ask for a gradient, num_frozen: that do not.
        layers: in the order of `named_modules`, the model itself first; at most 1000.
        last_layer: name of the layer whose output is the model's output, where one is.
        hidden: what it holds unseen. overrides: methods of nn.Module that a class of it defines itself.
        num_forwards: outermost calls. num_train_calls, num_eval_calls: of .train() and .eval() on it.
        loaded: load_state_dict was called on it. compiled: it is a compiled module.
        wrapper: "DataParallel", "DistributedDataParallel" or empty. buffers_loaded: see `loaded`.
        default_dtype: type of floating numbers that the program's new tensors had at its first call.
    """

    number: int = 0
    name: str = ""
    variable: str = ""
    at: int = 0
    place: Place | None = None
    parameters: tuple[int, ...] = ()
    num_trainable: int = 0
    num_frozen: int = 0
    layers: list[Layer] = []
    last_layer: str = ""
    hidden: list[Hidden] = []
    overrides: list[Override] = []
    num_forwards: int = 0
    num_train_calls: int = 0
    num_eval_calls: int = 0
    loaded: bool = False
    compiled: bool = False
    wrapper: str = ""
    default_dtype: str = "float32"


class Group(Fact, kw_only=True):
    """A parameter group when the optimizer was made; NaN: it has no such setting.

    Args:
        parameters: numbers. trainable: how many of them asked for a gradient then.
        options: all plain settings by name.
    """

    lr: float = NAN
    weight_decay: float = NAN
    momentum: float = NAN
    beta1: float = NAN
    beta2: float = NAN
    eps: float = NAN
    parameters: tuple[int, ...] = ()
    num_trainable: int = 0
    options: dict[str, float | int | str | bool | None] = {}


class Optimizer(Event, kw_only=True):
    """An optimizer; the event is its creation.

    Args:
        name: its class. variable: the person's name for it, where it was found.
        groups: at creation, and groups that were added later.
        num_steps: of it. has_state: it keeps running averages or momentum.
        num_twins_before: optimizers made earlier at the same line for exactly the same parameters.
        unknown_attributes: attributes that the person set on it and that it does not read, such as "lr".
        state_loaded: load_state_dict was called on it.
        own: the class comes from the person's own code.
    """

    number: int = 0
    name: str = ""
    variable: str = ""
    groups: list[Group] = []
    num_steps: int = 0
    has_state: bool = False
    num_twins_before: int = 0
    unknown_attributes: tuple[str, ...] = ()
    state_loaded: bool = False
    own: bool = False


class Scheduler(Event, kw_only=True):
    """A learning-rate scheduler; the event is its creation.

    Args:
        horizon: its plain settings: step_size, gamma, T_max, total_steps, T_0, T_mult, total_iters, eta_min,
            patience, max_lr, factor ... ; milestones in `milestones`.
        num_steps: calls of step by the person. first_step_at: `at` of the first.
        is_child: it is driven by another scheduler (SequentialLR, ChainedScheduler).
    """

    number: int = 0
    name: str = ""
    optimizer: int | None = None
    horizon: dict[str, float | int | str | bool | None] = {}
    milestones: tuple[int, ...] = ()
    num_steps: int = 0
    is_child: bool = False


class Stored(Fact, kw_only=True):
    """A floating tensor that the program keeps and takes rows of again and again, as it was whenever it had changed.

    Args:
        kind: "dataset" (an attribute of a loader's data set) or "base" (inputs of a model are views of it).
        name: of the attribute. owner: class of the data set. loader: number of the loader.
        versions: its version counter at the beginning of each pass, or at each call that found another one than
            the last; at most 64. stds: standard deviations of a sample of it then. steps: optimizer steps before.
        place: of the first such moment.
    """

    kind: str = "dataset"
    name: str = ""
    owner: str = ""
    loader: int | None = None
    versions: list[int] = []
    stds: list[float] = []
    steps: list[int] = []
    place: Place | None = None


class Epoch(Fact, kw_only=True):
    """One pass over a loader.

    Args:
        at: when it began, `end_at`: when the last batch was taken. step: optimizer steps before it.
        num_batches: taken from it. complete: until the loader had no more.
        order: hash of the contents of its first 16 batches in order; 0: not hashable.
        wait_s: seconds spent waiting for batches, `first_wait_s`: of these, for the first. least_wait_s: for the one of
            the others that came soonest (infinite where there was none).
        seconds: from its beginning to its last batch (what the person does with the batches included).
        num_trained, num_evaluated: forwards of the phases train and evaluation between its begin and its end.
    """

    at: int = 0
    end_at: int = 0
    step: int = 0
    num_batches: int = 0
    complete: bool = False
    order: int = 0
    wait_s: float = 0.0
    first_wait_s: float = 0.0
    least_wait_s: float = math.inf
    seconds: float = 0.0
    num_trained: int = 0
    num_evaluated: int = 0


class Loader(Event, kw_only=True):
    """A data loader; the event is its first use, at the line that made it.

    Args:
        variable: the name that this line gives it; empty where it gives none.
        sampler: class of its sampler ("RandomSampler", "SequentialSampler", "DistributedSampler" ...).
        shuffled: True, False, or None where that cannot be known (own samplers, iterable data sets).
        dataset: number of the data set by identity (through Subset to the data set below: `base`).
        num_rows, num_batches: -1 where it has no length.
        set_epoch: the sampler's set_epoch was called. epochs: at most 200.
    """

    number: int = 0
    name: str = ""
    variable: str = ""
    batch_size: int | None = None
    sampler: str = ""
    shuffled: bool | None = None
    drop_last: bool = False
    num_workers: int = 0
    dataset: int = 0
    base: int = 0
    dataset_kind: str = ""
    num_rows: int = -1
    num_batches: int = -1
    set_epoch: bool = False
    num_epochs: int = 0
    epochs: list[Epoch] = []


# ---- events -------------------------------------------------------------------------------------------------------


class Forward(Event, kw_only=True):
    """One call of an outermost model.

    Args:
        number: running. model: its number. training: its flag.
        grad_before, grad_after: whether gradients were recorded, before and after the call.
        inference: under inference_mode. autocast: type of autocast ("bfloat16") or empty.
        input, output: first floating or integer tensor of the arguments, of the result.
        num_inputs: tensors among the arguments.
        spread: largest distance of a row of the output from its first row, divided by the largest entry; NaN:
            not sampled, one row only, or the rows of the input are equal too. input_spread: the same of the input.
        rows: hashes of the input's rows (bounded in number over the run); empty: not hashed.
        row_labels: the targets that a loss call was given for these rows, where they are whole numbers.
        trained_by: `at` of the backward pass that went through its output; 0: none did.
        active_train, active_eval: layers that behave differently in training (see `Layer.active`) that ran in
            training mode, in evaluation mode, during the call; counted in sampled steps, else -1.
        sampled: layers were looked at during this call. loader: number of the loader whose batch it may have had.
        seconds: of the call.
    """

    number: int = 0
    model: int = 0
    training: bool = True
    grad_before: bool = True
    grad_after: bool = True
    inference: bool = False
    autocast: str = ""
    input: TensorFact | None = None
    output: TensorFact | None = None
    num_inputs: int = 0
    spread: float = NAN
    input_spread: float = NAN
    rows: tuple[int, ...] = ()
    trained_by: int = 0
    active_train: int = -1
    active_eval: int = -1
    sampled: bool = False
    loader: int | None = None
    seconds: float = 0.0
    phase: Phase = "other"


class LayerRun(Event, kw_only=True):
    """One call of a module inside a model, in a sampled step.

    Args:
        forward: number of the outermost call. layer: name in the model; kind: its class.
        input, output: with numbers. rms: root mean square of the output.
        row_rms: lowest and highest over the rows of the batch.
    """

    forward: int = 0
    model: int = 0
    layer: str = ""
    kind: str = ""
    training: bool = True
    input: TensorFact | None = None
    output: TensorFact | None = None
    rms: float = NAN


class Units(Fact, kw_only=True):
    """What the units of one rectifier have done over all sampled training calls.

    Args:
        num_units: features (last axis) or channels (axis 1 of images). num_never: never above zero.
        num_rows: rows seen. num_calls: calls seen. grad_zero: the weights before it had only zero gradients in the
            last sampled step; None: not known.
    """

    model: int = 0
    layer: str = ""
    kind: str = ""
    num_units: int = 0
    num_never: int = 0
    num_rows: int = 0
    num_calls: int = 0
    grad_zero: bool | None = None


class LossCall(Event, kw_only=True):
    """One call of a loss function of the framework (function or module).

    Args:
        name: "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss",
            "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", "gaussian_nll_loss", "poisson_nll_loss",
            "hinge_embedding_loss", "cosine_embedding_loss", "margin_ranking_loss", "multilabel_...", "ctc_loss" ...
        input, target: the arguments; numbers in sampled calls. result: value where it is a scalar (NaN: not read);
            result_is_nonfinite: it was read and is NaN or infinite.
        row_sum_low, row_sum_high: of the input over the class axis (cross_entropy, nll_loss, bce), sampled.
        exact_share: share of the input's entries that are exactly 0 or 1, sampled.
        num_classes: size of the class axis (cross_entropy, nll_loss), else 0.
        num_targets, num_ignored: target entries, and those equal to `ignore_index` (all calls on the CPU).
        target_row_sum_low, target_row_sum_high: where the target has one number a class.
        source, target_source: where the input, the target came from.
        weight_shape, weights: of class weights; pos_weight: as given (at most 1000 of each). label_smoothing.
        trained_by: `at` of the backward pass that went through the result; 0: none.
        forward: number of the last outermost call before it. raised: the call raised an exception.
        broadcast: input and target were stretched against each other (their shapes differ).
        next_token: the target is the model's input (B, T) of token numbers moved one position to the left; sampled.
    """

    number: int = 0
    name: str = ""
    input: TensorFact | None = None
    target: TensorFact | None = None
    reduction: str = "mean"
    result: float = NAN
    result_is_nonfinite: bool = False
    result_shape: Shape = ()
    row_sum_low: float = NAN
    row_sum_high: float = NAN
    exact_share: float = NAN
    num_classes: int = 0
    num_targets: int = 0
    num_ignored: int = 0
    ignore_index: int | None = None
    target_row_sum_low: float = NAN
    target_row_sum_high: float = NAN
    source: Origin | None = None
    target_source: Origin | None = None
    weight_shape: Shape | None = None
    weights: tuple[float, ...] = ()
    pos_weight: tuple[float, ...] = ()
    label_smoothing: float = 0.0
    trained_by: int = 0
    forward: int = 0
    grad_enabled: bool = True
    raised: bool = False
    broadcast: bool = False
    next_token: bool = False
    sampled: bool = False
    phase: Phase = "other"


class Labels(Fact, kw_only=True):
    """Targets of the loss calls at one line in one phase, added up (whole numbers up to 1000 classes).

    Args:
        counts: by label. num_calls, num_labels: looked at. num_classes: size of the class axis; 0: no such axis.
        entropy: mean over the calls of the entropy (nats) of a call's labels. num_single: calls with one label only.
        low, high, mean, std: of all targets, also where they are not whole numbers.
        runs: number of runs of equal labels in the order of appearance (a shuffled set has many).
    """

    name: str = ""
    place: Place | None = None
    phase: Phase = "train"
    num_classes: int = 0
    counts: dict[int, int] = {}
    num_calls: int = 0
    num_labels: int = 0
    num_single: int = 0
    entropy: float = NAN
    low: float = NAN
    high: float = NAN
    mean: float = NAN
    std: float = NAN
    runs: int = 0


class Columns(Fact, kw_only=True):
    """The inputs of one model in one phase, added up over the calls that were sampled.

    Args:
        axis: "column" (2-D input, at most 512 columns) or "channel" (axis 1 of 4-D input).
        n: rows added up. mean, std, low, high: one number a column. num_nonfinite: one a column.
        integer_share: of all entries. first_layer: kind of the first layer that got the input.
    """

    model: int = 0
    phase: Phase = "train"
    axis: str = "column"
    n: int = 0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    num_nonfinite: tuple[int, ...] = ()
    integer_share: float = NAN
    dtype: str = ""
    first_layer: str = ""


class Op(Event, kw_only=True):
    """A call of softmax, log_softmax, sigmoid, argmax, max over an axis, dropout as a function, attention.

    Args:
        name: "softmax", "log_softmax", "sigmoid", "argmax", "max" (with an axis), "topk", "dropout", "attention"
            (scaled_dot_product_attention of as many queries as keys; shape: of the queries).
        shape: of the input. axis: as a number from 0, None: none given. axis_size: 0 where there is no axis.
        implicit: the axis was left to the framework's old rule.
        layer: name of the module that called it; empty outside modules. layer_class: its class.
        trained_by: `at` of a backward pass that went through it; 0: none.
        source: where its input came from. to_loss: number of the loss call that its result went into (perhaps through
            shape changes); 0: none was seen. is_model_output: an outermost model returned its result.
        training, p: of the functional form of dropout (name "dropout").
        causal: attention looks at no later position: it was given a mask or is_causal, or the softmax of a square matrix
            is zero above the diagonal; None: not known, or no such matrix.
        sampled: its tensors were looked at; of other calls layer, source, to_loss and is_model_output are not known.
    """

    name: str = ""
    training: bool | None = None
    p: float = NAN
    is_model_output: bool = False
    shape: Shape = ()
    dtype: str = ""
    axis: int | None = None
    axis_size: int = 0
    implicit: bool = False
    layer: str = ""
    layer_class: str = ""
    grad_enabled: bool = True
    trained_by: int = 0
    forward: int = 0
    source: Origin | None = None
    to_loss: int = 0
    sampled: bool = False
    causal: bool | None = None
    phase: Phase = "other"


class Comparison(Event, kw_only=True):
    """`a == b`, `a != b`, `a > b` ... of two tensors of different shapes, or a sampled one of equal shapes."""

    name: str = ""
    left: Shape = ()
    right: Shape = ()
    result: Shape = ()
    left_dtype: str = ""
    right_dtype: str = ""
    broadcast: bool = False
    forward: int = 0
    phase: Phase = "other"


class Broadcast(Event, kw_only=True):
    """Hand-written arithmetic in the first steps whose result is larger than both sides, such as (B,1) - (B,).

    Args:
        name: "sub", "mul", "add", "div". requires_grad: of the result.
        trained_by: `at` of a backward pass that went through it; 0: none.
        left_source, right_source: where the two sides came from. in_model: it happened inside a model's forward.
    """

    name: str = ""
    left: Shape = ()
    right: Shape = ()
    result: Shape = ()
    requires_grad: bool = False
    left_requires_grad: bool = False
    right_requires_grad: bool = False
    trained_by: int = 0
    left_source: Origin | None = None
    right_source: Origin | None = None
    in_model: bool = False
    forward: int = 0


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
    scale: float = 1.0


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
    """A call of a scheduler's step by the person."""

    scheduler: int = 0
    lr_before: tuple[float, ...] = ()
    lr_after: tuple[float, ...] = ()


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
    """

    call: str = "load_state_dict"
    model: int | None = None
    num_tensors: int = 0
    num_aliases: int = 0
    taken: int | None = None
    steps_since: int = 0
    seconds: float = 0.0


class Seed(Event, kw_only=True):
    """A random stream was seeded: "torch", "numpy", "random" or "cuda"."""

    kind: str = "torch"
    value: int | None = None


class Warned(Event, kw_only=True):
    """A warning that Python or the framework issued, once a line and text, with how often it came."""

    category: str = ""
    message: str = ""
    count: int = 1


class Printed(Event, kw_only=True):
    """A call of print that showed the value of a loss that was read before.

    Args:
        text: what was printed, at most 200 characters.
        loss: number of the last loss call if its very value is among the printed numbers, else 0.
        num_losses_since: training loss calls since the last such print.
    """

    text: str = ""
    loss: int = 0
    num_losses_since: int = 0


class Flight(Fact, kw_only=True):
    """A module whose call was on when an exception was raised: innermost last."""

    layer: str = ""
    kind: str = ""
    inputs: tuple[Shape, ...] = ()
    input_dtypes: tuple[str, ...] = ()
    input_devices: tuple[str, ...] = ()
    weight: Shape | None = None
    weight_dtype: str = ""
    options: dict[str, float | int | str | bool | None] = {}


class Crash(Event, kw_only=True):
    """The exception that ended the program.

    Args:
        kind: its class. message: its text (at most 2000 characters).
        frames: places in the person's own code, innermost first. inner: function names of the framework below the
            innermost of them, outermost first.
        modules: modules that were being called, outermost first. loss: the loss call that raised, if one did.
        in_backward, in_step: it came out of a backward pass, an optimizer step.
        previous_backward, previous_step: places of the last ones that were finished.
        previous_was_same_graph: the loss of this backward pass is the very tensor of the one before.
        causes: (kind, message) of chained exceptions.
    """

    kind: str = ""
    message: str = ""
    frames: tuple[Place, ...] = ()
    inner: tuple[str, ...] = ()
    modules: list[Flight] = []
    loss: LossCall | None = None
    in_backward: bool = False
    in_step: bool = False
    previous_backward: Place | None = None
    previous_step: Place | None = None
    same_loss_again: bool = False
    causes: tuple[tuple[str, str], ...] = ()
