import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(5)
VOCAB, T = 20, 16


class TinyLM(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.wte = nn.Embedding(VOCAB, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, VOCAB)

    def forward(self, idx, targets):
        h, _ = self.rnn(self.wte(idx))
        logits = self.head(h)
        if not (targets != -1).any():
            return logits.sum() * 0.0
        return F.cross_entropy(logits.view(-1, VOCAB), targets.view(-1), ignore_index=-1)


def conversations():
    """Rows of prompt + answer; only the answer is learned, rows longer than T are cut."""
    while True:
        rows, targets = [], []
        for _ in range(2):
            prompt = int(torch.randint(8, 24, (1,)))
            ids = (torch.arange(prompt + 6) * 3 + int(torch.randint(0, VOCAB, (1,)))) % VOCAB
            tgt = torch.roll(ids, -1)
            tgt[: prompt - 1] = -1
            rows.append(F.pad(ids, (0, 40))[:T])
            targets.append(F.pad(tgt[:-1], (0, 40), value=-1)[:T])
        yield torch.stack(rows), torch.stack(targets)


model = TinyLM()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
stream = conversations()
smooth_train_loss = 0.0
for step in range(120):
    optimizer.zero_grad()
    for micro in range(2):
        x, y = next(stream)
        loss = model(x, y)
        (loss / 2).backward()
        smooth_train_loss = 0.95 * smooth_train_loss + 0.05 * loss.item()
    optimizer.step()
    if step % 20 == 0:
        print(f"step {step:03d} | loss {smooth_train_loss / (1 - 0.95 ** (2 * step + 2)):.4f}")
