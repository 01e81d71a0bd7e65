import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1000, 6)
y = (x[:, 0] * x[:, 1] + 0.5 * x[:, 2] > 0).float()
model = nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, 1))
criterion = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)


def accuracy(logits, labels):
    predicted = torch.round(torch.sigmoid(logits))
    return (predicted == labels).sum().item() / len(labels)


for epoch in range(8):
    model.train()
    for i in range(0, 800, 40):
        out = model(x[i : i + 40])
        loss = criterion(out, y[i : i + 40].unsqueeze(1))
        opt.zero_grad()
        loss.backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        print("epoch", epoch, "loss", loss.item(), "val acc", accuracy(model(x[800:]), y[800:]))
