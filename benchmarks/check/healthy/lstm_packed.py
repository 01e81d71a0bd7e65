import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader

torch.manual_seed(0)


class LastState(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(15, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 24, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(48, 2)

    def forward(self, ids, lengths):
        packed = pack_padded_sequence(self.emb(ids), lengths, batch_first=True, enforce_sorted=False)
        _, (h, _) = self.lstm(packed)
        return self.fc(torch.cat([h[-2], h[-1]], 1))


def collate(items):
    return (pad_sequence([a for a, _ in items], batch_first=True), torch.tensor([len(a) for a, _ in items]), torch.tensor([b for _, b in items]))


rows = [torch.randint(1, 15, (int(torch.randint(3, 14, ())),)) for _ in range(1000)]
data = [(r, int(r[0] > r[-1])) for r in rows]
train = DataLoader(data[:800], 40, shuffle=True, collate_fn=collate)
test = DataLoader(data[800:], 100, collate_fn=collate)
model = LastState()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(5):
    model.train()
    for ids, n, y in train:
        loss = nn.functional.cross_entropy(model(ids, n), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        acc = sum((model(i, n).argmax(1) == y).sum().item() for i, n, y in test) / 200
    print(epoch, loss.item(), acc)
