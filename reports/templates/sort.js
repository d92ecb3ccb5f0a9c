// Sort any table of the page by a column: by the figure behind a cell (data-value), else by its words.
(() => {
  "use strict";
  const said = document.getElementById("sorted");
  const words = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const start = new WeakMap();

  // What moves as one: rows of a body, rows under a group's heading, or whole bodies of several rows.
  const parts = (table) => {
    const bodies = [...table.tBodies];
    const grouped = bodies.some((body) => body.rows[0]?.classList.contains("group"));
    if (bodies.length > 1 && !grouped) return [{ box: table, items: bodies }];
    return bodies.map((box) => ({
      box,
      items: [...box.rows].filter((row) => !row.matches(".group, .all, .more")),
      last: [...box.rows].filter((row) => row.matches(".all")),
    }));
  };

  const key = (item, column) => {
    const cell = (item.rows ? item.rows[0] : item).cells[column];
    if (!cell) return "";
    const figure = cell.dataset.value ?? cell.querySelector("[data-value]")?.dataset.value;
    return figure === undefined ? cell.textContent.trim() : Number(figure);
  };

  // Figures first, then words; what is empty or undefined stays last in either direction.
  const rank = (value) => (value === "" || value === "—" ? 2 : typeof value === "number" ? 0 : 1);
  const order = (sign) => (a, b) =>
    rank(a.key) - rank(b.key) ||
    (rank(a.key) === 2 ? 0 : sign * (typeof a.key === "number" ? a.key - b.key : words.compare(a.key, b.key)));

  const sort = (table, head) => {
    const now = head.getAttribute("aria-sort");
    const next = now === "ascending" ? "descending" : now === "descending" ? null : "ascending";
    if (!start.has(table)) start.set(table, parts(table));
    for (const { box, items, last = [] } of start.get(table)) {
      const keyed = items.map((item) => ({ item, key: key(item, head.cellIndex) }));
      if (next) keyed.sort(order(next === "ascending" ? 1 : -1));
      box.append(...keyed.map(({ item }) => item), ...last);
    }
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    if (next) head.setAttribute("aria-sort", next);
    said.textContent = said.dataset[next ?? "original"].replace("{column}", head.textContent.trim());
  };

  for (const table of document.querySelectorAll("table")) {
    const heads = table.tHead?.rows.length === 1 ? [...table.tHead.rows[0].cells] : [];
    if (parts(table).every(({ items }) => items.length < 2)) continue;
    for (const head of heads) {
      if (!head.textContent.trim() || head.colSpan > 1) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, head));
    }
  }
})();
