import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 32), nn.Tanh())
        self.pi = nn.Linear(32, 3)
        self.v = nn.Linear(32, 1)

    def forward(self, s):
        h = self.body(s)
        return F.log_softmax(self.pi(h), -1), self.v(h).squeeze(-1)


model = ActorCritic()
opt = torch.optim.RMSprop(model.parameters(), lr=2e-3, eps=1e-5)
for update in range(250):
    s = torch.randn(32, 4)
    logp, v = model(s)
    a = torch.multinomial(logp.exp().detach(), 1).squeeze(1)
    reward = (a == s[:, :3].argmax(1)).float() + 0.1 * torch.randn(32)
    adv = reward - v
    policy_loss = -(logp.gather(1, a[:, None]).squeeze(1) * adv.detach()).mean()
    value_loss = adv.pow(2).mean()
    entropy = -(logp.exp() * logp).sum(1).mean()
    loss = policy_loss + 0.5 * value_loss - 0.01 * entropy
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    opt.step()
    if update % 50 == 49:
        with torch.no_grad():
            s = torch.randn(1000, 4)
            print(update + 1, round(loss.item(), 4), "greedy reward", (model(s)[0].argmax(1) == s[:, :3].argmax(1)).float().mean().item())
