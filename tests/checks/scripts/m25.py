"""M25 the second net is the first: scripts that must fire and that must not."""

_AGENT = """
import copy


class Agent:
    def __init__(self):
        self.online = net(2)
        self.target = SECOND
        self.optimizer = torch.optim.Adam(self.online.parameters())

    def learn(self, x, reward, after):
        with torch.no_grad():
            goal = reward + 0.9 * self.target(after).max(1).values
        loss = F.mse_loss(self.online(x).max(1).values, goal)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


agent = Agent()
for k in range(60):
    rows = torch.randint(0, 255, (32,))
    agent.learn(X[rows], amount[rows], X[rows + 1])
    if k % 10 == 9:
        agent.target.load_state_dict(agent.online.state_dict())
"""
FIRES = {"a second name": _AGENT.replace("SECOND", "self.online")}

SILENT = {
    "a copy": _AGENT.replace("SECOND", "copy.deepcopy(self.online)"),
    "a state taken and loaded under one name": """
model = train(net(3), F.cross_entropy, three)
model.load_state_dict(model.state_dict())
train(model, F.cross_entropy, three)
""",
}
