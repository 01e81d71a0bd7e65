"""A net that is to predict the next token is given it: its attention looks ahead.

What it detects

The target of cross-entropy is the model's input moved by one position, and an attention inside the model looks at
later positions: no mask and no `is_causal`, or weights above the diagonal that are not zero.

Why it hurts

The answer stands in the input. The loss falls to almost nothing, and the net has learned to copy; where it has to
continue a text, the next token is not there to be copied.

Evidence

Exact: the target's numbers against the input's; the arguments of scaled_dot_product_attention, or the softmax itself.

Mend

Wrong:

    h = self.blocks(x)

Right:

    mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
    h = self.blocks(x, mask=mask, is_causal=True)

When it keeps silent

Targets that are not the next token (masked tokens, labels); attention with any mask; recurrent and convolutional
nets.

Source

Vaswani et al. 2017, section 3.2.3; PyTorch documentation of nn.TransformerEncoder.
"""

from __future__ import annotations

from luthier.checks.wording import code, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Op
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M11", "the net sees the next token", "quick", ()
MIN_CALLS = 2


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Attention inside calls whose loss asks for the next token."""
    asked = {c.forward for c in trace.losses if c.next_token and c.trained_by}
    lengths = {f.number: f.input.shape[1] for f in trace.forwards if f.number in asked and f.input}
    ahead = [o for o in trace.ops if o.causal is False and o.forward in lengths and o.shape[-2] == lengths[o.forward]]
    calls = {o.forward for o in ahead}
    return [_finding(ahead[0], len(calls))] if len(calls) >= MIN_CALLS else []


def _finding(op: Op, calls: int) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        n=calls,
        text=f"the targets are the inputs moved by one position, and attention over {op.shape[-2]} positions looks "
        f"at later ones in {plural(calls, 'looked-at call')}: the token to be predicted stands in the input.",
        remedy="Give the attention a causal mask: is_causal=True with attn_mask, or scores of -inf above the "
        "diagonal.",
        severity="error",
        certain=True,
        place=op.place,
        step=op.step,
        cause="The net copies the answer instead of predicting it; in generation there is nothing to copy.",
        wrong="h = self.blocks(x)",
        right=code("""
            mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
            h = self.blocks(x, mask=mask, is_causal=True)
        """),
        evidence={"positions": op.shape[-2], "calls": calls},
    )
