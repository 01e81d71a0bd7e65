import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
ACCUM = 4
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16).float(), torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=16, shuffle=True)
val = DataLoader(TensorDataset(x[1400:], y[1400:]), batch_size=200)
model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.2), nn.Linear(96, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8 * (len(loader) // ACCUM))

for epoch in range(8):
    model.train()
    optimizer.zero_grad(set_to_none=True)
    for i, (xb, yb) in enumerate(loader):
        loss = nn.functional.cross_entropy(model(xb), yb)
        (loss / ACCUM).backward()
        if (i + 1) % ACCUM == 0:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad(set_to_none=True)
    model.eval()
    with torch.inference_mode():
        acc = sum((model(xb).argmax(1) == yb).sum().item() for xb, yb in val) / len(val.dataset)
    print(f"epoch {epoch} loss {loss.item():.4f} acc {acc:.4f}")
