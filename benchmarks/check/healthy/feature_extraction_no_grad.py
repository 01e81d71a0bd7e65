import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
d = load_digits()
images = torch.tensor(d.images / 16).float()[:, None]
labels = torch.tensor(d.target)
extractor = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten())
extractor.requires_grad_(False).eval()
with torch.no_grad():
    feats = torch.cat([extractor(b) for b in images.split(256)])
feats = (feats - feats[:1400].mean(0)) / (feats[:1400].std(0) + 1e-6)
probe = nn.Linear(feats.shape[1], 10)
opt = torch.optim.SGD(probe.parameters(), lr=0.05, momentum=0.9)
for epoch in range(6):
    for i in torch.randperm(1400).split(56):
        loss = nn.functional.cross_entropy(probe(feats[i]), labels[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item(), (probe(feats[1400:]).argmax(1) == labels[1400:]).float().mean().item())
