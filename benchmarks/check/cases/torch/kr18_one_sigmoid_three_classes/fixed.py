import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(0)
wine = load_wine()
x_train, x_test, y_train, y_test = train_test_split(wine.data, wine.target, random_state=0, stratify=wine.target)
scaler = StandardScaler().fit(x_train)
x_train = torch.tensor(scaler.transform(x_train), dtype=torch.float32)
x_test = torch.tensor(scaler.transform(x_test), dtype=torch.float32)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)


class Classifier(nn.Module):
    def __init__(self, in_features):
        super().__init__()
        self.l1 = nn.Linear(in_features, 20)
        self.l2 = nn.Linear(20, 3)

    def forward(self, x):
        return self.l2(torch.relu(self.l1(x)))


clf = Classifier(13)
crit = nn.CrossEntropyLoss()
opt = torch.optim.Adam(clf.parameters(), lr=0.01)
for epoch in range(60):
    opt.zero_grad()
    loss = crit(clf(x_train), y_train)
    loss.backward()
    opt.step()
with torch.no_grad():
    pred = clf(x_test).argmax(1)
    print("loss", loss.item(), "accuracy", (pred == y_test).float().mean().item())
