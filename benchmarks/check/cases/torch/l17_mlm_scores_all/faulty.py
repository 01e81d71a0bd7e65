import torch
from torch import nn
import torch.nn.functional as F

V, MASK, L = 40, 1, 16
class Bert(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.e, self.p = nn.Embedding(V, d), nn.Parameter(torch.randn(L, d) * 0.02)
        self.enc = nn.TransformerEncoder(nn.TransformerEncoderLayer(d, 2, 64, batch_first=True, dropout=0.0), 2)
        self.lm = nn.Linear(d, V)
    def forward(self, ids): return self.lm(self.enc(self.e(ids) + self.p))
def sentences(n):
    start = torch.randint(2, V, (n, 1))
    return (start + 3 * torch.arange(L)) % (V - 2) + 2
def mask_tokens(ids, prob=0.15):
    labels = ids.clone()
    masked = torch.rand(ids.shape) < prob
    ids = ids.clone()
    ids[masked] = MASK
    return ids, labels
torch.manual_seed(1)
model = Bert(); opt = torch.optim.AdamW(model.parameters(), 1e-3); loss_fn = nn.CrossEntropyLoss()
for step in range(120):
    ids, labels = mask_tokens(sentences(32))
    out = model(ids)
    loss = loss_fn(out.permute(0, 2, 1), labels)
    opt.zero_grad(); loss.backward(); opt.step()
    if step % 40 == 39: print(step, loss.item())
