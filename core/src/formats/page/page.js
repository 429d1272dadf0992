"use strict";
// The table of findings: search, filters, sorting and pages over the data in this page. Text from
// the data only ever becomes text: nothing here makes HTML of it.
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const severities = ["critical", "high", "medium", "low"];
  const NEW = 1, UNVERIFIED = 2, EXEMPTED = 4;
  const PRINTED = 500;

  // A row of the data: account, user, credential, rule, observed, age, limit, first seen, flags.
  const severityOf = (row) => data.rules[row[3]][1];
  const statusOf = (row) => {
    const words = [row[8] & NEW ? "new" : "ongoing"];
    if (row[8] & UNVERIFIED) words.push("not verified");
    if (row[8] & EXEMPTED) words.push("exempted");
    return words.join(", ");
  };
  const columns = [
    { value: severityOf, text: (row) => severities[severityOf(row)] },
    { value: (row) => data.accounts[row[0]][0] },
    { value: (row) => data.accounts[row[0]][1], anybodys: true },
    { value: (row) => row[1], anybodys: true },
    { value: (row) => data.credentials[row[2]] },
    { value: (row) => data.rules[row[3]][0] },
    { value: (row) => row[4], anybodys: true },
    { value: (row) => row[5], number: true },
    { value: (row) => row[6], number: true },
    { value: (row) => row[7] },
    { value: statusOf },
  ];
  const statuses = {
    open: (row) => !(row[8] & EXEMPTED),
    new: (row) => !(row[8] & EXEMPTED) && row[8] & NEW,
    ongoing: (row) => !(row[8] & EXEMPTED) && !(row[8] & NEW),
    unverified: (row) => row[8] & UNVERIFIED,
    exempted: (row) => row[8] & EXEMPTED,
    all: () => true,
  };

  const controls = {};
  for (const id of ["search", "severity", "rule", "status", "size"]) controls[id] = byId(id);
  const option = (select, value, text) => {
    const element = document.createElement("option");
    element.value = value;
    element.textContent = text;
    select.append(element);
  };
  severities.forEach((severity, index) => option(controls.severity, index, severity));
  data.rules.forEach(([name], index) => option(controls.rule, index, name));

  let searched = null;
  const haystack = (index) => {
    // Made when somebody searches for the first time.
    searched ??= data.rows.map((row) => columns.map((column) => (column.text ?? column.value)(row)).join("\n").toLowerCase());
    return searched[index];
  };

  let sorted = { column: null, ascending: true };
  let matching = [];
  let page = 0;

  const match = () => {
    const words = controls.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const { severity, rule, status } = controls;
    matching = [];
    data.rows.forEach((row, index) => {
      if (!statuses[status.value](row)) return;
      if (severity.value !== "" && severityOf(row) !== Number(severity.value)) return;
      if (rule.value !== "" && row[3] !== Number(rule.value)) return;
      if (words.length && !words.every((word) => haystack(index).includes(word))) return;
      matching.push(index);
    });
    if (sorted.column !== null) {
      const { value } = columns[sorted.column];
      const keys = new Map(matching.map((index) => [index, value(data.rows[index])]));
      const sign = sorted.ascending ? 1 : -1;
      matching.sort((one, other) => {
        const [a, b] = [keys.get(one), keys.get(other)];
        // What has no value comes last, whichever way the rest is sorted.
        if (a === null || b === null) return (a === null) - (b === null) || one - other;
        return a < b ? -sign : a > b ? sign : one - other;
      });
    }
  };

  const grouped = (number) => number.toLocaleString("en");
  const body = byId("table").tBodies[0];
  const cell = (row, column, index) => {
    const element = document.createElement("td");
    const text = (column.text ?? column.value)(row) ?? "";
    element.className = column.number ? "number" : column.anybodys ? "" : "plain";
    // A name that somebody chose must not reorder or break what stands around it.
    const inner = document.createElement(column.anybodys ? "bdi" : "span");
    if (index === 0) inner.className = "severity " + text;
    inner.textContent = column.number && text !== "" ? grouped(text) : text;
    element.append(inner);
    return element;
  };
  const show = (from, to) => {
    body.replaceChildren(
      ...matching.slice(from, to).map((index) => {
        const row = document.createElement("tr");
        row.append(...columns.map((column, at) => cell(data.rows[index], column, at)));
        return row;
      }),
    );
  };
  const render = () => {
    const size = Number(controls.size.value);
    const pages = Math.max(1, Math.ceil(matching.length / size));
    page = Math.min(Math.max(page, 0), pages - 1);
    const from = page * size;
    const to = Math.min(from + size, matching.length);
    show(from, to);
    byId("result").textContent = matching.length
      ? `Showing ${grouped(from + 1)} to ${grouped(to)} of ${grouped(matching.length)} findings.`
      : "No finding matches.";
    byId("page").textContent = `Page ${grouped(page + 1)} of ${grouped(pages)}`;
    byId("previous").disabled = page === 0;
    byId("next").disabled = page === pages - 1;
  };
  const update = () => {
    page = 0;
    match();
    render();
  };

  [...byId("table").tHead.rows[0].cells].forEach((header, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    button.addEventListener("click", () => {
      sorted = { column: index, ascending: sorted.column === index ? !sorted.ascending : true };
      for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", sorted.ascending ? "ascending" : "descending");
      update();
    });
    header.replaceChildren(button);
  });

  let waiting = 0;
  controls.search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(update, 120);
  });
  for (const id of ["severity", "rule", "status", "size"]) controls[id].addEventListener("change", update);
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("previous").addEventListener("click", () => { page -= 1; render(); });
  byId("next").addEventListener("click", () => { page += 1; render(); });

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open], .spare)")];
    for (const details of opened) details.open = true;
    show(0, PRINTED);
    const rest = matching.length - PRINTED;
    byId("result").textContent = rest > 0
      ? `The first ${grouped(PRINTED)} of ${grouped(matching.length)} findings; findings.csv has them all.`
      : `${grouped(matching.length)} findings.`;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    render();
  });

  byId("controls").hidden = false;
  byId("pager").hidden = false;
  update();
})();
