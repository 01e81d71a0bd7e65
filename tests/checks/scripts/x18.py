"""X18 rows that do not stack: scripts that end with the crash, and their twins."""

FIRES = {
    "sequences of two lengths": """
rows = [torch.ones(3 + i % 2) for i in range(8)]
for batch in DataLoader(rows, batch_size=4):
    pass
""",
    "None in the data": "list(DataLoader([None, None], batch_size=2))",
}
SILENT = {
    "padded": """
from torch.nn.utils.rnn import pad_sequence

rows = [torch.ones(3 + i % 2) for i in range(8)]
for batch in DataLoader(rows, batch_size=4, collate_fn=lambda b: pad_sequence(b, batch_first=True)):
    pass
""",
}
