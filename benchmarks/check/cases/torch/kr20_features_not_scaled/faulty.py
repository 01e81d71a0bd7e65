import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, y = load_wine(return_X_y=True)
X[:, 12] *= 10  # proline in mg per 10 l
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=1)
train_ds = TensorDataset(torch.FloatTensor(X_train), torch.LongTensor(y_train))
test_x, test_y = torch.FloatTensor(X_test), torch.LongTensor(y_test)


def fit(model, epochs=40):
    opt = torch.optim.SGD(model.parameters(), lr=1e-2)
    for epoch in range(epochs):
        for xb, yb in DataLoader(train_ds, batch_size=16, shuffle=True):
            opt.zero_grad()
            loss = nn.functional.cross_entropy(model(xb), yb)
            loss.backward()
            opt.step()
        if epoch % 10 == 0:
            print(epoch, loss.item())
    return (model(test_x).argmax(1) == test_y).float().mean().item()


print("accuracy", fit(nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))))
