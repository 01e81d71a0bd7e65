import torch
from torch import nn

torch.manual_seed(0)


class Encoder(nn.Module):
    def __init__(self, vocab=12, dim=32):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        self.attn = nn.MultiheadAttention(dim, 4)
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, vocab)

    def forward(self, ids):
        h = self.emb(ids)
        a, _ = self.attn(h, h, h, need_weights=False)
        return self.out(self.norm(h + a).mean(1))


def batch(n=32, t=9):
    """Which symbol stands there most often?"""
    ids = torch.randint(0, 12, (n, t))
    target = torch.randint(0, 12, (n,))
    ids[:, :3] = target[:, None]
    return ids[:, torch.randperm(t)], target


model = Encoder()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for step in range(250):
    ids, target = batch()
    loss = nn.functional.cross_entropy(model(ids), target)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 49:
        model.eval()
        with torch.no_grad():
            ids, target = batch(200)
            print(step + 1, loss.item(), "acc", (model(ids).argmax(1) == target).float().mean().item())
        model.train()
