import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
x = torch.randn(900, 10)
y = (x[:, 0] * x[:, 1] > 0).long()
wide = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 2))
slim = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 2))


def fit(net, epochs):
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(epochs):
        for i in torch.randperm(720).split(60):
            loss = F.cross_entropy(net(x[i]), y[i])
            opt.zero_grad()
            loss.backward()
            opt.step()


fit(wide, 4)
opt = torch.optim.Adam([*wide.parameters(), *slim.parameters()], lr=3e-3)
for epoch in range(8):
    for i in torch.randperm(720).split(60):
        one, two = wide(x[i]), slim(x[i])
        task = F.cross_entropy(one, y[i]) + F.cross_entropy(two, y[i])
        agree = F.kl_div(F.log_softmax(two, 1), F.softmax(one, 1), reduction="batchmean")
        loss = task + 0.5 * agree
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(epoch, *((net(x[720:]).argmax(1) == y[720:]).float().mean().item() for net in (wide, slim)))
