import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class ScalarRegressionTask(nn.Module):
    def __init__(self, encoder, hidden_dim=32):
        super().__init__()
        self.encoder = encoder
        self.output_head = nn.Sequential(nn.Linear(hidden_dim, hidden_dim), nn.SiLU(), nn.Linear(hidden_dim, 1))
        self.loss_func = nn.MSELoss()

    def forward(self, batch):
        return self.output_head(self.encoder(batch["features"]))

    def _compute_losses(self, batch):
        targets = batch["energy"]
        predictions = self(batch)
        loss = self.loss_func(predictions, targets)
        return {"loss": loss, "mae": (predictions.detach().squeeze(-1) - targets).abs().mean()}


def collate(rows):
    return {"features": torch.stack([r[0] for r in rows]), "energy": torch.stack([r[1] for r in rows])}


if __name__ == "__main__":
    torch.manual_seed(21516)
    feats = torch.randn(800, 6)
    energy = feats[:, 0] * feats[:, 1] + torch.sin(2 * feats[:, 2])
    loader = DataLoader(TensorDataset(feats, energy), batch_size=32, shuffle=True, collate_fn=collate)
    task = ScalarRegressionTask(nn.Sequential(nn.Linear(6, 32), nn.SiLU()))
    opt = torch.optim.AdamW(task.parameters(), lr=5e-3)
    for epoch in range(8):
        for batch in loader:
            out = task._compute_losses(batch)
            opt.zero_grad()
            out["loss"].backward()
            opt.step()
        print(epoch, f"loss={out['loss'].item():.4f} mae={out['mae'].item():.4f}")
