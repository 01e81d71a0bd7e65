import time

import torch
from torch import nn

torch.manual_seed(0)
signal = torch.sin(torch.arange(0, 700) * 0.2) + 0.1 * torch.randn(700)
rnn = nn.GRUCell(1, 12)
head = nn.Linear(12, 1)
params = list(rnn.parameters()) + list(head.parameters())
opt = torch.optim.Adam(params, lr=0.02)
WINDOW, WINDOWS = 10, 30

for epoch in range(8):
    h = torch.zeros(1, 12)
    t0, total = time.perf_counter(), 0.0
    opt.zero_grad()
    for k in range(WINDOWS):
        window = signal[k * WINDOW : k * WINDOW + WINDOW + 1]
        loss = 0.0
        for t in range(WINDOW):
            h = rnn(window[t].view(1, 1), h)
            loss = loss + (head(h).squeeze() - window[t + 1]) ** 2 / WINDOW
        (loss / WINDOWS).backward(retain_graph=True)
        total += loss.item() / WINDOWS
    opt.step()
    print(f"epoch {epoch} loss {total:.4f} in {time.perf_counter() - t0:.2f} s")
