import torch
from torch import nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
torch.manual_seed(0)
class Pool(nn.Module):
    def __init__(self, d=24):
        super().__init__()
        self.emb = nn.Embedding(30, d, padding_idx=0); self.attn = nn.MultiheadAttention(d, 4, batch_first=True); self.norm = nn.LayerNorm(d); self.fc = nn.Linear(d, 2)
    def forward(self, x, mask):
        h = self.emb(x); a, _ = self.attn(h, h, h, key_padding_mask=mask); h = self.norm(h + a)
        return self.fc(h.mean(1))
def batch(n=40):
    seqs = [torch.randint(1, 30, (int(torch.randint(4, 14, ())),)) for _ in range(n)] + [torch.randint(1, 30, (15,))]
    seqs[-1] = seqs[-1][:14]
    y = torch.tensor([int((s > 20).sum() > (s < 10).sum()) for s in seqs])
    x = F.pad(pad_sequence(seqs, batch_first=True), (0, 1))
    return x, y
net = Pool(); opt = torch.optim.Adam(net.parameters(), 3e-3)
for step in range(120):
    x, y = batch()
    loss = F.cross_entropy(net(x, x == 0), y)
    opt.zero_grad(); loss.backward(); opt.step()
    if step % 30 == 0: print(step, loss.item())
