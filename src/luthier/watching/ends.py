"""What a program says, and the exception that ends it, as facts."""

from __future__ import annotations

from luthier.findings import Place
from luthier.watching.calls import LossCall
from luthier.watching.facts import Event, Fact, Shape


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


class Score(Event, kw_only=True):
    """A score that is not a mean over rows, computed in the person's own code.

    Args:
        name: of the function of scikit-learn. num_rows: that it was given.
        forward: number of the last outermost call of a model before it.
    """

    name: str = ""
    num_rows: int = 0
    forward: int = 0


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
