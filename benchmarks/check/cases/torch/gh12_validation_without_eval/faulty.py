import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class DoubleConv(nn.Sequential):
    def __init__(self, cin, cout):
        super().__init__(
            nn.Conv3d(cin, cout, 3, padding=1), nn.BatchNorm3d(cout), nn.ReLU(), nn.Dropout3d(0.2)
        )


class UNet3DTrainer:
    def __init__(self, model, optimizer, loss_criterion, loaders, max_num_epochs):
        self.model = model
        self.optimizer = optimizer
        self.loss_criterion = loss_criterion
        self.loaders = loaders
        self.max_num_epochs = max_num_epochs

    def fit(self):
        for epoch in range(self.max_num_epochs):
            self.train()
            score = self.validate(self.loaders["val"])
            print(f"Epoch {epoch}: validation loss {score:.4f}")

    def train(self):
        self.model.train()
        for x, y in self.loaders["train"]:
            loss = self.loss_criterion(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def validate(self, val_loader):
        losses = []
        with torch.no_grad():
            for x, y in val_loader:
                losses.append(self.loss_criterion(self.model(x), y).item())
        return sum(losses) / len(losses)


def volumes(n, seed):
    g = torch.Generator().manual_seed(seed)
    y = (torch.rand(n, 1, 3, 3, 3, generator=g) > 0.6).float().repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4)
    return TensorDataset(y + 0.7 * torch.randn(y.shape, generator=g), y)


if __name__ == "__main__":
    torch.manual_seed(0)
    model = nn.Sequential(DoubleConv(1, 8), DoubleConv(8, 8), nn.Conv3d(8, 1, 1))
    loaders = {"train": DataLoader(volumes(96, 1), batch_size=8, shuffle=True), "val": DataLoader(volumes(24, 2), batch_size=4)}
    trainer = UNet3DTrainer(model, torch.optim.Adam(model.parameters(), lr=5e-3), nn.BCEWithLogitsLoss(), loaders, 4)
    trainer.fit()
