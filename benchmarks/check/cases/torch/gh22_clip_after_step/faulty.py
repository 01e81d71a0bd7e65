import torch as th
import torch.nn.functional as F
from torch import nn


class GCN(nn.Module):
    def __init__(self, adj, dims):
        super().__init__()
        self.adj = adj
        self.lin1 = nn.Linear(dims[0], dims[1])
        self.lin2 = nn.Linear(dims[1], dims[2])

    def forward(self, x):
        x = F.relu(self.adj @ self.lin1(x))
        return self.adj @ self.lin2(x)


class GSgnnNodeTrainer:
    def __init__(self, model, max_grad_norm=None):
        self._model = model
        self._optimizer = th.optim.SGD(model.parameters(), lr=2.0)
        self.max_grad_norm = max_grad_norm

    def fit(self, x, labels, train_idx, val_idx, num_epochs):
        for epoch in range(num_epochs):
            self._model.train()
            loss = F.cross_entropy(self._model(x)[train_idx], labels[train_idx])
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            if self.max_grad_norm is not None:
                th.nn.utils.clip_grad_norm_(self._model.parameters(), self.max_grad_norm)
            if epoch % 20 == 0:
                self._model.eval()
                with th.no_grad():
                    acc = (self._model(x)[val_idx].argmax(1) == labels[val_idx]).float().mean()
                print("epoch %d loss %.4f val acc %.3f" % (epoch, loss.item(), acc.item()))


if __name__ == "__main__":
    th.manual_seed(0)
    n = 200
    labels = th.randint(0, 3, (n,))
    same = (labels[:, None] == labels[None]).float()
    adj = (th.rand(n, n) < 0.02 + 0.06 * same).float()
    adj = ((adj + adj.T) > 0).float() + th.eye(n)
    adj = adj / adj.sum(1, keepdim=True)
    feats = F.one_hot(labels, 3).float() + 1.5 * th.randn(n, 3)
    perm = th.randperm(n)
    GSgnnNodeTrainer(GCN(adj, (3, 16, 3)), max_grad_norm=0.2).fit(feats, labels, perm[:120], perm[120:], 101)
