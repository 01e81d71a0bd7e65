"""M23 the padding mask is turned round: scripts that must fire and that must not."""

_TEXT = """
lengths = torch.randint(3, 11, (256,))
ids = torch.randint(1, 20, (256, 12)) * (torch.arange(12) < lengths.unsqueeze(1))
label = (ids[:, 0] > 10).long()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16, padding_idx=0)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        h = self.layer(self.embed(x), src_key_padding_mask=(x MASK 0))
        return self.head(h[:, 0])


train(Net(), F.cross_entropy, label, X=ids, lr=3e-3)
"""
_UNTOLD = _TEXT.replace(", padding_idx=0", "")
FIRES = {
    "turned round": _TEXT.replace("MASK", "!="),
    "turned round, the embedding knows of no padding": _UNTOLD.replace("MASK", "!="),
}

SILENT = {
    "true where nothing is": _TEXT.replace("MASK", "=="),
    "true where nothing is, the embedding knows of no padding": _UNTOLD.replace("MASK", "=="),
    "a mask that hides some words": _UNTOLD.replace("(x MASK 0)", "(x > 15)"),
}
