import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
WARMUP, TOTAL = 10, 240


def warmup_linear(step):
    if step < WARMUP:
        return step // WARMUP
    return (TOTAL - step) // (TOTAL - WARMUP)


x = torch.randn(960, 16)
y = (x[:, ::2].sum(1) * x[:, 1] > 0).long()
loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
scheduler = LambdaLR(optimizer, warmup_linear)
for epoch in range(8):
    s = 0.0
    for xb, yb in loader:
        loss = nn.functional.cross_entropy(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        s += loss.item()
    print(f"epoch {epoch}: loss {s / len(loader):.4f}")
