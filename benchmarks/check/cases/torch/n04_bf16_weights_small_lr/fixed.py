import torch
from torch import nn

torch.manual_seed(0)
dtype = torch.bfloat16
model = nn.Sequential(nn.Linear(16, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))
opt = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
x = torch.randn(2048, 16)
y = torch.tanh(x[:, :1] + x[:, 1:2] * x[:, 2:3])
for step in range(400):
    i = torch.randint(0, 2048, (128,))
    with torch.autocast("cpu", dtype=dtype):
        pred = model(x[i])
    loss = nn.functional.mse_loss(pred.float(), y[i])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 80 == 0:
        print(step, round(loss.item(), 4))
