"""Some of the faults written for Lightning, to see what it says by itself: `python lightning_forms.py --fault NAME`.

Faults of the loop (zero_grad, the place of clipping, a forgotten eval()) have no form here: Lightning owns the loop.
"""

import argparse
from typing import Any

import lightning
import torch
from benchmarks.check.runners import FAULTS
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Digits(lightning.LightningModule):
    """A classifier of digits with the fault that was asked for."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault
        self.body = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.BatchNorm1d(48), nn.Dropout(0.2))
        layers = [nn.Linear(48, 48), nn.ReLU()]
        self.extra: Any = layers if fault == "list" else nn.Sequential(*layers)
        self.head = nn.Linear(48, 1 if fault == "broadcast" else 10)
        if fault == "frozen":
            self.requires_grad_(False)
        if fault == "eval":
            self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.body(x)
        if self.fault == "detach":
            h = h.detach()
        if self.fault != "unused":
            for layer in self.extra:
                h = layer(h)
        out: torch.Tensor = self.head(h)
        return out.softmax(1) if self.fault == "softmax" else out

    def loss(self, batch: list[torch.Tensor]) -> torch.Tensor:
        x, y = batch
        if self.fault == "broadcast":
            return nn.functional.mse_loss(self(x), y.float())
        return nn.functional.cross_entropy(self(x), y)

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        return self.loss(batch)

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=1.0 if self.fault == "lr" else 2e-3)
        if self.fault == "head":
            self.head = nn.Linear(48, 10)
        if self.fault == "horizon":
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3)
            return [optimizer], [{"scheduler": schedule, "interval": "step"}]
        return optimizer


def loaders(fault: str) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Training and validation rows of the digits, with the fault that lies in the data."""
    data, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(data).float() / 16, torch.tensor(labels)
    if fault == "raw":
        x = x * 255
    if fault == "nan":
        x = (x - x.mean(0)) / x.std(0)
    if fault == "sorted":
        order = y.argsort()
        x, y = x[order], y[order]
    train, rest = TensorDataset(x[:1400], y[:1400]), TensorDataset(x[1400:], y[1400:])
    held = TensorDataset(x[1000:1400], y[1000:1400]) if fault == "shared" else rest
    return DataLoader(train, 50, shuffle=fault != "sorted"), DataLoader(held, 100)


def main() -> None:
    """Train for three epochs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fault", choices=["none", *FAULTS], default="none")
    fault = parser.parse_args().fault
    torch.manual_seed(0)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = lightning.Trainer(max_epochs=3, accelerator="cpu", **quiet)
    model = Digits(fault)
    trainer.fit(model, *loaders(fault))
    print({name: float(value) for name, value in trainer.callback_metrics.items()})


if __name__ == "__main__":
    main()
