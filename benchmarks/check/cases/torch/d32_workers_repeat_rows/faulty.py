import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

W = torch.randn(10, 3, generator=torch.Generator().manual_seed(99))


class SensorStream(IterableDataset):
    """Reads the records one after another, as if from a log file."""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.x = torch.randn(n, 10, generator=g)
        self.y = (torch.tanh(self.x) @ W + 0.3 * torch.randn(n, 3, generator=g)).argmax(1)

    def __iter__(self):
        for i in range(len(self.x)):
            yield self.x[i], self.y[i]


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    train_loader = DataLoader(SensorStream(1024, 1), batch_size=32, num_workers=2)
    test = SensorStream(500, 2)
    model = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 3))
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for epoch in range(4):
        seen = 0
        for x, y in train_loader:
            loss = nn.functional.cross_entropy(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            seen += len(x)
        with torch.no_grad():
            acc = (model(test.x).argmax(1) == test.y).float().mean().item()
        print("epoch", epoch, "records", seen, "loss", round(loss.item(), 3), "test accuracy", round(acc, 3))


if __name__ == "__main__":
    main()
