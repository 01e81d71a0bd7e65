import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
features = torch.randn(600, 8)
stars = (features[:, :3].sum(1) * 0.9 + 3).round().clamp(1, 5).long()
stars = stars - 1
ds = TensorDataset(features, stars)
loader = DataLoader(ds, batch_size=16, shuffle=True)


class Rating(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(8, 32)
        self.out = nn.Linear(32, 5)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x)))


def train(model, epochs=6):
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    crit = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        for x, y in loader:
            opt.zero_grad()
            loss = crit(model(x), y)
            loss.backward()
            opt.step()
        print("epoch", epoch, "loss", loss.item())


train(Rating())
