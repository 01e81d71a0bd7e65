import torch
from torch import nn

torch.manual_seed(0)


class WorldModel(nn.Module):
    def __init__(self, state=4, action=2, width=64):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(state + action, width), nn.ELU(), nn.Linear(width, state))

    def forward(self, s, a):
        return s + self.net(torch.cat([s, a], -1))


def rollout(n):
    s = torch.randn(n, 4)
    a = torch.randn(n, 2)
    nxt = s + 0.1 * torch.stack([s[:, 1], a[:, 0] - s[:, 0], s[:, 3], a[:, 1] - s[:, 2]], 1)
    spikes = (torch.rand(n, 1) < 0.01).float() * 50
    return s, a, nxt + spikes


model = WorldModel()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for step in range(300):
    s, a, nxt = rollout(64)
    loss = nn.functional.mse_loss(model(s, a), nxt)
    optimizer.zero_grad()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    loss.backward()
    optimizer.step()
    if step % 60 == 0:
        norm = sum(p.grad.norm() ** 2 for p in model.parameters()) ** 0.5
        print(f"step {step:4d} loss {loss.item():9.4f} grad norm {norm.item():9.4f}")
