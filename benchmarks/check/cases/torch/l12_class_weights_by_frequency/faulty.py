import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import recall_score
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, y = make_classification(3000, 12, n_informative=6, weights=[0.9, 0.1], class_sep=0.8, random_state=3)
X_train, X_test, y_train, y_test = train_test_split(X.astype("float32"), y, stratify=y, random_state=0)

counts = np.bincount(y_train)
class_weights = torch.tensor(counts / counts.sum(), dtype=torch.float32)
criterion = nn.CrossEntropyLoss(weight=class_weights)

model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loader = DataLoader(TensorDataset(torch.tensor(X_train), torch.tensor(y_train)), batch_size=64, shuffle=True)
for epoch in range(6):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    print("epoch", epoch, "loss", round(loss.item(), 4))
pred = model(torch.tensor(X_test)).argmax(1).numpy()
print("recall of the rare class", recall_score(y_test, pred))
