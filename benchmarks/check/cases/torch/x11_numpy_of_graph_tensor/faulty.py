import numpy as np
import torch
from sklearn.metrics import accuracy_score
from torch import nn

torch.manual_seed(0)
x = torch.randn(300, 4)
y = (x[:, 0] > x[:, 1]).long()
net = nn.Linear(4, 2)
opt = torch.optim.SGD(net.parameters(), lr=0.5)
for epoch in range(5):
    out = net(x)
    loss = nn.functional.cross_entropy(out, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    probs = torch.softmax(out, 1)
    pred = np.argmax(probs.numpy(), axis=1)
    print(epoch, loss.item(), accuracy_score(y.numpy(), pred))
