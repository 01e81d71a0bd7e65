import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
t = torch.linspace(0, 50, 1400)
series = torch.sin(t) + 0.5 * torch.sin(2.7 * t)
win = series.unfold(0, 25, 1)
ds = TensorDataset(win[:, :24].unsqueeze(-1), win[:, 24:])


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 16, batch_first=True)
        self.out = nn.Linear(16, 1)

    def forward(self, x):
        h, _ = self.gru(x)
        return self.out(h[:, -1])


model = Forecaster()
opt = optim.SGD(model.parameters(), lr=0.1)
for epoch in range(5):
    for x, y in DataLoader(ds, batch_size=32, shuffle=True):
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.001)
        opt.step()
    print(epoch, loss.item())
