import torch
from torch import nn
from sklearn.datasets import make_moons

torch.manual_seed(0)
X, y = make_moons(1000, noise=0.2, random_state=0)
X, y = torch.tensor(X).float(), torch.tensor(y)
members = [nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2)) for _ in range(5)]
optimizers = [torch.optim.Adam(m.parameters(), lr=1e-2) for m in members]
for epoch in range(6):
    for net, opt in zip(members, optimizers):
        for i in torch.randint(0, 700, (700,)).split(70):
            loss = nn.functional.cross_entropy(net(X[i]), y[i])
            opt.zero_grad()
            loss.backward()
            opt.step()
    with torch.no_grad():
        p = torch.stack([net(X[700:]).softmax(1) for net in members]).mean(0)
        nll = nn.functional.nll_loss(p.log(), y[700:]).item()
    print(epoch, "ensemble accuracy", (p.argmax(1) == y[700:]).float().mean().item(), "nll", nll)
