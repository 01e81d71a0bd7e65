import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        )
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(256, 10)
        self.freeze_bn = False

    def forward(self, x):
        return self.head(self.drop(self.body(x).flatten(1)))

    def train(self, mode=True):
        super().train(mode)
        if self.freeze_bn:
            for m in self.modules():
                if isinstance(m, nn.BatchNorm2d):
                    m.eval()
        return self


def run(net, loader, lr, epochs):
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    for epoch in range(epochs):
        net.train()
        for xb, yb in loader:
            loss = nn.functional.cross_entropy(net(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
        print("loss", round(loss.item(), 4))


torch.manual_seed(0)
d = load_digits()
x, y = torch.tensor(d.images / 16).float()[:, None], torch.tensor(d.target)
net = Net()
run(net, DataLoader(TensorDataset(x[:1200], y[:1200]), 60, shuffle=True), 2e-3, 3)
net.freeze_bn = True
net.head = nn.Linear(256, 10)
run(net, DataLoader(TensorDataset(x[1200:1500], y[1200:1500]), 10, shuffle=True), 1e-3, 3)
net.eval()
with torch.no_grad():
    print("acc", (net(x[1500:]).argmax(1) == y[1500:]).float().mean().item())
