"""M11 the net sees the next token: scripts that must fire and that must not."""

_NET = """
text = torch.randint(0, 20, (128, 13))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.place = nn.Embedding(20, 16), nn.Parameter(torch.randn(12, 16) * 0.1)
        self.qkv, self.head = nn.Linear(16, 48), nn.Linear(16, 20)

    def forward(self, ids):
        h = self.embed(ids) + self.place
        q, k, v = self.qkv(h).chunk(3, -1)
        return self.head(h + ATTENTION)


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(3):
    for rows in text.split(32):
        out = model(rows[:, :-1])
        loss = F.cross_entropy(out.flatten(0, 1), TARGET.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""


def _script(attention: str, target: str = "rows[:, 1:]") -> str:
    return _NET.replace("ATTENTION", attention).replace("TARGET", target)


_BY_HAND = "(q @ k.transpose(1, 2) / 4MASK).softmax(-1) @ v"
FIRES = {
    "no mask": _script("F.scaled_dot_product_attention(q, k, v)"),
    "no mask, by hand": _script(_BY_HAND.replace("MASK", "")),
}

SILENT = {
    "is_causal": _script("F.scaled_dot_product_attention(q, k, v, is_causal=True)"),
    "a mask by hand": _script(_BY_HAND.replace("MASK", " + torch.full((12, 12), -torch.inf).triu(1)")),
    "the token itself is asked for": _script("F.scaled_dot_product_attention(q, k, v)", "rows[:, :-1]"),
}
