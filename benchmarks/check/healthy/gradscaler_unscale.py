import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(1500, 16)
y = (x[:, :2].sum(1) > 0).long() + (x[:, 2] > 1).long()
loader = DataLoader(TensorDataset(x[:1200], y[:1200]), 60, shuffle=True)
net = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 3))
opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
scaler = torch.amp.GradScaler("cpu")
for epoch in range(6):
    for xb, yb in loader:
        opt.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(net(xb), yb)
        scaler.scale(loss).backward()
        scaler.unscale_(opt)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        scaler.step(opt)
        scaler.update()
    with torch.no_grad():
        print(epoch, loss.item(), (net(x[1200:]).argmax(1) == y[1200:]).float().mean().item(), scaler.get_scale())
