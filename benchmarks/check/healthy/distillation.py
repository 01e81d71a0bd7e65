import torch
import torch.nn.functional as F
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16).float(), torch.tensor(y)
teacher = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 10))
student = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))


def batches():
    return torch.randperm(1400).split(70)


opt = torch.optim.Adam(teacher.parameters(), lr=2e-3)
for _ in range(6):
    for i in batches():
        loss = F.cross_entropy(teacher(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
print("teacher", loss.item())
teacher.eval()
T, alpha = 3.0, 0.7
opt = torch.optim.Adam(student.parameters(), lr=5e-3)
for epoch in range(8):
    for i in batches():
        with torch.no_grad():
            soft = F.softmax(teacher(x[i]) / T, dim=1)
        out = student(x[i])
        kd = F.kl_div(F.log_softmax(out / T, dim=1), soft, reduction="batchmean") * T * T
        loss = alpha * kd + (1 - alpha) * F.cross_entropy(out, y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    for name, net in (("teacher", teacher), ("student", student)):
        print(name, (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
