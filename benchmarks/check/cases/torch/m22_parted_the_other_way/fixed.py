import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
B, T = 16, 10
class FrameNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(6, 32), nn.ReLU()); self.g = nn.LSTM(32, 32, batch_first=True); self.o = nn.Linear(32, 3)
    def forward(self, x):
        b, t, d = x.shape
        z = self.f(x.reshape(b * t, d))
        z = z.view(b, t, -1)
        h, _ = self.g(z)
        return self.o(h)
net = FrameNet(); opt = torch.optim.Adam(net.parameters(), 3e-3)
for it in range(150):
    x = torch.randn(B, T, 6); y = (x[..., 0] > 0).long() + (x[..., 1] > 0).long()
    loss = F.cross_entropy(net(x).flatten(0, 1), y.flatten())
    opt.zero_grad(); loss.backward(); opt.step()
    if it % 50 == 49: print(it, loss.item())
