import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(0)
VOCAB, MAX_LEN, BOS, SEP = 24, 20, 0, 1


def build_example(i):
    g = torch.Generator().manual_seed(i)
    prompt = torch.randint(2, VOCAB, (8,), generator=g)
    answer = prompt.flip(0)
    ids = torch.cat([torch.tensor([BOS]), prompt, torch.tensor([SEP]), answer])
    labels = ids.clone()
    labels[: len(prompt) + 2] = -100
    return ids, labels


def collate(items):
    ids = nn.utils.rnn.pad_sequence([a for a, _ in items], batch_first=True)
    labels = nn.utils.rnn.pad_sequence([b for _, b in items], batch_first=True, padding_value=-100)
    return ids[:, :MAX_LEN], labels[:, :MAX_LEN]


class LM(nn.Module):
    def __init__(self, dim=48):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, dim)
        self.rnn = nn.LSTM(dim, dim, batch_first=True)
        self.head = nn.Linear(dim, VOCAB)

    def forward(self, ids):
        return self.head(self.rnn(self.emb(ids))[0])


loader = DataLoader([build_example(i) for i in range(320)], batch_size=16, shuffle=True, collate_fn=collate)
model = LM()
opt = torch.optim.AdamW(model.parameters(), lr=5e-3)
for epoch in range(4):
    for ids, labels in loader:
        logits = model(ids)[:, :-1]
        loss = F.cross_entropy(logits.reshape(-1, VOCAB), labels[:, 1:].reshape(-1), ignore_index=-100)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print("epoch", epoch, "loss", loss.item())
