import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(0)


class Backbone(nn.Module):
    """A backbone whose first stages can be frozen."""

    def __init__(self, frozen_stages=0):
        super().__init__()
        self.frozen_stages = frozen_stages
        self.stages = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU()),
                nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()),
                nn.Sequential(nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU()),
            ]
        )
        self._freeze()

    def _freeze(self):
        for i in range(self.frozen_stages):
            for p in self.stages[i].parameters():
                p.requires_grad = False

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return x.mean((2, 3))

    def train(self, mode=True):
        super().train(mode)
        self._freeze()
        return self


model = nn.Sequential(Backbone(frozen_stages=2), nn.Linear(16, 10))
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
loss_fn = nn.CrossEntropyLoss()

data = load_digits()
images = torch.tensor(data.images / 16.0, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(data.target)

for epoch in range(3):
    for i in range(0, 1500, 50):
        loss = loss_fn(model(images[i : i + 50]), labels[i : i + 50])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        acc = (model(images[1500:]).argmax(1) == labels[1500:]).float().mean()
    model.train()
    print(f"epoch {epoch} loss {loss.item():.3f} acc {acc.item():.3f}")
