"""What happens in calls of models, layers, losses and functions, as facts."""

from __future__ import annotations

from luthier.findings import Place
from luthier.watching.facts import NAN, Event, Fact, Origin, Phase, Shape, TensorFact
from luthier.watching.values import Windows


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
        heads, tails: hashes of the rows of a floating input (B, T ...) without the last and without the first step.
        fed_by: number of the call that returned the input (perhaps detached); 0: none that is known; sampled.
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
    heads: tuple[int, ...] = ()
    tails: tuple[int, ...] = ()
    fed_by: int = 0
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


class TokenMatch(Fact, kw_only=True):
    """A target held against token numbers of the same shape that an embedding was given.

    Args:
        layer: name of the embedding. n: targets that count (others are ignored by the loss), of the rows looked at.
        share: of these, equal to the token at their place. num_ignored: targets below 0.
        stand_in: the token that most of the places that differ hold, stand_in_share: its share of them.
        asked: that token is a target somewhere.
    """

    layer: str = ""
    n: int = 0
    share: float = NAN
    num_ignored: int = 0
    stand_in: int = -1
    stand_in_share: float = NAN
    asked: bool = False


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
        tokens: how the target lies to token numbers that an embedding was given in the last call; sampled.
        column: place in a row of the model's input of the one number that equals the row's target in every row, as it
            is or scaled; -1: there is none, or it was not looked at. bit_equal: as it is. last: the last place.
        target_key: memory and shape of the target. log_input: of poisson_nll_loss.
        own_row: the input is square, the largest number of each row stands on the diagonal, where all numbers are
            equal, and the target never asks for it; sampled.
        windows: how the model's input and the target are scaled, row by row; sampled.
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
    tokens: TokenMatch | None = None
    column: int = -1
    bit_equal: bool = False
    last: bool = False
    target_key: tuple[int, Shape] = (0, ())
    log_input: bool | None = None
    own_row: bool = False
    windows: Windows = Windows()
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
        causal: attention looks at no later position: it was given a mask or is_causal, or the softmax of a square
            matrix is zero above the diagonal; None: not known, or no such matrix.
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


class Reshape(Event, kw_only=True):
    """A call of view or reshape by the person's own code, in the first steps.

    Args:
        before, after: shapes. state: the tensor is the last hidden state of a recurrent layer.
    """

    before: Shape = ()
    after: Shape = ()
    state: bool = False


class PaddingMask(Event, kw_only=True):
    """A key_padding_mask that an attention was given, held against the tokens of an embedding, in sampled calls.

    Args:
        num_real, num_padding: tokens looked at. real_hidden, padding_hidden: of these, hidden by the mask.
    """

    num_real: int = 0
    num_padding: int = 0
    real_hidden: int = 0
    padding_hidden: int = 0
    forward: int = 0
