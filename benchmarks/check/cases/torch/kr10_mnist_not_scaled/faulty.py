import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, Dataset
from sklearn.datasets import load_digits


class MNISTLike(Dataset):
    """Digits as 8-bit grey images."""

    def __init__(self, train=True):
        d = load_digits()
        img = (d.images * (255 / 16)).astype("uint8")
        cut = slice(0, 1400) if train else slice(1400, None)
        self.images, self.labels = img[cut], d.target[cut]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, idx):
        image = torch.from_numpy(self.images[idx]).float().unsqueeze(0)
        return image, int(self.labels[idx])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 128)
        self.fc2 = nn.Linear(128, 128)
        self.fc3 = nn.Linear(128, 10)

    def forward(self, x):
        x = x.flatten(1)
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x)


torch.manual_seed(0)
train_loader = DataLoader(MNISTLike(True), batch_size=50, shuffle=True)
test_loader = DataLoader(MNISTLike(False), batch_size=100)
net = Net()
optimizer = optim.SGD(net.parameters(), lr=0.2)
for epoch in range(6):
    net.train()
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        acc = sum((net(i).argmax(1) == l).sum().item() for i, l in test_loader) / len(test_loader.dataset)
    print("Epoch: {}  loss: {:.4f}  acc: {:.4f}".format(epoch, loss.item(), acc))
