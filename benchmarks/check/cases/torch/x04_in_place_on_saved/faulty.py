import torch
from torch import nn


class Highway(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.transform = nn.Linear(dim, dim)
        self.gate = nn.Linear(dim, dim)

    def forward(self, x):
        g = torch.sigmoid(self.gate(x))
        h = torch.relu(self.transform(x))
        out = g * h
        g *= -1
        g += 1
        return out + g * x


torch.manual_seed(0)
model = nn.Sequential(Highway(12), Highway(12), nn.Linear(12, 1))
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
x = torch.randn(256, 12)
y = x.prod(1, keepdim=True).tanh()
for step in range(60):
    loss = nn.functional.mse_loss(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
