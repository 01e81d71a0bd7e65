import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(0)
X, y = load_diabetes(return_X_y=True, scaled=False)
y = (y - 152) / 77
scaler = StandardScaler()
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=0)
X_train = scaler.fit_transform(X_train)
X_val = scaler.transform(X_val)
X_train, X_val, y_train, y_val = (torch.tensor(a, dtype=torch.float32) for a in (X_train, X_val, y_train, y_val))

model = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-3)
for epoch in range(25):
    for idx in torch.randperm(len(X_train)).split(32):
        loss = nn.functional.mse_loss(model(X_train[idx]).squeeze(1), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 8 == 0:
        with torch.no_grad():
            print(epoch, loss.item(), nn.functional.mse_loss(model(X_val).squeeze(1), y_val).item())
