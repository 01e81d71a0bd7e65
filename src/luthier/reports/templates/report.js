// Sorts a table by a click on its header. The page is whole without it: rows come sorted by score.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = table.tHead.rows[0].cells;
  const number = (text) => {
    const plain = text.replace(/[, %+]/g, "");
    const units = { ms: 1e-3, s: 1, min: 60, h: 3600 };
    const times = [...text.matchAll(/([\d.,]+) (ms|s|min|h)\b/g)];
    if (times.length) return times.reduce((t, m) => t + parseFloat(m[1].replace(/,/g, "")) * units[m[2]], 0);
    return /^-?[\d.]+(e-?\d+)?$/.test(plain) ? parseFloat(plain) : null;
  };
  [...heads].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keyed = [...table.tBodies[0].rows].map((row) => {
        const text = row.cells[column].textContent.trim();
        return { row, text, value: number(text) };
      });
      keyed.sort((a, b) => {
        if ((a.value === null) !== (b.value === null)) return a.value === null ? 1 : -1;
        const order = a.value === null ? a.text.localeCompare(b.text) : a.value - b.value;
        return down ? -order : order;
      });
      table.tBodies[0].append(...keyed.map((k) => k.row));
    });
  });
}
