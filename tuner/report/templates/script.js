"use strict";
(() => {
  const told = JSON.parse(document.getElementById("told").textContent);
  const tip = document.getElementById("tip");
  const marks = new Map();
  let kept = null;

  const marksOf = (article, trial) => {
    if (!marks.has(article)) {
      const found = new Map();
      for (const each of article.querySelectorAll("[data-t]")) {
        const key = each.dataset.t;
        if (!found.has(key)) found.set(key, []);
        found.get(key).push(each);
      }
      marks.set(article, found);
    }
    return marks.get(article).get(trial) || [];
  };

  const light = (target, on) => {
    if (!target) return;
    for (const each of marksOf(target.article, target.trial)) {
      each.classList.toggle("hl", on);
      if (on && each.tagName === "path" && each.classList.contains("line")) each.parentNode.appendChild(each);
    }
  };

  const same = (one, other) => one && other && one.article === other.article && one.trial === other.trial;

  const targetOf = (event) => {
    const mark = event.target.closest && event.target.closest("[data-t]");
    if (!mark) return null;
    return { article: mark.closest("article"), trial: mark.dataset.t, svg: Boolean(mark.closest("svg")) };
  };

  const show = (target, x, y) => {
    const lines = told[Number(target.article.dataset.study)][target.trial];
    if (!lines || !target.svg) return;
    const head = document.createElement("b");
    head.textContent = lines[0];
    tip.replaceChildren(head, lines[1]);
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(8, Math.min(x + 14, innerWidth - box.width - 8)) + "px";
    tip.style.top = (y + 18 + box.height > innerHeight ? Math.max(8, y - box.height - 12) : y + 18) + "px";
  };

  let over = null;
  document.addEventListener("pointerover", (event) => {
    const target = targetOf(event);
    if (!same(over, target)) {
      if (!same(over, kept)) light(over, false);
      light(target, true);
      over = target;
    }
    if (target) show(target, event.clientX, event.clientY);
    else tip.hidden = true;
  });

  document.addEventListener("click", (event) => {
    const head = event.target.closest && event.target.closest(".trials th button");
    if (head) return sort(head.parentNode);
    const target = targetOf(event);
    if (!target) return;
    const again = same(target, kept);
    light(kept, false);
    kept = again ? null : target;
    light(kept, true);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    light(kept, false);
    kept = null;
    tip.hidden = true;
  });

  const keyOf = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.k === undefined ? cell.textContent : cell.dataset.k;
    const number = Number(text);
    if (text === "") return [2, 0];
    if (text === "inf" || text === "-inf") return [1, ""];
    return Number.isNaN(number) ? [1, text] : [0, number];
  };

  const sort = (head) => {
    const table = head.closest("table");
    const body = table.tBodies[0];
    const column = head.cellIndex;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const each of table.tHead.rows[0].cells) each.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].map((row) => [keyOf(row, column), row]);
    rows.sort(([one], [other]) => {
      if (one[0] !== other[0]) return one[0] - other[0];
      const order = one[1] < other[1] ? -1 : one[1] > other[1] ? 1 : 0;
      return down ? -order : order;
    });
    body.append(...rows.map(([, row]) => row));
  };

  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details")) each.open = true;
  });
})();
