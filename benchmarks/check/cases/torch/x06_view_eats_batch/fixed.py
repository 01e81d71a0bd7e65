import torch
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d((2, 4))
        self.fc = nn.Linear(64, 5)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv(x)))
        x = x.flatten(1)
        return self.fc(x)


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.05)
criterion = nn.CrossEntropyLoss()
images, labels = torch.randn(320, 3, 10, 10), torch.randint(0, 5, (320,))
images[:, 0] += labels[:, None, None] - 2.0
for epoch in range(6):
    for i in range(0, 320, 32):
        opt.zero_grad()
        loss = criterion(net(images[i : i + 32]), labels[i : i + 32])
        loss.backward()
        opt.step()
    print(epoch, loss.item())
