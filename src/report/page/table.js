/* Tables that sort at a click or key, SQL to be copied, and what print needs. The page is complete without this. */
'use strict';
(function () {
  /* ---- sorting ---- */

  /* The cell's exact value; null where the database has none. */
  function valueOf(row, column, isNumber) {
    const text = row.cells[column].dataset.v;
    if (text === undefined) return null;
    return isNumber ? Number(text.replace('inf', 'Infinity')) : text; // PSNR of equal pictures
  }

  /* Empty cells come last in either direction. */
  function compare(a, b, direction) {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === 'number') return direction * (a - b);
    return direction * a.localeCompare(b, 'en', {numeric: true});
  }

  function sort(table, heading) {
    const column = heading.cellIndex;
    const isNumber = heading.classList.contains('number');
    const direction = heading.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row) => ({row, value: valueOf(row, column, isNumber)}));
    rows.sort((a, b) => compare(a.value, b.value, direction));
    for (const other of table.tHead.rows[0].cells) other.setAttribute('aria-sort', 'none');
    heading.setAttribute('aria-sort', direction > 0 ? 'ascending' : 'descending');
    body.append(...rows.map((entry) => entry.row));
  }

  for (const table of document.querySelectorAll('table.sortable')) {
    for (const heading of table.tHead.rows[0].cells) {
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...heading.childNodes);
      heading.append(button);
      heading.setAttribute('aria-sort', 'none');
      button.addEventListener('click', () => sort(table, heading));
    }
  }

  /* ---- copying ---- */

  /* Where a browser has no clipboard for pages from disk, the text is selected, and copied the old way if it can be. */
  function select(code) {
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand('copy');
  }

  async function copy(code, button) {
    let done;
    try {
      await navigator.clipboard.writeText(code.textContent);
      done = true;
    } catch (e) {
      done = select(code);
    }
    button.textContent = done ? 'Copied' : 'Selected: press Ctrl-C';
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  }

  for (const details of document.querySelectorAll('details.sql')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'copy';
    button.textContent = 'Copy';
    button.addEventListener('click', () => copy(details.querySelector('code'), button));
    details.querySelector('summary').after(button);
  }

  /* ---- links into what is closed, and print ---- */

  function openTarget() {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    for (let e = target; e; e = e.parentElement) {
      if (e instanceof HTMLDetailsElement) e.open = true;
    }
  }
  window.addEventListener('hashchange', openTarget);
  openTarget();

  const opened = [];
  window.addEventListener('beforeprint', () => {
    for (const details of document.querySelectorAll('#shared:not([open]), #each-run:not([open]), #experiment details:not([open])')) {
      details.open = true;
      opened.push(details);
    }
  });
  window.addEventListener('afterprint', () => {
    for (const details of opened.splice(0)) details.open = false;
  });
})();
