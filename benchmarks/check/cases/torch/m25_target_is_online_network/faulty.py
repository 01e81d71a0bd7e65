import random
from collections import deque
import torch
from torch import nn

random.seed(0)
torch.manual_seed(0)
CELLS = torch.eye(9)  # a corridor, the prize lies at its right end and each step costs 0.05


def move(pos, action):
    pos = max(0, pos + (1 if action == 1 else -1))
    return pos, (1.0 if pos == 8 else -0.05), pos == 8


class Agent:
    def __init__(self):
        self.online = nn.Sequential(nn.Linear(9, 32), nn.ReLU(), nn.Linear(32, 2))
        self.target = self.online
        self.opt = torch.optim.Adam(self.online.parameters(), lr=1e-2)
        self.memory, self.updates = deque(maxlen=3000), 0

    def act(self, pos, eps):
        return random.randrange(2) if random.random() < eps else int(self.online(CELLS[pos]).argmax())

    def learn(self):
        s, a, r, s2, done = map(torch.tensor, zip(*random.sample(self.memory, 64)))
        with torch.no_grad():
            y = r + 0.9 * (~done) * self.target(CELLS[s2]).max(1).values
        loss = nn.functional.smooth_l1_loss(self.online(CELLS[s]).gather(1, a[:, None]).squeeze(1), y)
        self.opt.zero_grad(); loss.backward(); self.opt.step()
        self.updates += 1
        if self.updates % 10 == 0:
            self.target.load_state_dict(self.online.state_dict())


def episode(agent, eps, learn=True):
    pos, total = random.randint(0, 7), 0.0
    for t in range(25):
        a = agent.act(pos, eps)
        new, reward, done = move(pos, a)
        agent.memory.append((pos, a, reward, new, done))
        pos, total = new, total + reward
        if learn and t % 4 == 0: agent.learn()
        if done: break
    return total


agent = Agent()
before = sum(episode(agent, 1.0, learn=False) for _ in range(40)) / 40
while agent.updates < 290:
    episode(agent, max(0.1, 1 - agent.updates / 200))
print("random", before, "trained", sum(episode(agent, 0.0, learn=False) for _ in range(40)) / 40)
