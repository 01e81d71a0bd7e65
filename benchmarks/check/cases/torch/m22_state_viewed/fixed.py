import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
class SentimentLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.lstm = nn.LSTM(16, 24, bidirectional=True, batch_first=True)
        self.classifier = nn.Linear(48, 2)
    def forward(self, x):
        _, (h, _) = self.lstm(self.embedding(x))
        h = torch.cat([h[0], h[1]], dim=1)
        return self.classifier(h)

def make(n):
    x = torch.randint(0, 50, (n, 14))
    return x, ((x < 10).sum(1) > (x > 39).sum(1)).long()
xtr, ytr = make(800)
xva, yva = make(200)
net = SentimentLSTM()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(6):
    net.train()
    for i in torch.randperm(800).split(40):
        loss = F.cross_entropy(net(xtr[i]), ytr[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        print(epoch, loss.item(), (net(xva).argmax(1) == yva).float().mean().item())
