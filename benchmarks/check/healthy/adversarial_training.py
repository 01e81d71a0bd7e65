import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16).float(), torch.tensor(y)
net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)


def fgsm(xb, yb, eps=0.08):
    adv = xb.clone().requires_grad_(True)
    nn.functional.cross_entropy(net(adv), yb).backward()
    return (xb + eps * adv.grad.sign()).clamp(0, 1).detach()


for epoch in range(5):
    for i in torch.randperm(1400).split(70):
        adv = fgsm(x[i], y[i])
        opt.zero_grad()
        loss = 0.5 * nn.functional.cross_entropy(net(x[i]), y[i]) + 0.5 * nn.functional.cross_entropy(net(adv), y[i])
        loss.backward()
        opt.step()
    net.eval()
    attacked = fgsm(x[1400:], y[1400:])
    net.zero_grad()
    with torch.no_grad():
        clean = (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
        robust = (net(attacked).argmax(1) == y[1400:]).float().mean().item()
    net.train()
    print(epoch, loss.item(), "clean", clean, "robust", robust)
