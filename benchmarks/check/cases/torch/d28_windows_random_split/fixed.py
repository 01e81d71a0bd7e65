import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import TensorDataset, DataLoader, random_split, Subset
torch.manual_seed(0)
W = 16
series = torch.cumsum(torch.randn(1200) * 0.3, 0) * 0.1 + torch.sin(torch.arange(1200.) / 9)
X = series.unfold(0, W, 1)[:-1].unsqueeze(-1)
y = series[W:].unsqueeze(-1)
data = TensorDataset(X, y)
n = int(0.8 * len(data))
train, valid = Subset(data, range(n - W)), Subset(data, range(n, len(data)))
train_dl = DataLoader(train, 64, shuffle=True)
valid_dl = DataLoader(valid, 128)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(1, 32, batch_first=True)
        self.head = nn.Linear(32, 1)
    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(8):
    net.train()
    for xb, yb in train_dl:
        loss = F.mse_loss(net(xb), yb)
        opt.zero_grad(); loss.backward(); opt.step()
    net.eval()
    with torch.no_grad():
        v = sum(F.mse_loss(net(xb), yb, reduction="sum").item() for xb, yb in valid_dl) / len(valid)
    print(epoch, round(v, 4))
