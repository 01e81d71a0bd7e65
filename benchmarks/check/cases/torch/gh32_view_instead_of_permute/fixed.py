import torch
import torch.nn as nn

torch.manual_seed(0)


class Separator(nn.Module):
    def __init__(self, channels=12, hidden=24):
        super().__init__()
        self.conv = nn.Conv1d(1, channels, 9, padding=4)
        self.lstm = nn.LSTM(channels, hidden, batch_first=True, bidirectional=True)
        self.mask = nn.Linear(2 * hidden, 1)

    def forward(self, wave):
        x = torch.relu(self.conv(wave))
        B, C, T = x.shape
        x = x.permute(0, 2, 1)
        x, _ = self.lstm(x)
        return torch.sigmoid(self.mask(x)).squeeze(-1) * wave.squeeze(1)


def mixture(n, length=60):
    t = torch.arange(length).float()
    phase = torch.rand(n, 1) * 6.28
    voice = torch.sin(0.2 * t + phase) * (torch.sin(0.1 * t + phase) > 0)
    return (voice + 0.5 * torch.randn(n, length)).unsqueeze(1), voice


model = Separator()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
val_x, val_y = mixture(64)
for step in range(150):
    x, y = mixture(16)
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 49:
        model.eval()
        with torch.no_grad():
            print(step + 1, "val mse %.4f" % nn.functional.mse_loss(model(val_x), val_y).item())
        model.train()
