import torch
import torch.nn as nn
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader, Dataset


class Keywords(Dataset):
    """Synthetic spectrogram-like frames; three key words."""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.y = torch.randint(0, 3, (n,), generator=g)
        t = torch.linspace(0, 6.28, 20)
        base = torch.stack([torch.sin((k + 1) * t) for k in range(3)])
        self.x = base[self.y].unsqueeze(2).repeat(1, 1, 8) + 0.8 * torch.randn(n, 20, 8, generator=g)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class KWS(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(8, 24, batch_first=True)
        self.fc = nn.Linear(24, 3)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.fc(out.mean(1))


class Executor:
    def __init__(self):
        self.step = 0

    def train(self, model, optimizer, loader, clip=5.0):
        model.train()
        for feats, target in loader:
            logits = model(feats)
            loss = nn.functional.cross_entropy(logits, target)
            optimizer.zero_grad()
            loss.backward()
            clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            self.step += 1
        return loss.item()

    def cv(self, model, loader):
        model.eval()
        n = right = 0
        with torch.no_grad():
            for feats, target in loader:
                right += (model(feats).argmax(-1) == target).sum().item()
                n += len(target)
        return right / n


if __name__ == "__main__":
    torch.manual_seed(777)
    model = KWS()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.5)
    ex = Executor()
    train = DataLoader(Keywords(512, 0), batch_size=32, shuffle=True)
    cv = DataLoader(Keywords(256, 1), batch_size=64)
    for epoch in range(5):
        loss = ex.train(model, optimizer, train)
        print(f"epoch {epoch} step {ex.step} loss {loss:.4f} cv acc {ex.cv(model, cv):.3f}")
