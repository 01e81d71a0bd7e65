"""A recurrent auto-encoder: the target is the input, and all of it has to go through one state."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
V, T = 12, 6


class AutoEncoder(nn.Module):
    def __init__(self, d=48):
        super().__init__()
        self.embed = nn.Embedding(V, d)
        self.encoder = nn.GRU(d, d, batch_first=True)
        self.decoder = nn.GRU(d, d, batch_first=True)
        self.out = nn.Linear(d, V)

    def forward(self, x):
        _, h = self.encoder(self.embed(x))
        steps = h.transpose(0, 1).expand(-1, x.shape[1], -1)
        y, _ = self.decoder(steps)
        return self.out(y)


model = AutoEncoder()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for step in range(200):
    x = torch.randint(0, V, (64, T))
    loss = F.cross_entropy(model(x).transpose(1, 2), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 49:
        print(step, loss.item())
