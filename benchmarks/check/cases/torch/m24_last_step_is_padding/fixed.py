import torch
from torch import nn
import torch.nn.functional as F

from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
torch.manual_seed(0)
def item():
    k = int(torch.randint(3, 20, ()))
    s = torch.randint(1, 20, (k,))
    return s, int(s[0] > 9)
def collate(batch):
    xs = [s for s, _ in batch]
    return pad_sequence(xs, batch_first=True), torch.tensor([len(x) for x in xs]), torch.tensor([y for _, y in batch])
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(20, 16, padding_idx=0)
        self.rnn = nn.GRU(16, 24, batch_first=True)
        self.fc = nn.Linear(24, 2)
    def forward(self, x, lengths):
        out, _ = self.rnn(self.emb(x))
        last = out[torch.arange(len(x)), lengths - 1]
        return self.fc(last)
train, test = [item() for _ in range(800)], [item() for _ in range(200)]
dl = DataLoader(train, 32, shuffle=True, collate_fn=collate)
net = Classifier(); opt = torch.optim.Adam(net.parameters(), 3e-3)
for epoch in range(5):
    net.train()
    for x, n, y in dl:
        loss = F.cross_entropy(net(x, n), y)
        opt.zero_grad(); loss.backward(); opt.step()
    net.eval()
    with torch.no_grad():
        x, n, y = collate(test)
        print(epoch, loss.item(), (net(x, n).argmax(1) == y).float().mean().item())
