import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(0)
X = torch.randn(700, 20)
Y = (X @ torch.randn(20, 6) / 4 + 0.3 * torch.randn(700, 6) > 0).float()
train, test = TensorDataset(X[:500], Y[:500]), TensorDataset(X[500:], Y[500:])

model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 6))
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(18):
    model.train()
    for xb, yb in DataLoader(train, 32, shuffle=True):
        optimizer.zero_grad()
        probs = torch.sigmoid(model(xb))
        loss = criterion(probs, yb)
        loss.backward()
        optimizer.step()
model.eval()
hits = []
with torch.no_grad():
    for xb, yb in DataLoader(test, 100):
        probs = torch.sigmoid(model(xb))
        hits.append(((probs > 0.5).float() == yb).float().mean())
print("train loss", round(loss.item(), 4), "label accuracy", round(torch.stack(hits).mean().item(), 4))
