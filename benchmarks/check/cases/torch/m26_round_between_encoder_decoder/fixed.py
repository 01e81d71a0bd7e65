import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(2)
images = torch.tensor(load_digits().data, dtype=torch.float32) / 16
train, test = images[:1500], images[1500:]


class BitCoder(nn.Module):
    def __init__(self, bits=16):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, bits), nn.Sigmoid())
        self.decoder = nn.Sequential(nn.Linear(bits, 96), nn.ReLU(), nn.Linear(96, 64), nn.Sigmoid())

    def forward(self, x):
        p = self.encoder(x)
        code = p + (torch.round(p) - p).detach()
        return self.decoder(code)


model = BitCoder()
optim = torch.optim.Adam(model.parameters(), lr=3e-3)
mse = nn.MSELoss()
for epoch in range(12):
    for rows in torch.randperm(len(train)).split(64):
        batch = train[rows]
        loss = mse(model(batch), batch)
        optim.zero_grad()
        loss.backward()
        optim.step()
    with torch.no_grad():
        err = mse(model(test), test).item()
    print("epoch", epoch, "train", loss.item(), "test", err, "mean picture", mse(train.mean(0).expand_as(test), test).item())
