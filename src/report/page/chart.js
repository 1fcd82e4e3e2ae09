/* The curves: three charts on one x axis, drawn by dygraphs from the numbers in #page-data (see data.c and curves.c). */
'use strict';
(function () {
  const source = document.getElementById('page-data');
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const metrics = new Map(data.metrics.map((m) => [m.by + ' ' + m.id, m]));
  if (metrics.size === 0) return;

  const LOST = ['diverged', 'failed', 'pruned', 'cancelled'];
  const MOST_SHOWN = 12, BEST_SHOWN = 8, READOUT_LINES = 8, PAPER_WIDTH = '640px';

  const wantsDark = window.matchMedia('(prefers-color-scheme: dark)');
  const state = {printing: false, single: false, smoothing: 0, picked: new Set(), window: null};
  const panels = [];

  /* ---- lines ---- */

  /* {mean, low, high} of a run, or null; unpacked when first needed. */
  function numbersOf(metric, run) {
    let entry = metric.runs[run];
    if (entry === null) return null;
    if (typeof entry === 'number') return numbersOf(metric, entry);
    if (Array.isArray(entry)) {
      const parts = entry.map(pxsNumbers.unpack);
      entry = {mean: parts[0], low: parts[1] || parts[0], high: parts[2] || parts[0]};
      metric.runs[run] = entry;
    }
    return entry;
  }

  function isDark() {
    return wantsDark.matches && !state.printing;
  }

  /* On dark paper a colour is mixed with white. */
  function colourOf(configuration) {
    const colour = data.configurations[configuration].colour;
    if (!isDark()) return colour;
    const parts = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
    return '#' + parts.map((part) => Math.round(part + (255 - part) * 0.42).toString(16).padStart(2, '0')).join('');
  }

  /* On, off, ... in pixels; null for a solid line. */
  function dashOf(configuration) {
    const dash = data.configurations[configuration].dash;
    return dash.length > 0 ? dash.map((part) => 2 * part) : null;
  }

  const runsOf = data.configurations.map(() => []);
  data.runs.forEach((run, i) => runsOf[run.configuration].push(i));

  function lineOf(metric, name, configuration, runs) {
    const list = runs.map((run) => numbersOf(metric, run)).filter((one) => one !== null);
    if (list.length === 0) return null;
    const whole = pxsNumbers.band(list);
    return {
      name, configuration,
      mean: pxsNumbers.smooth(whole.mean, state.smoothing),
      low: pxsNumbers.smooth(whole.low, state.smoothing),
      high: pxsNumbers.smooth(whole.high, state.smoothing),
    };
  }

  /* What a chart shows now, best configuration first. */
  function linesOf(metric) {
    const lines = [];
    for (const configuration of data.order) {
      const runs = runsOf[configuration].filter((run) => state.picked.has(run));
      if (!state.single) lines.push(lineOf(metric, data.configurations[configuration].label, configuration, runs));
      else for (const run of runs) lines.push(lineOf(metric, data.runs[run].name, configuration, [run]));
    }
    return lines.filter((line) => line !== null);
  }

  function rowsOf(metric, lines) {
    const rows = [];
    for (let i = 0; i < metric.n; i++) {
      const row = [metric.x0 + i * metric.dx];
      for (const line of lines)
        row.push(Number.isNaN(line.mean[i]) ? [null, null, null] : [line.low[i], line.mean[i], line.high[i]]);
      rows.push(row);
    }
    return rows;
  }

  /* ---- words ---- */

  /* Four digits: the numbers here are good for that many; all of them stand in the tables. */
  function format(value) {
    if (value === null || Number.isNaN(value)) return '';
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(3).replace(/\.?0+e/, 'e');
    return String(Number(value.toPrecision(4)));
  }

  /* Places on an axis are the axis's own numbers. */
  function formatPlace(value) {
    return Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6 ? format(value) : String(Number(value.toPrecision(6)));
  }

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function swatch(configuration) {
    const made = element('span', {className: 'swatch'});
    made.dataset.configuration = configuration;
    return paint(made);
  }

  function paint(made) {
    const configuration = Number(made.dataset.configuration), dash = dashOf(configuration);
    made.style.borderTopColor = colourOf(configuration);
    made.style.borderTopStyle = dash === null ? 'solid' : dash.length > 2 ? 'double' : dash[0] > 4 ? 'dashed' : 'dotted';
    return made;
  }

  /* ---- one chart ---- */

  const full = (function () {
    let from = Infinity, to = -Infinity;
    for (const m of metrics.values()) {
      from = Math.min(from, m.x0 - m.dx / 2);
      to = Math.max(to, m.x0 + (m.n - 0.5) * m.dx);
    }
    return [from, to];
  })();

  /* Lines at the marked place, nearest to the chosen one first, `READOUT_LINES` at most, by value. */
  function readOut(panel, row, chosen) {
    const metric = panel.metric, out = panel.readout;
    out.textContent = '';
    if (row < 0 || row >= metric.n) return;
    const x = metric.x0 + row * metric.dx, many = metric.by === 'batch' || metric.dx !== 1;
    out.append(element('strong', {}, 'epoch ' + (many ? x.toFixed(2) : String(Math.round(x)))));
    let lines = panel.lines.map((line, i) => ({line, i, value: line.mean[row]})).filter((l) => !Number.isNaN(l.value));
    const centre = chosen >= 0 && panel.lines[chosen] ? panel.lines[chosen].mean[row] : NaN;
    if (!Number.isNaN(centre)) lines.sort((a, b) => Math.abs(a.value - centre) - Math.abs(b.value - centre));
    const left = lines.length - READOUT_LINES;
    lines = lines.slice(0, READOUT_LINES).sort((a, b) => b.value - a.value);
    for (const {line, i, value} of lines) {
      const range = line.high[row] > line.low[row] ? ' (' + format(line.low[row]) + ' to ' + format(line.high[row]) + ')' : '';
      out.append(element('span', {className: i === chosen ? 'chosen' : ''}, swatch(line.configuration),
        line.name + ': ' + format(value) + range));
    }
    if (left > 0) out.append(element('span', {}, 'and ' + left + ' more'));
    out.style.minHeight = out.offsetHeight + 'px'; /* grows once and stays, so that nothing below jumps */
  }

  function setWindow(range) {
    state.window = range;
    for (const panel of panels) {
      if (panel.graph) panel.graph.updateOptions({dateWindow: range});
    }
  }

  function showWhole() {
    for (const panel of panels) {
      if (panel.graph) panel.graph.updateOptions({valueRange: panel.range, dateWindow: full});
    }
    state.window = full;
  }

  /* One finger scrolls the page, two zoom. */
  function interaction() {
    const usual = Dygraph.defaultInteractionModel;
    const two = (handler) => (event, g, context) => {
      if (event.touches.length > 1 || context.touches) handler(event, g, context);
    };
    return Object.assign({}, usual, {
      touchstart: two(usual.touchstart), touchmove: two(usual.touchmove), touchend: two(usual.touchend),
      dblclick: showWhole,
    });
  }

  let following = false;
  /* The other charts follow this one's x axis. */
  function follow(panel, initial) {
    if (initial || following || !panel.graph) return;
    const range = panel.graph.xAxisRange();
    if (range[0] === state.window[0] && range[1] === state.window[1]) return;
    following = true;
    state.window = range;
    for (const other of panels) {
      if (other !== panel && other.graph) other.graph.updateOptions({dateWindow: range});
    }
    following = false;
  }

  function optionsOf(panel, labels) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(state.printing ? '--print' + name : '-' + name).trim();
    const series = {};
    panel.lines.forEach((line, i) => { series[labels[i + 1]] = {strokePattern: dashOf(line.configuration)}; });
    return {
      labels, series,
      stepPlot: panel.choice.value.includes('lr_'), // a rate is in force until the next
      customBars: true,
      colors: panel.lines.map((line) => colourOf(line.configuration)),
      logscale: panel.log.checked,
      valueRange: panel.range,
      dateWindow: state.window,
      legend: 'never',
      fillAlpha: panel.lines.length > 20 ? 0.06 : 0.16,
      strokeWidth: panel.lines.length > 20 ? 1 : 1.6,
      highlightCircleSize: 3,
      highlightSeriesOpts: {strokeWidth: 2.6},
      highlightSeriesBackgroundAlpha: 1,
      axisLineColor: colour('-axis'),
      gridLineColor: colour('-grid'),
      axes: {
        x: {axisLabelFormatter: (x) => String(Number(x.toFixed(3))), pixelsPerLabel: 60},
        y: {axisLabelFormatter: formatPlace, axisLabelWidth: 62, pixelsPerLabel: 32},
      },
      interactionModel: interaction(),
      drawCallback: (g, initial) => follow(panel, initial),
      highlightCallback: (event, x, points, row, name) => {
        panel.row = row;
        panel.chosen = labels.indexOf(name) - 1;
        readOut(panel, row, panel.chosen);
      },
      unhighlightCallback: () => readOut(panel, -1, -1),
    };
  }

  /* An axis of rates has a decade at least, so that a small change does not look like a large one. */
  function setRange(panel) {
    const values = panel.lines.flatMap((line) => [...line.mean, ...line.low, ...line.high]);
    const found = pxsNumbers.range(values, panel.log.checked);
    if (found && panel.choice.value.includes('lr_') && found.high < 12 * found.low) found.low = found.high / 12;
    panel.range = found ? [found.low, found.high] : null;
    panel.cut.textContent = !found || !(found.above || found.below) ? ''
      : ' a few values lie ' + (found.above && found.below ? 'above and below' : found.above ? 'above' : 'below') + ' this axis';
  }

  function draw(panel) {
    panel.metric = metrics.get(panel.choice.value);
    panel.lines = linesOf(panel.metric);
    setRange(panel);
    if (panel.graph) panel.graph.destroy();
    panel.graph = null;
    panel.box.textContent = '';
    panel.box.setAttribute('aria-label', panel.metric.label + ': ' + panel.lines.length + ' lines over ' + panel.metric.n +
      ' places. Arrow keys move the mark, plus and minus zoom, 0 shows all.');
    if (panel.lines.length === 0) {
      panel.box.append(element('p', {className: 'empty'}, 'Nothing to draw: choose configurations below.'));
      return;
    }
    const labels = ['epoch', ...panel.lines.map((line, i) => 'line ' + i)];
    panel.graph = new Dygraph(panel.box, rowsOf(panel.metric, panel.lines), optionsOf(panel, labels));
  }

  function drawAll() {
    panels.forEach(draw);
  }

  /* ---- keys ---- */

  function zoom(panel, factor) {
    const [from, to] = state.window, at = panel.metric.x0 + panel.row * panel.metric.dx;
    const centre = at >= from && at <= to ? at : (from + to) / 2;
    const next = [centre - (centre - from) * factor, centre + (to - centre) * factor];
    if (next[1] - next[0] < 2 * panel.metric.dx) return;
    setWindow([Math.max(full[0], next[0]), Math.min(full[1], next[1])]);
  }

  function move(panel, places) {
    const metric = panel.metric, [from, to] = state.window;
    const first = Math.max(0, Math.ceil((from - metric.x0) / metric.dx));
    const last = Math.min(metric.n - 1, Math.floor((to - metric.x0) / metric.dx));
    panel.row = Math.min(last, Math.max(first, panel.row + places));
  }

  function onKey(panel, event) {
    const far = event.shiftKey ? 10 : 1, lines = panel.lines.length;
    if (!panel.graph || event.ctrlKey || event.altKey || event.metaKey) return;
    switch (event.key) {
      case 'ArrowLeft': move(panel, -far); break;
      case 'ArrowRight': move(panel, far); break;
      case 'ArrowUp': panel.chosen = (panel.chosen + lines - 1) % lines; break;
      case 'ArrowDown': panel.chosen = (panel.chosen + 1) % lines; break;
      case '+': case '=': zoom(panel, 0.5); break;
      case '-': zoom(panel, 2); break;
      case '0': showWhole(); break;
      default: return;
    }
    event.preventDefault();
    panel.graph.setSelection(panel.row, 'line ' + Math.max(0, panel.chosen));
    readOut(panel, panel.row, panel.chosen);
  }

  /* ---- controls ---- */

  function choiceOf(wanted) {
    const select = element('select', {});
    for (const by of ['epoch', 'batch']) {
      const group = element('optgroup', {label: 'By ' + by});
      for (const [key, metric] of metrics) {
        if (metric.by === by) group.append(element('option', {value: key}, metric.label));
      }
      if (group.childElementCount > 0) select.append(group);
    }
    const found = wanted.find((key) => metrics.has(key));
    if (found) select.value = found;
    return select;
  }

  function wantsLog(key) {
    return key.includes('lr_') || key === 'batch loss_G';
  }

  function addPanel(title, wanted) {
    const choice = choiceOf(wanted), log = element('input', {type: 'checkbox'});
    const panel = {choice, log, row: 0, chosen: 0, lines: [], graph: null};
    log.checked = wantsLog(choice.value);
    panel.cut = element('span', {className: 'cut'});
    panel.box = element('div', {className: 'chart', tabIndex: 0});
    panel.box.setAttribute('role', 'group');
    panel.readout = element('div', {className: 'readout'});
    panel.readout.setAttribute('aria-live', 'polite');
    choice.setAttribute('aria-label', title);
    choice.addEventListener('change', () => { log.checked = wantsLog(choice.value); draw(panel); });
    log.addEventListener('change', () => draw(panel));
    panel.box.addEventListener('keydown', (event) => onKey(panel, event));
    panels.push(panel);
    document.getElementById('panels').append(element('div', {className: 'panel'},
      element('div', {className: 'panel-head'}, choice, element('label', {}, log, ' log axis'), panel.cut), panel.box, panel.readout));
  }

  const picks = document.getElementById('picks');
  const boxes = []; /* of each configuration: its own, and those of its runs once they are unfolded */

  function showPicks() {
    for (const box of boxes) {
      const runs = runsOf[box.configuration], n = runs.filter((run) => state.picked.has(run)).length;
      box.whole.checked = n > 0;
      box.whole.indeterminate = n > 0 && n < runs.length;
      for (const [run, input] of box.single) input.checked = state.picked.has(run);
    }
  }

  function pick(runs, on) {
    for (const run of runs) {
      if (on) state.picked.add(run);
      else state.picked.delete(run);
    }
    showPicks();
    drawAll();
  }

  /* Runs that were lost are drawn when they are asked for by name. */
  function worthShowing(configuration) {
    return runsOf[configuration].filter((run) => !LOST.includes(data.runs[run].state));
  }

  function unfold(box, list) {
    for (const run of runsOf[box.configuration]) {
      const input = element('input', {type: 'checkbox', checked: state.picked.has(run)});
      input.addEventListener('change', () => pick([run], input.checked));
      box.single.set(run, input);
      const {name, state: how} = data.runs[run];
      list.append(element('li', {}, element('label', {}, input, ' ' + name + (how === 'completed' ? '' : ' (' + how + ')'))));
    }
  }

  function addPick(configuration, place) {
    const whole = element('input', {type: 'checkbox'}), n = runsOf[configuration].length;
    const box = {configuration, whole, single: new Map()};
    const list = element('ul', {hidden: true, id: 'pick-' + place});
    const more = element('button', {type: 'button', className: 'more'}, n + (n === 1 ? ' run' : ' runs'));
    more.setAttribute('aria-expanded', 'false');
    more.setAttribute('aria-controls', list.id);
    more.addEventListener('click', () => {
      if (box.single.size === 0) unfold(box, list);
      list.hidden = !list.hidden;
      more.setAttribute('aria-expanded', String(!list.hidden));
    });
    whole.addEventListener('change', () => {
      const good = worthShowing(configuration);
      pick(whole.checked && good.length > 0 ? good : runsOf[configuration], whole.checked);
    });
    boxes.push(box);
    picks.append(element('li', {}, element('label', {}, whole, swatch(configuration), data.configurations[configuration].label), more, list));
  }

  function pickBest(n) {
    state.picked.clear();
    pick(data.order.slice(0, n).flatMap(worthShowing), true);
  }

  function listen() {
    const slider = document.getElementById('smoothing'), value = document.getElementById('smoothing-value');
    let waiting = false;
    slider.addEventListener('input', () => {
      state.smoothing = Number(slider.value);
      value.textContent = state.smoothing === 0 ? 'none' : 'mean of ' + (2 * state.smoothing + 1);
      if (!waiting) requestAnimationFrame(() => { waiting = false; drawAll(); });
      waiting = true;
    });
    for (const radio of document.querySelectorAll('input[name=lines]')) {
      radio.addEventListener('change', () => { state.single = radio.value === 'runs' && radio.checked; drawAll(); });
    }
    document.getElementById('whole').addEventListener('click', showWhole);
    document.getElementById('show-all').addEventListener('click', () => pickBest(data.order.length));
    document.getElementById('show-best').addEventListener('click', () => pickBest(3));
    document.getElementById('show-none').addEventListener('click', () => pickBest(0));
    const repaint = (printing) => {
      state.printing = printing;
      /* A fixed width: a chart that is laid out anew for paper would come out empty. */
      for (const panel of panels) panel.box.style.width = printing ? PAPER_WIDTH : '';
      document.querySelectorAll('.swatch').forEach(paint);
      drawAll();
    };
    wantsDark.addEventListener('change', () => repaint(false));
    window.addEventListener('beforeprint', () => repaint(true));
    window.addEventListener('afterprint', () => repaint(false));
  }

  /* ---- begin ---- */

  state.window = full;
  document.getElementById('charts').hidden = false;
  document.body.classList.add('drawn');
  document.querySelectorAll('.swatch').forEach(paint);
  addPanel('First chart', ['epoch val_loss', 'epoch avg_loss_G']);
  addPanel('Second chart', ['batch loss_G', 'epoch avg_loss_G']);
  addPanel('Third chart', ['epoch lr_G']);
  data.order.forEach(addPick);
  pickBest(data.order.length > MOST_SHOWN ? BEST_SHOWN : data.order.length);
  listen();
})();
