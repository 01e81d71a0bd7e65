import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
V, BOS = 14, 1
class Seq2Seq(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.src, self.tgt = nn.Embedding(V, d), nn.Embedding(V, d)
        self.enc, self.dec = nn.GRU(d, d, batch_first=True), nn.GRU(d, d, batch_first=True)
        self.out = nn.Linear(d, V)
    def forward(self, src, tgt):
        _, h = self.enc(self.src(src))
        y, _ = self.dec(self.tgt(tgt), h)
        return self.out(y)
def batch(n=32):
    src = torch.randint(2, V, (n, 7))
    return src, torch.cat([torch.full((n, 1), BOS), src.flip(1)], 1)
net = Seq2Seq()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
for step in range(200):
    src, tgt = batch()
    logits = net(src, tgt[:, :-1])
    loss = F.cross_entropy(logits.reshape(-1, V), tgt[:, 1:].reshape(-1))
    opt.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    opt.step()
    if step % 50 == 0:
        print(step, loss.item())
