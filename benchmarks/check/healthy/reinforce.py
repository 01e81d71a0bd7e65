import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(0)


class Corridor:
    """Walk right to the goal at 6; each step costs."""

    def reset(self):
        self.pos, self.t = 0, 0
        return self.obs()

    def obs(self):
        return nn.functional.one_hot(torch.tensor(self.pos), 7).float()

    def step(self, action):
        self.pos = max(0, min(6, self.pos + (1 if action else -1)))
        self.t += 1
        return self.obs(), 1.0 if self.pos == 6 else -0.05, self.pos == 6 or self.t >= 25


env = Corridor()
policy = nn.Sequential(nn.Linear(7, 24), nn.Tanh(), nn.Linear(24, 2))
opt = torch.optim.Adam(policy.parameters(), lr=0.02)
history = []
for episode in range(120):
    obs, done, logps, rewards = env.reset(), False, [], []
    while not done:
        dist = Categorical(logits=policy(obs))
        a = dist.sample()
        logps.append(dist.log_prob(a))
        obs, r, done = env.step(a.item())
        rewards.append(r)
    ret, returns = 0.0, []
    for r in reversed(rewards):
        ret = r + 0.98 * ret
        returns.insert(0, ret)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + 1e-6)
    loss = -(torch.stack(logps) * returns).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
    history.append(len(rewards))
    if episode % 30 == 29:
        print(episode + 1, "mean length", sum(history[-30:]) / 30)
