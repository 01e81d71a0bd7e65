import torch
from torch import nn
import torch.nn.functional as F
import random
from collections import deque
random.seed(0); torch.manual_seed(0)
class QNet(nn.Module):
    def __init__(self): 
        super().__init__()
        self.l1, self.l2 = nn.Linear(2, 48), nn.Linear(48, 3)
    def forward(self, s): return self.l2(torch.relu(self.l1(s)))
class Walk:
    def reset(self): self.x, self.v, self.n = random.uniform(-1, 1), 0.0, 0; return [self.x, self.v]
    def step(self, a):
        self.v = 0.8 * self.v + 0.1 * (a - 1); self.x += self.v; self.n += 1
        return [self.x, self.v], -abs(self.x), self.n >= 30
class Agent:
    def __init__(self):
        self.q = QNet(); self.opt = torch.optim.Adam(self.q.parameters(), 1e-3); self.memory = deque(maxlen=2000)
    def act(self, s, eps):
        if random.random() < eps: return random.randrange(3)
        with torch.no_grad(): return self.q(torch.tensor(s)).argmax().item()
    def learn(self):
        if len(self.memory) < 64: return
        s, a, r, s2, d = map(torch.tensor, zip(*random.sample(self.memory, 32)))
        current = self.q(s).gather(1, a.unsqueeze(1)).squeeze(1)
        best_next = self.q(s2).max(1)[0]
        expected = r + 0.95 * best_next * (1 - d.float())
        loss = F.smooth_l1_loss(current, expected)
        self.opt.zero_grad(); loss.backward(); self.opt.step()
env, agent = Walk(), Agent()
for episode in range(12):
    s, done, total = env.reset(), False, 0
    while not done:
        a = agent.act(s, 0.3); s2, r, done = env.step(a)
        agent.memory.append((s, a, r, s2, done)); s = s2; total += r
        agent.learn()
    print(episode, round(total, 2))
