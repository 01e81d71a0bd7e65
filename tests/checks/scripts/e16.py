"""E16 the mean of batches' scores: scripts that must fire and that must not."""

_SCORED = """
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error, r2_score

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
    scores, answers = [], []
    with torch.no_grad():
        for x, t in held_out:
            answer = model(x).argmax(1)
            answers.append(answer)
            BATCH
    WHOLE
"""


def _script(batch: str, whole: str = "print(sum(scores) / len(scores))", size: int = 32) -> str:
    return _SCORED.replace("BATCH", batch).replace("WHOLE", whole).replace("SIZE", str(size))


FIRES = {
    "F1": _script("scores.append(f1_score(t, answer, average='macro'))"),
    "R2, the last batch is smaller": _script("scores.append(r2_score(t.float(), answer.float()))", size=48),
}

SILENT = {
    "once for the whole": _script("pass", "print(f1_score(three, torch.cat(answers), average='macro'))"),
    "accuracy is a mean": _script("scores.append(accuracy_score(t, answer))"),
    "a mean of squares": _script("scores.append(mean_squared_error(t, answer))"),
    "the set is one batch": _script("scores.append(f1_score(t, answer, average='macro'))", size=256),
    "one score a class": _script(
        "pass", "print([f1_score(three == k, torch.cat(answers) == k, average='macro') for k in range(3)])"
    ),
}
