import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(0)
torch.manual_seed(0)
x = rng.normal(size=(500, 6))
y = x @ rng.normal(size=(6, 1))
x, y = torch.from_numpy(x).float(), torch.from_numpy(y).float()

model = nn.Linear(6, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(20):
    pred = model(x)
    loss = nn.functional.mse_loss(pred, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
