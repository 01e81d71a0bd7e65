import torch
from torch import nn
import torch.nn.functional as F
import numpy as np
from torch.utils.data import Dataset, DataLoader
rng = np.random.default_rng(0)

class Shapes(Dataset):
    def __init__(self, n):
        self.labels = rng.integers(0, 3, n)
        self.images = rng.normal(0, 0.3, (n, 16, 16, 3)).astype("float32")
        for img, k in zip(self.images, self.labels):
            r, c = rng.integers(2, 10, 2)
            img[r:r + 5, c:c + 5, k] += 1.0
    def __len__(self):
        return len(self.labels)
    def __getitem__(self, i):
        image = torch.from_numpy(self.images[i]).view(3, 16, 16)
        return image, int(self.labels[i])

class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc = nn.Linear(32 * 4 * 4, 3)
    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))

torch.manual_seed(0)
train_loader = DataLoader(Shapes(640), batch_size=32, shuffle=True)
test_loader = DataLoader(Shapes(160), batch_size=80)
model = CNN()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(4):
    model.train()
    running = 0.0
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        running += loss.item()
    model.eval()
    correct = 0
    with torch.no_grad():
        for images, labels in test_loader:
            correct += (model(images).argmax(1) == labels).sum().item()
    print(f"epoch {epoch} loss {running / len(train_loader):.3f} acc {correct / 160:.3f}")
