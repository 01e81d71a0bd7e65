import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class ConvBNNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(12)
        self.conv2 = nn.Conv2d(12, 24, 3, stride=2, bias=False)
        self.bn2 = nn.BatchNorm2d(24)
        self.fc = nn.Linear(24 * 4, 10)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        return self.fc(x.flatten(1))


def predict(net, images):
    preds = []
    with torch.no_grad():
        for img in images:
            preds.append(net(img[None]).argmax(1).item())
    return torch.tensor(preds)


digits = load_digits()
x = torch.tensor(digits.images / 8 - 1, dtype=torch.float32)[:, None]
y = torch.tensor(digits.target)
net = ConvBNNet()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(4):
    net.train()
    for xb, yb in DataLoader(TensorDataset(x[:1500], y[:1500]), 50, shuffle=True):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(xb), yb)
        loss.backward()
        opt.step()
    print("epoch", epoch, "train loss", loss.item())
print("test accuracy", (predict(net, x[1500:]) == y[1500:]).float().mean().item())
