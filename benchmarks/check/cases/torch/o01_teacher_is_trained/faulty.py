import torch
from torch import nn
import torch.nn.functional as F
import itertools
torch.manual_seed(0)
X = torch.randn(600, 10); y = (X[:, 0] * X[:, 1] > 0).long()
teacher = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 2))
student = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 2))
to = torch.optim.Adam(teacher.parameters(), 3e-3)
for _ in range(15):
    for i in torch.randperm(600).split(60):
        l = F.cross_entropy(teacher(X[i]), y[i]); to.zero_grad(); l.backward(); to.step()
teacher.eval()
opt = torch.optim.Adam(itertools.chain(student.parameters(), teacher.parameters()), 3e-3)
T = 3.0
for epoch in range(10):
    for i in torch.randperm(600).split(60):
        t = teacher(X[i]); s = student(X[i])
        kd = F.kl_div(F.log_softmax(s / T, 1), F.softmax(t / T, 1), reduction="batchmean") * T * T
        loss = 0.3 * F.cross_entropy(s, y[i]) + 0.7 * kd
        opt.zero_grad(); loss.backward(); opt.step()
    print(epoch, loss.item())
