"""L17 tokens that were not masked are scored: scripts that must fire and that must not."""

_MASKED = """
text = (torch.randint(2, 20, (160, 1)) + torch.arange(12)) % 18 + 2


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(20, 16), nn.Linear(32, 20)

    def forward(self, ids):
        h = self.embed(ids)
        return self.head(torch.cat([h, h.roll(1, 1)], 2))


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(4):
    for rows in text.split(32):
        hidden = torch.rand(rows.shape) < 0.2
        labels = rows.clone()
        CHANGE
        loss = F.cross_entropy(model(rows.masked_fill(hidden, 1)).flatten(0, 1), labels.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
FIRES = {"labels as they are": _MASKED.replace("        CHANGE\n", "")}

SILENT = {
    "only what was masked": _MASKED.replace("CHANGE", "labels[~hidden] = -100"),
    "labels of another kind": _MASKED.replace("CHANGE", "labels = (labels + 1) % 20"),
}
