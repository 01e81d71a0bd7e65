import torch
from torch import nn

torch.manual_seed(0)
V, T = 20, 16


class TiedLM(nn.Module):
    def __init__(self, dim=48):
        super().__init__()
        self.emb = nn.Embedding(V, dim)
        self.rnn = nn.GRU(dim, dim, batch_first=True)
        self.out = nn.Linear(dim, V, bias=False)
        self.out.weight = self.emb.weight
        nn.init.normal_(self.emb.weight, std=0.1)

    def forward(self, x):
        return self.out(self.rnn(self.emb(x))[0])


def sample(n):
    start, step = torch.randint(0, V, (n, 1)), torch.randint(1, 5, (n, 1))
    return (start + step * torch.arange(T + 1)) % V


model = TiedLM()
opt = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.01)
for step in range(250):
    ids = sample(32)
    logits = model(ids[:, :-1])
    loss = nn.functional.cross_entropy(logits.reshape(-1, V), ids[:, 1:].reshape(-1))
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    if step % 50 == 49:
        print(step + 1, loss.item())
