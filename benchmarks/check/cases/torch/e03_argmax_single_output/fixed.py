import torch
from torch import nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, y = load_breast_cancer(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, random_state=5)
m, s = X_tr.mean(0), X_tr.std(0)
prep = lambda a: torch.tensor((a - m) / s, dtype=torch.float32)
y_tr, y_te = torch.tensor(y_tr).float().unsqueeze(1), torch.tensor(y_te).float().unsqueeze(1)
train = DataLoader(TensorDataset(prep(X_tr), y_tr), batch_size=32, shuffle=True)
test = DataLoader(TensorDataset(prep(X_te), y_te), batch_size=64)

model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1))
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def test_loop():
    size, correct, test_loss = len(test.dataset), 0, 0.0
    with torch.no_grad():
        for X, y in test:
            pred = model(X)
            test_loss += loss_fn(pred, y).item()
            correct += ((pred > 0) == y).float().sum().item()
    print(f"Test Error: Accuracy: {100 * correct / size:>0.1f}%, Avg loss: {test_loss / len(test):>8f}")


for t in range(8):
    for X, y in train:
        loss = loss_fn(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    test_loop()
