import torch
from torch import nn

torch.manual_seed(0)
text = "in the beginning there was a test and the test was green. " * 40
vocab = sorted(set(text))
ids = torch.tensor([vocab.index(c) for c in text])
data = ids[: 8 * (len(ids) // 8)].view(8, -1)


class CharLSTM(nn.Module):
    def __init__(self, v, d=40):
        super().__init__()
        self.emb, self.lstm, self.out = nn.Embedding(v, d), nn.LSTM(d, d, batch_first=True), nn.Linear(d, v)

    def forward(self, x, state=None):
        h, state = self.lstm(self.emb(x), state)
        return self.out(h), state


net = CharLSTM(len(vocab))
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(8):
    state = None
    for i in range(0, data.shape[1] - 25, 24):
        x, y = data[:, i : i + 24], data[:, i + 1 : i + 25]
        if state is not None:
            state = tuple(s.detach() for s in state)
        logits, state = net(x, state)
        loss = nn.functional.cross_entropy(logits.transpose(1, 2), y)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
    if epoch % 2 == 1:
        print(epoch + 1, loss.item())
