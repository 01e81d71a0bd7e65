"""D08 fitted before the split: scripts that must fire and that must not."""

_TRAIN = """
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

table, labels = X.numpy(), three.numpy()
SPLIT
train(net(3), F.cross_entropy, torch.tensor(y_train), X=torch.tensor(x_train, dtype=torch.float32))
"""

FIRES = {
    "scaled, then split": _TRAIN.replace(
        "SPLIT",
        """table = StandardScaler().fit_transform(table)
x_train, x_test, y_train, y_test = train_test_split(table, labels, random_state=0)""",
    ),
    "the scaler has a name": _TRAIN.replace(
        "SPLIT",
        """scaler = StandardScaler()
scaled = scaler.fit_transform(table)
x_train, x_test, y_train, y_test = train_test_split(scaled, labels, random_state=0)""",
    ),
}

SILENT = {
    "split, then scaled": _TRAIN.replace(
        "SPLIT",
        """x_train, x_test, y_train, y_test = train_test_split(table, labels, random_state=0)
scaler = StandardScaler().fit(x_train)
x_train, x_test = scaler.transform(x_train), scaler.transform(x_test)""",
    ),
    "labels are encoded before the split": _TRAIN.replace(
        "SPLIT",
        """codes = OneHotEncoder(sparse_output=False).fit_transform(labels[:, None])
x_train, x_test, y_train, y_test = train_test_split(table, codes.argmax(1), random_state=0)""",
    ),
}
