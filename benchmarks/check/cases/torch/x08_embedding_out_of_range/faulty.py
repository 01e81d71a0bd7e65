import torch
from torch import nn

torch.manual_seed(0)
sentences = ["good film", "bad film", "what a good day", "what a bad day", "so good", "so bad so bad"]
labels = torch.tensor([1, 0, 1, 0, 1, 0])
words = sorted({w for s in sentences for w in s.split()})
vocab = {w: i + 1 for i, w in enumerate(words)}  # 0 is padding
ids = [[vocab[w] for w in s.split()] for s in sentences]
length = max(map(len, ids))
ids = torch.tensor([row + [0] * (length - len(row)) for row in ids])


class Sentiment(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 8, padding_idx=0)
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(self.embedding(x).mean(1))


model = Sentiment(len(vocab))
opt = torch.optim.Adam(model.parameters(), lr=0.05)
for epoch in range(60):
    loss = nn.functional.cross_entropy(model(ids), labels)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
