import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
hr = torch.rand(256, 1, 4, 4)
hr = F.interpolate(hr, size=(16, 16), mode="bicubic")
lr_img = F.avg_pool2d(hr, 2)
loader = DataLoader(TensorDataset(lr_img, hr), batch_size=16, shuffle=True)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.up = nn.Conv2d(16, 4, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        return self.shuffle(self.up(x))


netG = Generator()
optimizer = torch.optim.Adam(netG.parameters(), lr=2e-3)
epochs = 10
scheduler = StepLR(optimizer, step_size=epochs // 2, gamma=0.1)
for epoch in range(epochs):
    for lr_b, hr_b in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(netG(lr_b), hr_b)
        loss.backward()
        optimizer.step()
        scheduler.step()
    if epoch % 3 == 0:
        print(f"[{epoch}/{epochs}] MSE: {loss.item():.5f}")
