import numpy as np
import polars as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def load_table(seed=0):
    rng = np.random.default_rng(seed)
    df = pl.DataFrame(rng.normal(size=(700, 5)), schema=list("abcde"), orient="row")
    df = df.with_columns(label=(pl.col("a") + pl.col("b") * pl.col("c") > 0).cast(pl.Int64))
    hole = pl.Series(rng.random(700) < 0.04)
    return df.with_columns(d=pl.when(hole).then(None).otherwise(pl.col("d")))


torch.manual_seed(0)
df = load_table()
x = torch.tensor(df[list("abcde")].to_numpy(), dtype=torch.float32)
y = torch.tensor(df["label"].to_numpy())
loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(6):
    total = 0.0
    for features, labels in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(features), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: {total / len(loader):.4f}")
