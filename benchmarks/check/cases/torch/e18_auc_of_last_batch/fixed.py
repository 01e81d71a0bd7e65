import torch
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(7)
raw = load_breast_cancer()
order = torch.randperm(569).numpy()
features, malignant = raw.data[order], 1 - raw.target[order]
scaler = StandardScaler().fit(features[:360])
features = torch.tensor(scaler.transform(features), dtype=torch.float32) + torch.randn(569, 30)
malignant = torch.tensor(malignant, dtype=torch.float32).unsqueeze(1)
train = DataLoader(TensorDataset(features[:360], malignant[:360]), batch_size=24, shuffle=True)
held_out = DataLoader(TensorDataset(features[360:], malignant[360:]), batch_size=32)


def evaluate(model, loader):
    model.eval()
    total, n = 0.0, 0
    all_outputs, all_targets = [], []
    with torch.no_grad():
        for inputs, labels in loader:
            outputs = torch.sigmoid(model(inputs))
            targets = labels
            total += torch.nn.functional.binary_cross_entropy(outputs, targets, reduction="sum").item()
            n += len(targets)
            all_outputs.append(outputs)
            all_targets.append(targets)
    return total / n, roc_auc_score(torch.cat(all_targets).numpy().ravel(), torch.cat(all_outputs).numpy().ravel())


model = torch.nn.Sequential(torch.nn.Linear(30, 12), torch.nn.ReLU(), torch.nn.Linear(12, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(1, 11):
    model.train()
    for inputs, labels in train:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(inputs), labels)
        loss.backward()
        optimizer.step()
    val_loss, auc = evaluate(model, held_out)
    print(f"Epoch {epoch:2d} val loss {val_loss:.3f} AUC {auc:.3f}")
