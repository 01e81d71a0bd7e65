import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
VOCAB, T, DIM = 16, 24, 32


class TransformerLM(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, DIM)
        self.pos = nn.Parameter(0.02 * torch.randn(T, DIM))
        layer = nn.TransformerEncoderLayer(DIM, 4, 64, dropout=0.0, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(DIM, VOCAB)

    def forward(self, ids):
        n = ids.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(n)
        h = self.blocks(self.tok(ids) + self.pos[:n], mask=mask)
        return self.head(h)


def text(n):
    step = torch.randint(1, 4, (n, T + 1))
    return torch.cumsum(step, 1) % VOCAB


model = TransformerLM()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(200):
    ids = text(24)
    x, y = ids[:, :-1], ids[:, 1:]
    logits = model(x)
    loss = F.cross_entropy(logits.reshape(-1, VOCAB), y.reshape(-1))
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 49:
        print(f"iter {step + 1}: loss {loss.item():.4f} (three equally likely steps: 1.0986)")
