import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
X = torch.rand(800, 20); y = (X[:, :5].sum(1) > X[:, 5:10].sum(1)).long()
net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 2))
opt = torch.optim.Adam(net.parameters(), 1e-3)
def pgd_attack(model, x, y, eps=0.05, alpha=0.02, iters=3):
    adv = x.clone().detach()
    for _ in range(iters):
        adv.requires_grad = True
        loss = F.cross_entropy(model(adv), y)
        loss.backward()
        adv = torch.clamp(adv + alpha * adv.grad.sign(), x - eps, x + eps).detach()
    return adv
for epoch in range(5):
    for i in torch.randperm(800).split(40):
        opt.zero_grad()
        adv = pgd_attack(net, X[i], y[i])
        opt.zero_grad()
        loss = F.cross_entropy(net(adv), y[i])
        loss.backward()
        opt.step()
    print(epoch, loss.item())
