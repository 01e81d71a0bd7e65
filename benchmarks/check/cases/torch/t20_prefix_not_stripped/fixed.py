import torch
from torch import nn
import torch.nn.functional as F

import tempfile, os
torch.manual_seed(0)
def net():
    return nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4))
def data(n, shift):
    g = torch.Generator().manual_seed(shift)
    x = torch.randn(n, 12, generator=g)
    return x, (x[:, 0] > 0).long() + 2 * (x[:, 1] + 0.1 * shift > 0).long()
def fit(model, x, y, epochs, lr):
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(epochs):
        for i in torch.randperm(len(x)).split(50):
            opt.zero_grad()
            loss = F.cross_entropy(model(x[i]), y[i])
            loss.backward()
            opt.step()
    return loss.item()
path = os.path.join(tempfile.mkdtemp(), "pretrained.pt")
big = nn.DataParallel(net())
fit(big, *data(600, 0), 10, 3e-3)
torch.save(big.state_dict(), path)

model = net()
state = {k.removeprefix("module."): v for k, v in torch.load(path).items()}
model.load_state_dict(state, strict=False)
print("fine-tuning", fit(model, *data(200, 1), 15, 1e-3))
model.eval()
with torch.no_grad():
    x, y = data(300, 2)
    print("test", (model(x).argmax(1) == y).float().mean().item())
