import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
np.random.seed(0)


def smooth(values, k=3):
    kernel = np.ones(k) / k
    return torch.from_numpy(np.apply_along_axis(lambda r: np.convolve(r, kernel, "same"), 1, values.detach().numpy())).float()


model = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 20))
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
x = torch.randn(400, 20)
target = torch.cumsum(x, 1) / 4
for epoch in range(30):
    out = smooth(model(x))
    loss = ((out - target) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if epoch % 10 == 0:
        print(epoch, float(loss))
