import torch
from torch import nn

torch.manual_seed(0)


class CharRNN(nn.Module):
    def __init__(self, vocab, dim=32):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        self.rnn = nn.LSTM(dim, dim, batch_first=True)
        self.out = nn.Linear(dim, vocab)

    def forward(self, x, state):
        h, state = self.rnn(self.emb(x), state)
        return self.out(h), state


text = "the quick brown fox jumps over the lazy dog. " * 60
vocab = sorted(set(text))
data = torch.tensor([vocab.index(c) for c in text])
model = CharRNN(len(vocab))
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
batches = data[: 4 * 640].view(4, -1)
for epoch in range(3):
    state = (torch.zeros(1, 4, 32), torch.zeros(1, 4, 32))
    for i in range(0, 600, 20):
        x, y = batches[:, i : i + 20], batches[:, i + 1 : i + 21]
        logits, state = model(x, state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())
