import torch
from torch import nn
import torch.nn.functional as F
from torch.distributions import Categorical
torch.manual_seed(0)
class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 32), nn.Tanh())
        self.pi, self.v = nn.Linear(32, 2), nn.Linear(32, 1)
    def forward(self, s):
        h = self.body(s)
        return self.pi(h), self.v(h).squeeze(-1)

class Env:
    def reset(self):
        self.t, self.s = 0, torch.randn(4) * 0.3
        return self.s
    def step(self, a):
        r = 1.0 if (self.s[0] > 0) == bool(a) else 0.0
        self.s = 0.8 * self.s + 0.3 * torch.randn(4)
        self.t += 1
        return self.s, r, self.t >= 20

agent, env = ActorCritic(), Env()
optimizer = torch.optim.Adam(agent.parameters(), lr=3e-3)
for episode in range(80):
    s, done = env.reset(), False
    logps, values, rewards = [], [], []
    while not done:
        logits, value = agent(s)
        dist = Categorical(logits=logits)
        a = dist.sample()
        s, r, done = env.step(a.item())
        logps.append(dist.log_prob(a)); values.append(value); rewards.append(r)
    G, returns = 0.0, []
    for r in reversed(rewards):
        G = r + 0.9 * G
        returns.insert(0, G)
    returns, values, logps = torch.tensor(returns), torch.stack(values), torch.stack(logps)
    advantage = returns - values
    policy_loss = -(logps * advantage).mean()
    value_loss = F.mse_loss(values, returns)
    optimizer.zero_grad()
    (policy_loss + 0.5 * value_loss).backward()
    optimizer.step()
    if episode % 20 == 19:
        print(episode, sum(rewards))
