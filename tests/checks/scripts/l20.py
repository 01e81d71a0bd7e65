"""L20 the advantage carries a gradient: scripts that must fire and that must not."""

_GAME = """
from torch.distributions import Categorical


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.policy, self.value = nn.Linear(4, 32), nn.Linear(32, 2), nn.Linear(32, 1)

    def forward(self, s):
        h = self.body(s).tanh()
        return self.policy(h), self.value(h).squeeze(-1)


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for it in range(60):
    s = torch.randn(64, 4)
    logits, value = model(s)
    choice = Categorical(logits=logits)
    action = choice.sample()
    reward = (action == (s[:, 0] > 0)).float() + 0.1 * torch.randn(64)
    loss = -(choice.log_prob(action) * (reward - VALUE)).mean() + 0.5 * F.mse_loss(value, reward)
    loss = loss - 0.01 * choice.entropy().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
FIRES = {"not detached": _GAME.replace("VALUE", "value")}

SILENT = {"detached": _GAME.replace("VALUE", "value.detach()")}
