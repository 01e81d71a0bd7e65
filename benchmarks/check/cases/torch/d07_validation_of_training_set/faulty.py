import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import Dataset, DataLoader
class Rows(Dataset):
    def __init__(self, x, y): self.x, self.y = x, y
    def __len__(self): return len(self.x)
    def __getitem__(self, i): return self.x[i], self.y[i]
torch.manual_seed(0)
X = torch.randn(900, 12); y = (X[:, 0] - X[:, 1] * X[:, 2] + 0.5 * torch.randn(900) > 0).float()
train_set, val_set = Rows(X[:700], y[:700]), Rows(X[700:], y[700:])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
val_loader = DataLoader(train_set, batch_size=100)
class MLP(nn.Module):
    def __init__(self): super().__init__(); self.f = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 1))
    def forward(self, x): return self.f(x).squeeze(1)
model, crit = MLP(), nn.BCEWithLogitsLoss(); opt = torch.optim.Adam(model.parameters(), 1e-3)
for epoch in range(8):
    model.train()
    for xb, yb in train_loader:
        opt.zero_grad(); loss = crit(model(xb), yb); loss.backward(); opt.step()
    model.eval(); hits = 0; total = 0
    with torch.no_grad():
        for xb, yb in val_loader:
            hits += ((model(xb) > 0).float() == yb).sum().item(); total += len(yb)
    print(f"epoch {epoch}: loss {loss.item():.3f} val acc {hits / total:.3f}")
