// Trust, third part: whether it is right as often as it says.

import { between, few, isFew, ofAll } from './counted.js';
import { fill, h } from './dom.js';
import { number, percent, say } from './language.js';
import { Plot } from './svg.js';

const words = h('p', { class: 'lead', id: 'trust-sure' });
const more = h('p', { class: 'quiet' });
const chart = h('div', { class: 'chart' });
const table = h('div', {});

export const reliability = {
  element: h('section', { class: 'card', 'aria-labelledby': 'trust-sure-title' }, h('h2', { id: 'trust-sure-title' }, say('trust.sure.title')), words, more, chart, table),
  show({ task, outcome, cv }) {
    reliability.element.hidden = task !== 'classification';
    fill(chart);
    fill(table);
    fill(more);
    if (!outcome) return void fill(words, say('trust.sure.lacking'));
    const bins = outcome.reliability;
    const most = bins.reduce((best, bin) => (bin.right.of >= best.right.of ? bin : best));
    const { right } = most;
    const said = percent(most.confidence);
    const key = isFew(right) ? 'trust.sure.few' : 'trust.sure.often';
    fill(words, say(key, { said, count: right.count, of: right.of, low: number(Math.round(right.low * 100)), high: number(Math.round(right.high * 100)) }));
    more.dataset.ece = String(cv.ece);
    fill(more, cv.ece === null ? '' : say('trust.sure.off', { n: Math.round(cv.ece * 1000) / 10 }), ` ${few(outcome.right)}`);
    draw(bins);
    const row = ({ confidence, right: part }) => h('tr', {}, h('th', { scope: 'row' }, percent(confidence)), h('td', {}, ofAll(part)), h('td', {}, between(part)));
    const head = ['trust.axis.said', 'trust.axis.right', 'trust.likely'].map((name) => h('th', { scope: 'col' }, say(name)));
    fill(table, h('details', { class: 'versions' }, h('summary', {}, say('trust.as.table')), h('table', { class: 'each' }, h('thead', {}, h('tr', {}, head)), h('tbody', {}, bins.map(row)))));
  },
};

function draw(bins) {
  const plot = new Plot({ label: say('trust.sure.about'), across: say('trust.axis.said'), up: say('trust.axis.right'), marks: (value) => percent(value) });
  plot.line([[0, 0], [1, 1]], { class: 'ideal' });
  const largest = Math.max(...bins.map(({ right }) => right.of));
  for (const { confidence, right } of bins) {
    plot.line([[confidence, right.low], [confidence, right.high]], { class: 'whisker' });
    plot.add('circle', { class: 'dot', cx: plot.x(confidence), cy: plot.y(right.count / right.of), r: 2.5 + 4.5 * Math.sqrt(right.of / largest) });
  }
  fill(chart, plot.element);
}
