import torch
from torch import nn

torch.manual_seed(0)
actor = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 1))
critic = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
opt_a = torch.optim.Adam(actor.parameters(), lr=3e-3)
opt_c = torch.optim.Adam(critic.parameters(), lr=3e-3)


def reward(s, a):
    return -((a - s[:, :1]) ** 2)


for step in range(200):
    s = torch.randn(64, 3)
    a = actor(s)
    q = critic(torch.cat([s, a], 1))
    critic_loss = nn.functional.mse_loss(q, reward(s, a.detach()))
    opt_c.zero_grad()
    critic_loss.backward(retain_graph=True)
    opt_c.step()
    actor_loss = -q.mean()
    opt_a.zero_grad()
    actor_loss.backward()
    opt_a.step()
    if step % 50 == 0:
        print(step, critic_loss.item(), actor_loss.item())
