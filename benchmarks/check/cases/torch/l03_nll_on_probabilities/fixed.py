import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Bags(Dataset):
    """Bags of words; the topic decides which half of the vocabulary is common."""

    def __init__(self, n=800, words=40):
        self.topic = torch.randint(0, 4, (n,))
        rate = 0.3 + 2.0 * (torch.arange(words) % 4 == self.topic[:, None]).float()
        self.counts = torch.poisson(rate)

    def __getitem__(self, i):
        return self.counts[i], self.topic[i]

    def __len__(self):
        return len(self.topic)


class TopicClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(40, 4)

    def forward(self, x):
        return nn.functional.log_softmax(self.fc(x), dim=1)


torch.manual_seed(0)
loader = DataLoader(Bags(), batch_size=32, shuffle=True)
model = TopicClassifier()
loss_function = nn.NLLLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
for epoch in range(6):
    for bow, target in loader:
        model.zero_grad()
        out = model(bow)
        loss = loss_function(out, target)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
