import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(3000, 10)
y = (x[:, :3].prod(1) + x[:, 3]).unsqueeze(1)
train = DataLoader(TensorDataset(x[:2400], y[:2400]), batch_size=60, shuffle=True)
net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.005, momentum=0.9)
sched = torch.optim.lr_scheduler.CyclicLR(opt, base_lr=0.005, max_lr=0.05, step_size_up=10, mode="triangular2")
for epoch in range(8):
    net.train()
    for xb, yb in train:
        loss = nn.functional.mse_loss(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
    net.eval()
    with torch.no_grad():
        print(epoch, loss.item(), "val", nn.functional.mse_loss(net(x[2400:]), y[2400:]).item())
