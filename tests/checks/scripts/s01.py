"""S01 waiting for data: scripts that must fire and that must not."""

FIRES = {
    "rows that take their time": """
import time


class Slow(torch.utils.data.Dataset):
    def __len__(self):
        return 256

    def __getitem__(self, i):
        time.sleep(0.0015)
        return X[i], three[i]


model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, t in DataLoader(Slow(), batch_size=32, shuffle=True):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
""",
}

SILENT = {
    "tensors in memory": "train(net(3), F.cross_entropy, three)",
}
