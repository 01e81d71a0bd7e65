import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
text = "the quick brown fox jumps over the lazy dog and runs into the dark wood where no one lives " * 30
chars = sorted(set(text)); stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text]); T = 32
class TinyGPT(nn.Module):
    def __init__(self, v, d=32):
        super().__init__()
        self.tok, self.pos = nn.Embedding(v, d), nn.Embedding(T, d)
        layer = nn.TransformerEncoderLayer(d, 4, 64, dropout=0.0, batch_first=True)
        self.tr = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(d, v)
    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.size(1))
        h = self.tok(x) + self.pos(torch.arange(x.size(1)))
        return self.head(self.tr(h, mask=mask, is_causal=True))
def get_batch(bs=16):
    ix = torch.randint(len(data) - T - 1, (bs,))
    x = torch.stack([data[i:i + T] for i in ix])
    y = torch.stack([data[i + 1:i + T + 1] for i in ix])
    return x, y
model = TinyGPT(len(chars))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for it in range(80):
    xb, yb = get_batch()
    logits = model(xb)
    loss = F.cross_entropy(logits.view(-1, logits.size(-1)), yb.view(-1))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if it % 20 == 0: print(it, loss.item())
