import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(3)
WAYS, SHOTS, QUERIES, DIM = 5, 3, 10, 16
centres = 2.0 * torch.randn(40, DIM)


def episode():
    ways = torch.randperm(40)[:WAYS]
    support = centres[ways].repeat_interleave(SHOTS, 0) + torch.randn(WAYS * SHOTS, DIM)
    support_y = torch.arange(WAYS).repeat_interleave(SHOTS)
    query_y = torch.randint(0, WAYS, (QUERIES,))
    query = centres[ways][query_y] + torch.randn(QUERIES, DIM)
    return support, support_y, query, query_y


class MatchingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(DIM, 64), nn.ReLU(), nn.Linear(64, 32))

    def forward(self, support, support_y, query):
        s = F.normalize(self.embed(support), dim=1)
        q = F.normalize(self.embed(query), dim=1)
        attention = F.softmax(10 * q @ s.T, dim=1)
        one_hot = F.one_hot(support_y, WAYS).float()
        return attention @ one_hot


net = MatchingNet()
optim = torch.optim.Adam(net.parameters(), lr=1e-3)
hits = []
for it in range(300):
    support, support_y, query, query_y = episode()
    preds = net(support, support_y, query)
    loss = F.nll_loss(torch.log(preds + 1e-8), query_y)
    optim.zero_grad()
    loss.backward()
    optim.step()
    hits.append((preds.argmax(1) == query_y).float().mean().item())
    if it % 100 == 99:
        print(it + 1, "loss", round(loss.item(), 3), "acc", round(sum(hits[-100:]) / 100, 3))
