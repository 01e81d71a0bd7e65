import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset


class Pictures(Dataset):
    def __init__(self, images, labels):
        self.images = torch.tensor(images * 255 / 16).round() / 255
        self.labels = torch.tensor(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.images[i].float(), self.labels[i]


def run(model, train, test, epochs=6):
    opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(epochs):
        model.train()
        for x, y in train:
            loss = nn.functional.cross_entropy(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
        model.eval()
        with torch.no_grad():
            acc = sum((model(x).argmax(1) == y).sum().item() for x, y in test) / len(test.dataset)
        print(epoch, loss.item(), acc)


torch.manual_seed(0)
d = load_digits()
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
run(model, DataLoader(Pictures(d.images[:1400], d.target[:1400]), 70, shuffle=True), DataLoader(Pictures(d.images[1400:], d.target[1400:]), 200))
