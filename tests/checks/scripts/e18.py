"""E18 the score of the last batch: scripts that must fire and that must not."""

_SCORED = """
from sklearn.metrics import f1_score

model = net(3)
held_out = DataLoader(TensorDataset(X, three), batch_size=SIZE)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(3):
    model.train()
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    model.eval()
    truth, answers = [], []
    with torch.no_grad():
        for x, t in held_out:
            KEEP
    print(f1_score(truth, answers, average="macro"))
"""
_LAST = "truth, answers = t.tolist(), model(x).argmax(1).tolist()"
_ALL = "truth += t.tolist(); answers += model(x).argmax(1).tolist()"


def _script(keep: str, size: int = 48) -> str:
    return _SCORED.replace("KEEP", keep).replace("SIZE", str(size))


FIRES = {"overwritten by each batch": _script(_LAST), "batches of one length": _script(_LAST, 64)}

SILENT = {"all rows": _script(_ALL), "the set is one batch": _script(_LAST, 256)}
