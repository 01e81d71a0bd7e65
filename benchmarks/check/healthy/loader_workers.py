import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset


class Augmented(Dataset):
    def __init__(self, images, labels, train):
        self.images = torch.tensor(images / 16).float()[:, None]
        self.labels = torch.tensor(labels)
        self.train = train

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        img = self.images[i]
        if self.train:
            img = torch.roll(img, int(torch.randint(-1, 2, ())), dims=2) + 0.05 * torch.randn_like(img)
        return img, self.labels[i]


def main():
    torch.manual_seed(0)
    d = load_digits()
    train = DataLoader(Augmented(d.images[:1000], d.target[:1000], True), 50, shuffle=True, num_workers=1, persistent_workers=True)
    val = DataLoader(Augmented(d.images[1000:], d.target[1000:], False), 200)
    net = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(576, 10))
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(3):
        net.train()
        for x, y in train:
            loss = nn.functional.cross_entropy(net(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
        net.eval()
        with torch.no_grad():
            acc = sum((net(x).argmax(1) == y).sum().item() for x, y in val) / len(val.dataset)
        print(epoch, loss.item(), acc)


if __name__ == "__main__":
    main()
