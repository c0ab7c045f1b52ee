"use strict";
// Sorts tables by their headings, and searches and pages the list of customers. Without it every row is there to be read.
(() => {
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const number = new Intl.NumberFormat("en");
  const whole = (n) => number.format(n);

  const keyOf = (row, column) => {
    const cell = row.cells[column];
    const sort = cell.getAttribute("data-sort");
    return sort === null ? cell.textContent : Number(sort);
  };

  // Numbers before texts, and nothing at all at the end, whichever way.
  const compare = (a, b, turned) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const both = typeof a === "number" && typeof b === "number";
    const order = both ? a - b : collator.compare(String(a), String(b));
    return turned ? -order : order;
  };

  const sorted = (rows, column, turned) =>
    rows
      .map((row, place) => ({ row, place, key: keyOf(row, column) }))
      .sort((a, b) => compare(a.key, b.key, turned) || a.place - b.place)
      .map((each) => each.row);

  // Headings become buttons: rising, falling, as it was written.
  const sortable = (table, arrange) => {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      // On paper a button is not repeated with its heading.
      heading.setAttribute("data-title", heading.textContent);
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const was = heading.getAttribute("aria-sort");
        const now = { ascending: "descending", descending: null }[was];
        const order = now === undefined ? "ascending" : now;
        for (const each of headings) each.removeAttribute("aria-sort");
        if (order) heading.setAttribute("aria-sort", order);
        arrange(order ? column : null, order === "descending");
      });
    });
  };

  const list = document.getElementById("list");
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    if (table === list) continue;
    const body = table.tBodies[0];
    const rows = [...body.rows];
    sortable(table, (column, turned) => {
      body.replaceChildren(...(column === null ? rows : sorted(rows, column, turned)));
    });
  }

  const byId = (id) => document.getElementById(id);
  const [controls, search, standing, length, found, pages, page, before, after] =
    ["controls", "search", "standing", "length", "found", "pages", "page", "before", "after"].map(byId);
  const body = list.tBodies[0];
  const all = [...body.rows];
  const texts = new Map();
  const textOf = (row) => {
    let text = texts.get(row);
    if (text === undefined) {
      text = [...row.cells].map((cell) => cell.innerText || cell.textContent).join("\n").toLowerCase();
      texts.set(row, text);
    }
    return text;
  };

  let ordered = all;
  let order = "";
  let first = 0;

  const draw = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (row) =>
      (!standing.value || row.cells[2].className === standing.value) &&
      words.every((word) => textOf(row).includes(word));
    const rows = words.length || standing.value ? ordered.filter(fits) : ordered;
    const most = Number(length.value) || Math.max(rows.length, 1);
    first = Math.min(first, Math.max(0, Math.floor((rows.length - 1) / most) * most));
    const last = Math.min(first + most, rows.length);
    body.replaceChildren(...rows.slice(first, last));
    const range = rows.length ? `${whole(first + 1)}–${whole(last)} of ${whole(rows.length)}` : "none";
    const among = rows.length < all.length ? `, found among ${whole(all.length)} listed` : "";
    found.textContent = `Customers ${range}${among}${order}`;
    page.textContent = range;
    pages.hidden = rows.length <= most;
    before.disabled = first === 0;
    after.disabled = last >= rows.length;
    return most;
  };

  const fromTheFirst = () => {
    first = 0;
    draw();
  };
  const turn = (by) => {
    first = Math.max(0, first + by * (Number(length.value) || 0));
    draw();
    list.parentElement.scrollTop = 0;
    byId("customers").scrollIntoView();
  };

  sortable(list, (column, turned) => {
    ordered = column === null ? all : sorted(all, column, turned);
    const name = column === null ? "" : list.tHead.rows[0].cells[column].getAttribute("data-title");
    order = column === null ? "" : `, by ${name}, ${turned ? "falling" : "rising"}`;
    fromTheFirst();
  });
  controls.addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", () => {
    controls.reset();
    fromTheFirst();
  });
  for (const each of [search, standing, length]) each.addEventListener("input", fromTheFirst);
  before.addEventListener("click", () => turn(-1));
  after.addEventListener("click", () => turn(1));
  controls.hidden = false;
  found.hidden = false;
  draw();
})();
