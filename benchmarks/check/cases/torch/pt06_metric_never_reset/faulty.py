import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16.0, dtype=torch.float32)
y = torch.tensor(y)
train_loader = DataLoader(TensorDataset(X[:1200], y[:1200]), batch_size=64, shuffle=True)
test_loader = DataLoader(TensorDataset(X[1200:], y[1200:]), batch_size=64)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

train_losses, train_accu = [], []
running_loss = 0
correct = 0
total = 0


def train(epoch):
    global running_loss, correct, total
    model.train()
    for data, target in train_loader:
        optimizer.zero_grad()
        output = model(data)
        loss = criterion(output, target)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
        _, predicted = output.max(1)
        total += target.size(0)
        correct += predicted.eq(target).sum().item()
    train_loss = running_loss / len(train_loader)
    accu = 100.0 * correct / total
    train_accu.append(accu)
    train_losses.append(train_loss)
    print("Epoch %d | Train Loss: %.3f | Accuracy: %.3f" % (epoch, train_loss, accu))


def test():
    model.eval()
    ok = 0
    with torch.no_grad():
        for data, target in test_loader:
            ok += model(data).argmax(1).eq(target).sum().item()
    print("Test accuracy: %.3f" % (100.0 * ok / len(test_loader.dataset)))


for epoch in range(1, 9):
    train(epoch)
    test()
