import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from sklearn.datasets import load_digits


class Pictures(Dataset):
    def __init__(self, images, labels):
        self.images = torch.tensor(images, dtype=torch.float32).unsqueeze(1)
        self.labels = torch.tensor(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, idx):
        img = self.images[idx]
        img = (img - 4.9) / 6.0
        return img, self.labels[idx]


torch.manual_seed(0)
d = load_digits()
train = DataLoader(Pictures(d.images[:1200], d.target[:1200]), batch_size=60, shuffle=True)
test = DataLoader(Pictures(d.images[1200:], d.target[1200:]), batch_size=200)
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(5):
    for x, y in train:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
    print("epoch", epoch, "loss", loss.item())
with torch.no_grad():
    print("test acc", sum((net(x).argmax(1) == y).sum().item() for x, y in test) / len(test.dataset))
