import numpy as np
import torch
from torch import nn


def make_images(n, rng):
    """Three classes of 8-bit colour pictures: stripes along rows, along columns, spots."""
    y = rng.integers(0, 3, n)
    img = rng.integers(60, 190, (n, 3, 12, 12)).astype(np.float32)
    for i, k in enumerate(y):
        colour = rng.integers(20, 65, (3, 1, 1))
        if k == 0:
            img[i, :, ::2] += colour
        elif k == 1:
            img[i, :, :, ::2] += colour
        else:
            img[i, :, ::2, ::2] += 2 * colour
    return np.clip(img, 0, 255).round(), y


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3), nn.ReLU()
        )
        self.classifier = nn.Sequential(nn.Linear(16 * 9, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


rng = np.random.default_rng(0)
torch.manual_seed(0)
x_train, y_train = make_images(600, rng)
x_test, y_test = make_images(200, rng)
x_train, x_test = torch.from_numpy(x_train) / 127.5 - 1, torch.from_numpy(x_test) / 127.5 - 1
y_train, y_test = torch.from_numpy(y_train), torch.from_numpy(y_test)

model = ConvNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
lossfn = nn.CrossEntropyLoss()
for epoch in range(8):
    perm = torch.randperm(600)
    for b in perm.split(32):
        out = model(x_train[b])
        loss = lossfn(out, y_train[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        print(epoch, "loss %.3f" % loss.item(), "acc %.3f" % (model(x_test).argmax(1) == y_test).float().mean().item())
