import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset


class Sequences(Dataset):
    def __init__(self, n=200):
        g = torch.Generator().manual_seed(0)
        self.rows = [torch.randint(1, 20, (int(torch.randint(4, 12, (1,), generator=g)),), generator=g) for _ in range(n)]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i], int((self.rows[i] == 7).any())


def pad(batch):
    xs, ys = zip(*batch)
    return pad_sequence(xs, batch_first=True), torch.tensor(ys)


torch.manual_seed(0)
loader = DataLoader(Sequences(), batch_size=20, shuffle=True)
model = nn.Sequential(nn.EmbeddingBag(20, 8, mode="max"), nn.Linear(8, 2))
opt = torch.optim.Adam(model.parameters(), lr=0.05)
for epoch in range(5):
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())
