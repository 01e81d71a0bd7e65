import torch
from torch import nn
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, SWALR, update_bn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
X = torch.randn(1000, 3, 8, 8); y = (X.mean((1, 2, 3)) > 0).long()
train_dl = DataLoader(TensorDataset(X[:800], y[:800]), 32, shuffle=True); test_dl = DataLoader(TensorDataset(X[800:], y[800:]), 100)
net = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9); swa = AveragedModel(net); swa_lr = SWALR(opt, swa_lr=0.05)
for epoch in range(8):
    net.train()
    for xb, yb in train_dl:
        opt.zero_grad(); loss = F.cross_entropy(net(xb), yb); loss.backward(); opt.step()
    if epoch >= 4: swa.update_parameters(net); swa_lr.step()
update_bn(train_dl, swa)
swa.eval()
with torch.no_grad():
    print("swa accuracy", sum((swa(a).argmax(1) == b).sum().item() for a, b in test_dl) / 200)
