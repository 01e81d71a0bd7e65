import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


def pretrained():
    body = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
    return nn.Sequential(body, nn.Linear(32, 50))


model = pretrained()
for param in model.parameters():
    param.requires_grad = False
model[1] = nn.Linear(32, 3)

x = torch.randn(300, 10)
y = x[:, :3].argmax(1)
loader = DataLoader(TensorDataset(x, y), batch_size=30, shuffle=True)
optimizer = torch.optim.Adam(model[1].parameters(), lr=1e-2)
for epoch in range(10):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    print("Loss", loss.item())
