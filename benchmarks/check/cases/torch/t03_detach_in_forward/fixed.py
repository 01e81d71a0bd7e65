import argparse

import torch
from torch import nn
from sklearn.datasets import load_digits


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU())

    def forward(self, x):
        return self.conv(x).flatten(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Linear(256, 10)
        self.last_features = None

    def forward(self, x):
        feats = self.encoder(x)
        self.last_features = feats.detach()
        return self.head(feats)


p = argparse.ArgumentParser()
p.add_argument("--epochs", type=int, default=4)
a = p.parse_args()
torch.manual_seed(0)
d = load_digits()
x = torch.tensor(d.images / 16, dtype=torch.float32)[:, None]
y = torch.tensor(d.target)
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
before = net.encoder.conv[0].weight.clone()
for ep in range(a.epochs):
    for k in range(0, 1400, 56):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x[k : k + 56]), y[k : k + 56])
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(ep, loss.item(), (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
print("encoder moved by", (net.encoder.conv[0].weight - before).norm().item())
