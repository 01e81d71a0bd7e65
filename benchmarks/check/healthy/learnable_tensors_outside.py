import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1200, 8)
target_a = x[:, :2].sum(1, keepdim=True)
target_b = (x[:, 2:3] * 3 + torch.randn(1200, 1)) * 2
net = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 2))
log_var = torch.zeros(2, requires_grad=True)
opt = torch.optim.Adam([{"params": net.parameters()}, {"params": [log_var], "lr": 2e-2}], lr=3e-3)
for step in range(300):
    i = torch.randint(0, 1200, (64,))
    out = net(x[i])
    la = nn.functional.mse_loss(out[:, :1], target_a[i])
    lb = nn.functional.mse_loss(out[:, 1:], target_b[i])
    loss = 0.5 * (torch.exp(-log_var[0]) * la + torch.exp(-log_var[1]) * lb + log_var.sum())
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 60 == 59:
        print(step + 1, round(loss.item(), 3), "variances", log_var.exp().tolist())
