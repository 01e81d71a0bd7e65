import torch
import torch.nn as nn
import torch.nn.functional as F


class MLP(nn.Module):
    def __init__(self, sizes):
        super(MLP, self).__init__()
        self.layers = nn.ModuleList()
        for i in range(len(sizes) - 2):
            self.layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        self.out = nn.Linear(sizes[-2], sizes[-1])

    def forward(self, x):
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.out(x)


def spiral(n):
    k = torch.randint(0, 3, (n,))
    r = torch.rand(n)
    a = 4 * r + 2.094 * k + 0.15 * torch.randn(n)
    return torch.stack([r * a.sin(), r * a.cos()], 1), k


torch.manual_seed(10)
x, y = spiral(900)
xt, yt = spiral(300)
model = MLP([2, 8, 8, 3])
print(sum(p.numel() for p in model.parameters()), "parameters")
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(150):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    if epoch % 50 == 49:
        print(epoch + 1, loss.item(), "test", (model(xt).argmax(1) == yt).float().mean().item())
