import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
d = load_digits()
x, y = torch.tensor(d.images / 16).float()[:, None], torch.tensor(d.target)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.head = nn.Linear(16 * 9, 2)

    def features(self, x):
        return nn.functional.max_pool2d(torch.relu(self.bn(self.conv(x))), 2).flatten(1)

    def forward(self, x):
        return self.head(self.features(x))


backbone = Backbone()
opt = torch.optim.Adam(backbone.parameters(), lr=3e-3)
for _ in range(2):  # pretraining on another task: odd or even
    for i in torch.randperm(900).split(50):
        loss = nn.functional.cross_entropy(backbone(x[i]), y[i] % 2)
        opt.zero_grad()
        loss.backward()
        opt.step()
print("pretrained", loss.item())

for p in backbone.parameters():
    p.requires_grad_(False)
backbone.eval()
head = nn.Linear(16 * 9, 10)
opt = torch.optim.Adam(head.parameters(), lr=5e-3)
for epoch in range(4):
    for i in torch.randperm(900).split(50):
        with torch.no_grad():
            f = backbone.features(x[i])
        loss = nn.functional.cross_entropy(head(f), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        acc = (head(backbone.features(x[900:])).argmax(1) == y[900:]).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.4f} acc {acc:.4f}")
